//! The kernel: the only users of bpf(2), of aya and of the bpf file system.
//!
//! Upwards it speaks plain data ([`crate::live`], bytes, paths below a [`PinDir`]); aya's types stay
//! inside. It decides nothing about probes: it brings up what it is given, or says why it couldn't.

mod attach;
mod bring_up;
mod btf_support;
mod cause;
mod detached;
mod error;
mod facts;
mod globals;
mod health;
mod hints;
mod kernel_types;
mod load;
mod migrate;
mod mounts;
mod perf_buffer;
mod previous;
mod privileges;
mod slots;
mod state;
mod symbols;
mod sys;
mod test_bed;
mod test_context;
mod variables;
mod verifier;

pub mod features;
pub mod iterators;
pub mod lock;
pub mod maps;
pub mod observe;
pub mod pins;
pub mod records;
pub mod ring;
pub mod steering;
pub mod waiter;

pub use bring_up::{Running, bring_up};
pub use detached::wait_until_detached;
pub use error::{Error, Phase, WholeLog, describe};
pub use health::{Statistics, fill, since_boot};
pub use load::ObjectFile;
pub use migrate::Migrated;
pub use pins::PinDir;
pub use previous::Previous;
pub use slots::{Exchanges, clear as clear_slots};
pub use state::{forget, remember};
pub use sys::{MapInfo, wait_for_programs};
pub use test_bed::TestBed;
pub use test_context::TestContext;
pub use variables::Stored;
pub use verifier::VerifierLog;
