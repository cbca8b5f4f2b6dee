//! PROG_ARRAYs whose slots change while programs call through them.
//!
//! One exchange is atomic (`bpf_fd_array_map_update_elem`, kernel/bpf/arraymap.c: `xchg`): an event runs the
//! old handler or the new one. The old one may still be finishing when the exchange is done.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use crate::kernel::error::{Error, Phase};
use crate::kernel::maps::Map;
use crate::kernel::pins::PinDir;
use crate::kernel::sys::{self, CheckedMap};

/// Exchanges that can be taken back.
#[derive(Debug, Default)]
pub struct Exchanges {
    done: Vec<Exchange>,
}

#[derive(Debug)]
struct Exchange {
    array: OwnedFd,
    index: u32,
    before: Option<OwnedFd>,
}

impl Exchanges {
    /// Puts a program into a slot of an array, or empties the slot. `program` is the program's pin.
    pub fn exchange(
        &mut self,
        pins: &PinDir,
        map: &str,
        index: u32,
        program: Option<&Path>,
    ) -> io::Result<()> {
        let program = program.map(sys::obj_get).transpose()?;
        let array = sys::obj_get(&pins.map(map))?;
        let _piece = sys::Unpreempted::begin();
        let before = occupant(&array, index)?;
        set(&array, index, program.as_ref())?;
        self.done.push(Exchange { array, index, before });
        Ok(())
    }

    /// Puts back what was there, the last exchange first.
    pub fn undo(&mut self) -> Result<(), Error> {
        let mut result = Ok(());
        while let Some(Exchange { array, index, before }) = self.done.pop() {
            let undone = set(&array, index, before.as_ref());
            if let (Ok(()), Err(error)) = (&result, undone) {
                let what = format!("what was in slot {index} before");
                result = Err(Error::from_io(Phase::Slot, what, &error));
            }
        }
        result
    }
}

/// The program in a slot.
fn occupant(array: &OwnedFd, index: u32) -> io::Result<Option<OwnedFd>> {
    let mut id = [0; 4];
    match sys::map_lookup(&CheckedMap::new(array.as_fd())?, &index.to_ne_bytes(), &mut id) {
        Ok(()) => sys::prog_open(u32::from_ne_bytes(id)).map(Some),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

fn set(array: &OwnedFd, index: u32, program: Option<&OwnedFd>) -> io::Result<()> {
    match program {
        Some(program) => sys::prog_array_set(array.as_fd(), index, program.as_fd()),
        None => match sys::map_delete(&CheckedMap::new(array.as_fd())?, &index.to_ne_bytes()) {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(error),
            _ => Ok(()),
        },
    }
}

/// Empties slots.
pub fn clear<'a>(
    pins: &PinDir,
    slots: impl IntoIterator<Item = (&'a str, u32)>,
) -> Result<(), Error> {
    let mut open: Option<Map> = None;
    for (map, index) in slots {
        let array = match open.take() {
            Some(array) if array.name() == map => open.insert(array),
            _ => open.insert(Map::open(pins, map)?),
        };
        set(array.fd(), index, None).map_err(|error| {
            Error::from_io(Phase::Slot, format!("slot {map}[{index}], to be empty"), &error)
        })?;
    }
    Ok(())
}
