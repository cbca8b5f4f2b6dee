//! A map's entries in batches: thousands of them in one system call.
//!
//! The kernel takes longer to look entries up than we take to do something with them. So where there is
//! more than one batch, the next is asked for while one is visited.

use std::io;

use crate::kernel::error::Error;
use crate::kernel::maps::ahead::{self, Next};
use crate::kernel::sys::{self, Batches, CheckedMap};

/// How many entries a batch asks for at most, and how many bytes: per-CPU values can be large.
const BATCH: usize = 4096;
const BATCH_BYTES: usize = 1 << 20;

/// Near the end a batch asks for half of what may be left, and for no less than this: nothing is done while the last one
/// is visited.
const LAST: usize = 1024;

/// Visits the entries of a map, which has `max_entries` at most; `Ok(false)`, and nothing visited, where the kernel
/// or the map's type has no batches.
pub(super) fn visit<E: From<Error>>(
    map: &CheckedMap<'_>,
    max_entries: u32,
    batches: Batches,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    failed: impl Fn(&io::Error) -> Error,
) -> Result<bool, E> {
    let failed = |error: io::Error| E::from(failed(&error));
    let mut reader = Reader::new(map, max_entries, batches);
    let mut batch = Batch::default();
    let mut next = match reader.read(&mut batch) {
        Ok(next) => next,
        Err(error) if has_no_batches(&error) => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    let mut visit_all =
        |batch: &Batch| batch.entries(map).try_for_each(|(key, value)| visit(key, value));
    if next == Next::More && batches == Batches::Kept {
        ahead::work(batch, |batch| reader.read(batch), visit_all, failed)?;
        return Ok(true);
    }
    // What is taken is visited before more is taken: if the visitor fails, the rest stays in the map.
    loop {
        visit_all(&batch)?;
        if next == Next::End {
            return Ok(true);
        }
        next = reader.read(&mut batch).map_err(failed)?;
    }
}

/// Some entries of a map.
#[derive(Default)]
struct Batch {
    keys: Vec<u8>,
    values: Vec<u8>,
    count: usize,
}

impl Batch {
    fn entries(&self, map: &CheckedMap<'_>) -> impl Iterator<Item = (&[u8], &[u8])> {
        let keys = self.keys.chunks_exact(map.key_size());
        keys.zip(self.values.chunks_exact(map.value_size().max(1))).take(self.count)
    }
}

/// Reads a map's batches one after the other.
struct Reader<'m> {
    map: &'m CheckedMap<'m>,
    batches: Batches,
    /// How many entries are asked for at most.
    count: usize,
    /// How many there may be that were not read yet.
    left: usize,
    position: Option<Vec<u8>>,
}

impl<'m> Reader<'m> {
    fn new(map: &'m CheckedMap<'m>, max_entries: u32, batches: Batches) -> Reader<'m> {
        let fitting = BATCH_BYTES / (map.key_size() + map.value_size()).max(1);
        let left = max_entries.max(1) as usize;
        Reader { map, batches, count: fitting.clamp(1, BATCH).min(left), left, position: None }
    }

    fn read(&mut self, batch: &mut Batch) -> io::Result<Next> {
        let (map, position) = (self.map, &mut self.position);
        loop {
            let count = match position {
                Some(_) => self.count.min((self.left / 2).max(LAST)),
                None => self.count,
            };
            batch.keys.resize(map.key_size() * count, 0);
            batch.values.resize(map.value_size() * count, 0);
            let (keys, values) = (&mut batch.keys, &mut batch.values);
            match sys::map_batch(map, self.batches, position, keys, values, count) {
                Ok(read) => {
                    batch.count = read.count;
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

/// The answers of kernels (before 5.6) and of map types that have no batches.
fn has_no_batches(error: &io::Error) -> bool {
    const ENOTSUPP: i32 = 524;
    matches!(error.raw_os_error(), Some(libc::EINVAL | ENOTSUPP | libc::EOPNOTSUPP))
}
