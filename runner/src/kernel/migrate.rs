//! Copies a map's entries into another map that takes its place while programs write to both.
//!
//! What the old map holds is copied before any program writes to the new one. Old programs go on writing to the old map
//! until the last of them has ended; then what they changed is carried over where the new ones haven't changed the
//! same entry. One that both changed can't be told apart: it keeps the new programs' value, and is counted.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::fd::AsFd;

use crate::kernel::error::{Error, Phase};
use crate::kernel::maps::{Entry, Map};
use crate::kernel::pins::PinDir;
use crate::kernel::sys::{self, CheckedMap};

/// How many entries are stored by one call.
const BATCH: usize = 1024;

/// Entries that were copied, of maps that are still written to.
#[derive(Debug)]
pub struct Migration {
    old: Map,
    new: Map,
    /// What the new map got, by key.
    copied: HashMap<Vec<u8>, Vec<u8>>,
}

/// What became of a map's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    map: String,
    /// Entries that the new map got, and has or had.
    moved: usize,
    /// Those for which it has no room.
    left_out: usize,
    /// Those that old and new programs changed meanwhile.
    contested: usize,
}

/// What is to be done about an entry that old programs changed after it was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Catch {
    /// The new map has what it should have.
    Nothing,
    /// The old value is stored, or the entry is deleted if there is none any more.
    Follow,
    /// New programs changed it too.
    Contested,
}

impl Migration {
    /// Copies what a map holds into the one of the same name that nothing writes to yet.
    ///
    /// # Errors
    /// A map can't be read or written.
    pub fn begin(name: &str, from: &PinDir, to: &PinDir) -> Result<Migration, Error> {
        let (old, new) = (Map::open(from, name)?, Map::open(to, name)?);
        let entries = old.entries()?;
        let copied = store(&new, entries).map_err(|error| failed(name, &error))?;
        Ok(Migration { old, new, copied })
    }

    /// Carries over what was written to the old map since. To be called when nothing writes to it any more.
    ///
    /// # Errors
    /// A map can't be read or written.
    pub fn finish(self) -> Result<Migrated, Error> {
        let Migration { old, new, mut copied } = self;
        let mut migrated = Migrated { map: old.name().to_owned(), ..Migrated::default() };
        let now = by_key(old.entries()?);
        let there = by_key(new.entries()?);
        let target = CheckedMap::new(new.fd().as_fd()).map_err(|e| failed(&migrated.map, &e))?;
        for (key, value) in &now {
            let before = copied.remove(key);
            migrated.moved += 1;
            match catch(before.as_ref(), Some(value), there.get(key)) {
                Catch::Nothing => {}
                Catch::Contested => migrated.contested += 1,
                Catch::Follow => match sys::map_update(&target, key, value) {
                    Ok(()) => {}
                    Err(error) if error.raw_os_error() == Some(libc::E2BIG) => {
                        migrated.moved -= 1;
                        migrated.left_out += 1;
                    }
                    Err(error) => return Err(failed(&migrated.map, &error)),
                },
            }
        }
        // What old programs deleted meanwhile.
        for (key, value) in &copied {
            if catch(Some(value), None, there.get(key)) == Catch::Follow {
                match sys::map_delete(&target, key) {
                    Err(error) if error.raw_os_error() != Some(libc::ENOENT) => {
                        return Err(failed(&migrated.map, &error));
                    }
                    _ => {}
                }
            }
        }
        Ok(migrated)
    }
}

/// `before` is what was copied, `now` what the old map holds, `there` what the new one does.
fn catch(before: Option<&Vec<u8>>, now: Option<&Vec<u8>>, there: Option<&Vec<u8>>) -> Catch {
    match (now != before, there != before) {
        (false, _) => Catch::Nothing,
        (true, false) => Catch::Follow,
        (true, true) => Catch::Contested,
    }
}

fn by_key(entries: Vec<Entry>) -> HashMap<Vec<u8>, Vec<u8>> {
    entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
}

/// Stores entries as far as there is room; those that were stored.
fn store(map: &Map, entries: Vec<Entry>) -> io::Result<HashMap<Vec<u8>, Vec<u8>>> {
    let target = CheckedMap::new(map.fd().as_fd())?;
    let mut stored = HashMap::with_capacity(entries.len());
    for some in entries.chunks(BATCH) {
        let keys: Vec<u8> = some.iter().flat_map(|entry| entry.key.iter().copied()).collect();
        let values: Vec<u8> = some.iter().flat_map(|entry| entry.value.iter().copied()).collect();
        // Where there are no batches, or one of an array ends at its size, each is tried.
        let taken = sys::map_update_batch(&target, &keys, &values, some.len()).unwrap_or(0);
        let (taken, rest) = some.split_at(taken.min(some.len()));
        stored.extend(taken.iter().map(|entry| (entry.key.clone(), entry.value.clone())));
        for entry in rest {
            match sys::map_update(&target, &entry.key, &entry.value) {
                Ok(()) => drop(stored.insert(entry.key.clone(), entry.value.clone())),
                Err(error) if error.raw_os_error() == Some(libc::E2BIG) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(stored)
}

fn failed(map: &str, error: &io::Error) -> Error {
    Error::from_io(Phase::Migrate, format!("map {map}"), error)
        .hint("leave out its `migrate: true` to begin with an empty map")
}

impl fmt::Display for Migrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Migrated { map, moved, left_out, contested } = self;
        write!(f, "map {map}: {moved} entries were copied")?;
        if *left_out > 0 {
            write!(f, "; {left_out} found no room in the new map and are lost")?;
        }
        if *contested > 0 {
            write!(
                f,
                "; {contested} were written by old and new programs while these changed places, and \
                 keep the new ones' values"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Catch, catch};

    #[test]
    fn what_only_old_programs_changed_is_carried_over() {
        let (one, two, three) = (vec![1], vec![2], vec![3]);
        let cases = [
            // Copied and left alone; by both, by the old ones, by the new ones.
            (Some(&one), Some(&one), Some(&one), Catch::Nothing),
            (Some(&one), Some(&two), Some(&one), Catch::Follow),
            (Some(&one), Some(&one), Some(&two), Catch::Nothing),
            (Some(&one), Some(&two), Some(&three), Catch::Contested),
            (Some(&one), Some(&two), Some(&two), Catch::Contested),
            // Deleted by the one or the other.
            (Some(&one), None, Some(&one), Catch::Follow),
            (Some(&one), None, Some(&two), Catch::Contested),
            (Some(&one), Some(&one), None, Catch::Nothing),
            (Some(&one), Some(&two), None, Catch::Contested),
            // New since.
            (None, Some(&one), None, Catch::Follow),
            (None, Some(&one), Some(&two), Catch::Contested),
        ];
        for (before, now, there, expected) in cases {
            assert_eq!(catch(before, now, there), expected, "{before:?} {now:?} {there:?}");
        }
    }
}
