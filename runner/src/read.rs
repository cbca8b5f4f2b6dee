//! The readout: what maps and event records hold, made readable.
//!
//! Bytes and the [`Layout`](crate::btf::Layout) of their type become [`Value`]s, these become the
//! rows of a [`Table`], and a sink writes the table for people or for programs. Where the bytes
//! come from is not known here: nothing in this room makes a BPF system call. Only
//! [`decoders`] ask the machine for names (of devices, processes, users).

mod bits;
mod buckets;
pub mod columns;
mod decode;
pub mod decoders;
mod loss;
mod merge;
mod order;
mod permute;
mod rates;
mod rows;
pub mod sinks;
mod table;
mod value;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod sample;

pub use columns::{Column, ColumnError, Columns, Entry};
pub use decode::decode;
pub use decoders::Lookups;
pub use loss::Loss;
pub use rates::Rates;
pub use rows::{Cell, Row, per_cpu, record};
pub use sinks::listing::Listing;
pub use table::{Table, Zeros, table};
pub use value::Value;
