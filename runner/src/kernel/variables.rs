//! Variables of a running probe that get another value.

use std::os::fd::AsFd;

use crate::kernel::error::{Error, Phase};
use crate::kernel::maps::Map;
use crate::kernel::pins::PinDir;
use crate::kernel::{globals, sys};
use crate::plan::{Flip, Store};

/// What was stored, and what was there before.
#[derive(Debug, Default)]
pub struct Stored {
    before: Vec<(Map, usize, Vec<u8>)>,
}

impl Stored {
    /// Stores a variable's value where the programs see it.
    pub fn store(&mut self, pins: &PinDir, store: &Store) -> Result<(), Error> {
        let bytes = globals::bytes_of(&store.global)?;
        let what = format!("global {} (object {})", store.global.name, store.global.object);
        self.put(pins, &store.map, store.offset as usize, &bytes, &what)
    }

    /// Brings the other half of a PROG_ARRAY into use.
    pub fn flip(&mut self, pins: &PinDir, flip: &Flip) -> Result<(), Error> {
        let generation = &flip.generation;
        let what = format!("the generation of {}", generation.map);
        let bytes = flip.to.to_ne_bytes();
        self.put(pins, &generation.variables(), generation.offset as usize, &bytes, &what)
    }

    fn put(
        &mut self,
        pins: &PinDir,
        map: &str,
        offset: usize,
        bytes: &[u8],
        what: &str,
    ) -> Result<(), Error> {
        let map = Map::open(pins, map)?;
        let section = map.lookup(&0u32.to_ne_bytes())?.unwrap_or_default();
        let before = section.get(offset..offset + bytes.len()).unwrap_or_default().to_vec();
        sys::store_mapped(map.fd().as_fd(), offset, bytes)
            .map_err(|error| Error::from_io(Phase::Global, what, &error))?;
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
