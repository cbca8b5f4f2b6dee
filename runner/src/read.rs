//! The readout: what maps and event records hold, made readable.
//!
//! Bytes and the [`Layout`](crate::btf::Layout) of their type become [`Value`]s, these become the
//! rows of a [`Table`], and a sink writes the table for people or for programs. Where the bytes
//! come from is not known here: nothing in this room makes a BPF system call. Only
//! [`decoders`] ask the machine for names (of devices, processes, users).

mod bits;
mod decode;
pub mod decoders;
mod value;

#[cfg(test)]
mod sample;

pub use decode::decode;
pub use decoders::Lookups;
pub use value::Value;
