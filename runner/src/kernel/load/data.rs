//! Sections of variables as maps: an array of one entry that holds the whole section.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use crate::desired::{SectionDefinition, section_map_name};
use crate::kernel::error::{Error, Phase};
use crate::kernel::hints;
use crate::kernel::load::maps::{self, create};
use crate::kernel::pins::PinDir;
use crate::kernel::previous::Previous;
use crate::kernel::sys::{self, CheckedMap, MapRequest, MapTypes};
use crate::live::MapRecord;
use crate::object::link::DataSection;
use crate::object::{Inventory, MapType};

/// `BPF_F_RDONLY_PROG`: programs can't write it, and the verifier knows its values once it is frozen.
const READ_ONLY: u32 = 1 << 7;
/// `BPF_F_MMAPABLE`: a process can store a variable without touching its neighbours (Linux 5.5).
const MAPPABLE: u32 = 1 << 10;

/// An object's sections of variables by name.
#[derive(Default)]
pub struct Sections {
    made: HashMap<String, OwnedFd>,
    /// Names in `made` of those that are pinned.
    pinned: Vec<String>,
}

impl Sections {
    /// Takes the sections that stay over from a probe that runs.
    pub fn adopt(
        previous: Option<&Previous<'_>>,
        definitions: &[SectionDefinition],
        alias: &str,
        pins: &PinDir,
    ) -> Result<Sections, Error> {
        let mut sections = Sections::default();
        for section in definitions.iter().filter(|section| section.object == alias) {
            let map = section.map_name();
            let kept = previous.map(|previous| previous.map(&map, pins)).transpose()?;
            if let Some(fd) = kept.flatten() {
                sections.pinned.push(section.name.clone());
                sections.made.insert(section.name.clone(), fd);
            }
        }
        Ok(sections)
    }

    /// Makes a map of each section that isn't there yet, with its values; pins those that hold
    /// variables of the source.
    pub fn make(
        &mut self,
        data: &[DataSection],
        types: Option<BorrowedFd<'_>>,
        alias: &str,
        inventory: &Inventory,
        pins: &PinDir,
    ) -> Result<(), Error> {
        for section in data {
            if let Some(kept) = self.made.get(&section.name) {
                check_size(kept, section, alias)?;
                continue;
            }
            let fd = make(section, types).map_err(|error| {
                let what = format!("the map of {} (object {alias})", section.name);
                hints::add(Error::from_io(Phase::Map, what, &error))
            })?;
            if inventory.globals.iter().any(|global| global.section == section.name) {
                let pin = pins.section(alias, &section.name);
                sys::obj_pin(fd.as_fd(), &pin).map_err(|error| {
                    hints::add(Error::from_io(Phase::Pin, pin.display().to_string(), &error))
                })?;
                self.pinned.push(section.name.clone());
            }
            self.made.insert(section.name.clone(), fd);
        }
        Ok(())
    }

    /// The name and id of each that is pinned.
    pub fn records(&self, alias: &str) -> Result<Vec<MapRecord>, Error> {
        let pinned = self.pinned.iter().filter_map(|name| Some((name, self.made.get(name)?)));
        pinned.map(|(name, fd)| maps::record(&section_map_name(alias, name), fd)).collect()
    }

    /// The descriptor of a section's map.
    pub fn descriptor(&self, section: &str) -> Option<RawFd> {
        self.made.get(section).map(AsRawFd::as_raw_fd)
    }
}

/// The variables of a section that stays lie where they lay; what has no name may have grown.
fn check_size(kept: &OwnedFd, section: &DataSection, alias: &str) -> Result<(), Error> {
    let what = format!("the map of {} (object {alias})", section.name);
    let info = sys::map_info(kept.as_fd())
        .map_err(|error| Error::from_io(Phase::Observe, what.clone(), &error))?;
    if info.value_size as usize == section.bytes.len() {
        return Ok(());
    }
    Err(Error::new(
        Phase::Map,
        what,
        format!("it has {} bytes and needs {}", info.value_size, section.bytes.len()),
    )
    .hint("delete the probe and apply it again: its variables begin anew then"))
}

fn make(section: &DataSection, types: Option<BorrowedFd<'_>>) -> std::io::Result<OwnedFd> {
    let writable = if mappable() { MAPPABLE } else { 0 };
    let types = types.zip(section.ty).map(|(btf, ty)| MapTypes { btf, key: 0, value: ty.0 });
    let fd = create(&MapRequest {
        map_type: MapType::ARRAY.0,
        key_size: 4,
        value_size: u32::try_from(section.bytes.len()).map_err(std::io::Error::other)?,
        max_entries: 1,
        flags: if section.read_only { READ_ONLY } else { writable },
        name: &section.name,
        types,
        ..MapRequest::default()
    })?;
    sys::map_update(&CheckedMap::new(fd.as_fd())?, &0u32.to_ne_bytes(), &section.bytes)?;
    if section.read_only {
        sys::map_freeze(fd.as_fd())?;
    }
    Ok(fd)
}

/// Whether arrays can be mapped into a process.
fn mappable() -> bool {
    static MAPPABLE_ARRAYS: OnceLock<bool> = OnceLock::new();
    *MAPPABLE_ARRAYS.get_or_init(|| {
        let request = MapRequest {
            map_type: MapType::ARRAY.0,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            flags: MAPPABLE,
            ..MapRequest::default()
        };
        sys::map_create(&request).is_ok()
    })
}
