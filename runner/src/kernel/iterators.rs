//! What a probe's iterators have to say: each reading of one runs its program over all there is.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;

use crate::kernel::error::{Error, Phase};
use crate::kernel::pins::{LinkName, PinDir};
use crate::kernel::sys;

/// The most that is taken of one: a program may write without end.
const MOST: u64 = 64 << 20;

/// Runs every iterator below a directory of pins, in the order in which they were attached: the
/// program's name and what it wrote.
///
/// # Errors
/// A link can't be opened, or its program failed.
pub fn run(pins: &PinDir) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let directory = pins.links();
    let mut outputs = Vec::new();
    for pin in pins.names(&directory)? {
        let Some(name) = LinkName::parse(&pin) else { continue };
        let failed = |error| {
            Error::from_io(Phase::Read, format!("the iterator {}", name.program.name), &error)
        };
        let link = sys::obj_get(&directory.join(&pin)).map_err(failed)?;
        if !sys::link_info(link.as_fd()).map_err(failed)?.is_iterator {
            continue;
        }
        let iterator = sys::links::iter_open(link.as_fd()).map_err(failed)?;
        let mut bytes = Vec::new();
        File::from(iterator).take(MOST).read_to_end(&mut bytes).map_err(failed)?;
        outputs.push((name.order, name.program.name, bytes));
    }
    outputs.sort_by_key(|(order, ..)| *order);
    Ok(outputs.into_iter().map(|(_, program, bytes)| (program, bytes)).collect())
}
