//! Variables of a running probe that get another value.

use std::os::fd::AsFd;

use crate::kernel::error::{Error, Phase};
use crate::kernel::maps::Map;
use crate::kernel::pins::PinDir;
use crate::kernel::{globals, sys};
use crate::plan::Store;

/// What was stored, and what was there before.
#[derive(Debug, Default)]
pub struct Stored {
    before: Vec<(Map, usize, Vec<u8>)>,
}

impl Stored {
    /// Stores a variable's value where the programs see it.
    pub fn store(&mut self, pins: &PinDir, store: &Store) -> Result<(), Error> {
        let bytes = globals::bytes_of(&store.global)?;
        let map = Map::open(pins, &store.map)?;
        let offset = store.offset as usize;
        let section = map.lookup(&0u32.to_ne_bytes())?.unwrap_or_default();
        let before = section.get(offset..offset + bytes.len()).unwrap_or_default().to_vec();
        sys::store_mapped(map.fd().as_fd(), offset, &bytes).map_err(|error| {
            let what = format!("global {} (object {})", store.global.name, store.global.object);
            Error::from_io(Phase::Global, what, &error)
        })?;
        self.before.push((map, offset, before));
        Ok(())
    }

    /// Puts back what was there.
    pub fn undo(&mut self) -> Result<(), Error> {
        while let Some((map, offset, bytes)) = self.before.pop() {
            sys::store_mapped(map.fd().as_fd(), offset, &bytes).map_err(|error| {
                Error::from_io(Phase::Global, format!("the variables in {}", map.name()), &error)
            })?;
        }
        Ok(())
    }
}
