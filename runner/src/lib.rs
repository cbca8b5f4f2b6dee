//! Runs eBPF probes from YAML.
//!
//! The modules are declared in the order in which data flows through them: text becomes a [`spec`],
//! names are bound to what the [`object`]s hold and make a [`model`], the [`rules`] turn a model into
//! a checked one, which becomes [`desired`] data and is brought to the kernel; the readout shows what
//! the maps hold. A module imports only from those above it; `ARCHITECTURE.md` has the picture.

pub mod syscall_table;
pub mod text;
pub mod spec;
pub mod btf;
pub mod object;
pub mod kernels;
pub mod desired;
pub mod read;
pub mod model;
pub mod resolve;
pub mod rules;
pub mod prove;
pub mod probe_files;
pub mod formats;
pub mod scaffold;
pub mod live;
pub mod swap;
pub mod plan;
pub mod kernel;
pub mod apply;
pub mod readout;
pub mod metrics;
pub mod serve;
pub mod probe_tests;
pub mod watch;

pub mod commands;
pub mod cli;
