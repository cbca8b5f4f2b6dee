//! Consuming perf buffers: a buffer for each CPU, whose records come in order for that CPU alone.

use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};

use aya::maps::perf::{PerfEvent, PerfEventArrayBuffer};
use aya::maps::{MapData, PerfEventArray};
use aya::util::online_cpus;

use crate::kernel::error::{Error, Phase};
use crate::kernel::pins::PinDir;
use crate::kernel::ring::innermost;

/// How large each CPU's buffer is.
const PAGES: usize = 64;

/// The consumer of a perf event array. Records of CPUs that come later are not seen.
pub struct PerfReader {
    buffers: Vec<PerfEventArrayBuffer<MapData>>,
    lost: u64,
}

impl PerfReader {
    /// Opens one of a probe's perf event arrays by its symbol.
    pub fn open(pins: &PinDir, name: &str) -> Result<PerfReader, Error> {
        let failed = |error: &dyn std::error::Error| {
            Error::new(Phase::Read, format!("perf buffer {name}"), innermost(error))
        };
        let map = MapData::from_pin(pins.map(name)).map_err(|error| failed(&error))?;
        let mut array = PerfEventArray::try_from(aya::maps::Map::PerfEventArray(map))
            .map_err(|error| failed(&error))?;
        let cpus = online_cpus().map_err(|(_, error)| failed(&error))?;
        let mut buffers = Vec::new();
        for cpu in cpus {
            buffers.push(array.open(cpu, Some(PAGES)).map_err(|error| failed(&error))?);
        }
        Ok(PerfReader { buffers, lost: 0 })
    }

    /// Hands the records that are there to `record`, at most `limit` of each CPU; returns how many
    /// there were. A record may be followed by up to 7 bytes that belong to none.
    pub fn drain(&mut self, limit: usize, mut record: impl FnMut(&[u8])) -> usize {
        let mut all = 0;
        let mut joined = Vec::new();
        for buffer in &mut self.buffers {
            let (lost, record, joined) = (&mut self.lost, &mut record, &mut joined);
            let drained = buffer.try_fold(0, |count, event| {
                match event {
                    PerfEvent::Sample { head, tail: [] } => record(head),
                    PerfEvent::Sample { head, tail } => {
                        joined.clear();
                        joined.extend_from_slice(head);
                        joined.extend_from_slice(tail);
                        record(joined);
                    }
                    PerfEvent::Lost { count: more } => {
                        *lost += more;
                        return ControlFlow::Continue(count);
                    }
                }
                if count + 1 < limit {
                    ControlFlow::Continue(count + 1)
                } else {
                    ControlFlow::Break(limit)
                }
            });
            all += match drained {
                ControlFlow::Continue(count) | ControlFlow::Break(count) => count,
            };
        }
        all
    }

    /// How many records found their buffer full.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// What becomes readable when there are records.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.buffers.iter().map(AsFd::as_fd)
    }
}
