//! `serve`: the metrics of every applied probe, for whoever asks.
//!
//! One thread reads the kernel ([`scrapes`]), another speaks HTTP ([`http`]). What is read is one
//! page: requests that come while it is being made share the next one.

mod accept;
mod collector;
pub mod http;
mod page;
pub mod scrapes;

pub use collector::Collector;
