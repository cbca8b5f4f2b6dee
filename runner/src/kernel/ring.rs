//! Consuming ring buffers: records as bytes, in the order in which programs submitted them.

use std::os::fd::{AsFd, BorrowedFd};

use aya::maps::{MapData, MapError, RingBuf};

use crate::kernel::error::{Error, Phase};
use crate::kernel::pins::PinDir;

/// The consumer of a ring buffer. A ring buffer has one reading position for everybody: two
/// consumers take each other's records.
pub struct RingReader {
    name: String,
    ring: RingBuf<MapData>,
}

impl RingReader {
    /// Opens one of a probe's ring buffers by its symbol.
    pub fn open(pins: &PinDir, name: &str) -> Result<RingReader, Error> {
        let failed = |error: MapError| {
            Error::new(Phase::Read, format!("ring buffer {name}"), innermost(&error))
        };
        let map = MapData::from_pin(pins.map(name)).map_err(failed)?;
        let ring = RingBuf::try_from(aya::maps::Map::RingBuf(map)).map_err(failed)?;
        Ok(RingReader { name: name.to_owned(), ring })
    }

    /// The map's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hands the records that are there to `record`, oldest first, at most `limit` of them; returns
    /// how many there were. The bytes are padded to 8 only in the buffer, not here.
    pub fn drain(&mut self, limit: usize, mut record: impl FnMut(&[u8])) -> usize {
        let mut count = 0;
        while count < limit {
            let Some(item) = self.ring.next() else { break };
            record(&item);
            count += 1;
        }
        count
    }
}

impl AsFd for RingReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// The last of an error's causes: aya's own messages only name the call.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
