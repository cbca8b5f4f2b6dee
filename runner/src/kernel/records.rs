//! Event records of either kind of buffer.

use std::os::fd::{AsFd, BorrowedFd};

use crate::kernel::error::Error;
use crate::kernel::maps::Map;
use crate::kernel::perf_buffer::PerfReader;
use crate::kernel::pins::PinDir;
use crate::kernel::ring::RingReader;
use crate::object::MapType;

/// What a stream of records is read from.
pub enum Records {
    /// One buffer for all CPUs.
    Ring(RingReader),
    /// A buffer for each CPU.
    Perf(PerfReader),
}

impl Records {
    /// Opens one of a probe's ring buffers or perf event arrays by its symbol.
    pub fn open(pins: &PinDir, name: &str) -> Result<Records, Error> {
        match Map::open(pins, name)?.map_type() {
            MapType::PERF_EVENT_ARRAY => PerfReader::open(pins, name).map(Records::Perf),
            _ => RingReader::open(pins, name).map(Records::Ring),
        }
    }

    /// Hands the records that are there to `record`, at most `limit` of each buffer; returns how many
    /// there were.
    pub fn drain(&mut self, limit: usize, record: impl FnMut(&[u8])) -> usize {
        match self {
            Records::Ring(ring) => ring.drain(limit, record),
            Records::Perf(perf) => perf.drain(limit, record),
        }
    }

    /// How many records the kernel says that it had no room for. Of a ring buffer only its programs know.
    pub fn lost(&self) -> u64 {
        match self {
            Records::Ring(_) => 0,
            Records::Perf(perf) => perf.lost(),
        }
    }

    /// What becomes readable when there are records.
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        match self {
            Records::Ring(ring) => vec![ring.as_fd()],
            Records::Perf(perf) => perf.descriptors().collect(),
        }
    }
}
