//! A map's entries in batches: thousands of them in one system call.

use std::io;

use crate::kernel::maps::ahead::Next;
use crate::kernel::maps::pieces::Piece;
use crate::kernel::sys::{self, Batches, CheckedMap};

/// How many entries a batch asks for at most.
const BATCH: usize = 4096;

/// Near the end a batch asks for half of what may be left, and for no less than this: nothing is done while the last one
/// is visited.
const LAST: usize = 1024;

/// Reads a map's batches one after the other.
pub(super) struct Reader<'m> {
    map: &'m CheckedMap<'m>,
    batches: Batches,
    /// How many entries are asked for at most.
    count: usize,
    /// How many there may be that were not read yet.
    left: usize,
    position: Option<Vec<u8>>,
}

impl<'m> Reader<'m> {
    /// Of a map that has `max_entries` at most.
    pub fn new(map: &'m CheckedMap<'m>, max_entries: u32, batches: Batches) -> Reader<'m> {
        let left = max_entries.max(1) as usize;
        let count = Piece::fitting(map, BATCH.min(left));
        Reader { map, batches, count, left, position: None }
    }

    /// Reads the next batch.
    pub fn read(&mut self, piece: &mut Piece) -> io::Result<Next> {
        let (map, position) = (self.map, &mut self.position);
        loop {
            let count = match position {
                Some(_) => self.count.min((self.left / 2).max(LAST)),
                None => self.count,
            };
            piece.resize(map, count);
            let (keys, values) = (&mut piece.keys, &mut piece.values);
            match sys::map_batch(map, self.batches, position, keys, values, count) {
                Ok(read) => {
                    piece.count = read.count;
                    self.left = self.left.saturating_sub(read.count);
                    let is_end = read.last || read.count == 0;
                    return Ok(if is_end { Next::End } else { Next::More });
                }
                // One bucket holds more than that.
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => {
                    self.count = 2 * count;
                    self.left = usize::MAX;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether an error is the answer of kernels (before 5.6) and of map types that have no batches.
pub(super) fn are_missing(error: &io::Error) -> bool {
    const ENOTSUPP: i32 = 524;
    matches!(error.raw_os_error(), Some(libc::EINVAL | ENOTSUPP | libc::EOPNOTSUPP))
}
