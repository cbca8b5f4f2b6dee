//! Makes the maps that programs in use refer to.
//!
//! Maps of the same name in a probe's objects are one map: the first object that has it makes it. That
//! the others define it alike was checked.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::unistd::{SysconfVar, sysconf};

use crate::desired::{Desired, MapDefinition};
use crate::kernel::error::{Error, Phase};
use crate::kernel::hints;
use crate::kernel::pins::PinDir;
use crate::kernel::previous::Previous;
use crate::kernel::sys::{self, CheckedMap, MapRequest, MapTypes};
use crate::live::MapRecord;
use crate::object::{Inventory, Map, MapType};

/// A probe's maps by name.
#[derive(Default)]
pub struct Maps {
    made: HashMap<String, OwnedFd>,
}

/// What a map is made of, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    map_type: MapType,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    numa_node: Option<u32>,
    extra: u64,
}

/// The object whose maps are made.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    /// Its alias.
    pub object: &'a str,
    /// What it holds.
    pub inventory: &'a Inventory,
    /// Its types in the kernel.
    pub types: Option<BorrowedFd<'a>>,
}

impl Maps {
    /// Takes the maps that stay over from a probe that runs.
    pub fn adopt(
        previous: Option<&Previous<'_>>,
        desired: &Desired,
        pins: &PinDir,
    ) -> Result<Maps, Error> {
        let mut maps = Maps::default();
        for definition in &desired.maps {
            let kept = previous.map(|previous| previous.map(&definition.name, pins)).transpose()?;
            if let Some(fd) = kept.flatten() {
                maps.made.insert(definition.name.clone(), fd);
            }
        }
        Ok(maps)
    }

    /// Makes and pins those of an object's maps that are needed and not there yet.
    pub fn make(
        &mut self,
        owner: &Owner<'_>,
        desired: &Desired,
        pins: &PinDir,
    ) -> Result<(), Error> {
        let mut made = Vec::new();
        for map in &owner.inventory.maps {
            let definition = desired.map(&map.name).filter(|map| map.object == owner.object);
            let Some(definition) = definition.filter(|map| !self.made.contains_key(&map.name))
            else {
                continue;
            };
            made.push(map);
            let fd = make(map, definition, owner.types)?;
            let pin = pins.map(&map.name);
            sys::obj_pin(fd.as_fd(), &pin).map_err(|error| {
                hints::add(Error::from_io(Phase::Pin, pin.display().to_string(), &error))
            })?;
            self.made.insert(map.name.clone(), fd);
        }
        for map in made {
            self.fill_with_maps(map)?;
        }
        Ok(())
    }

    /// A map's descriptor.
    pub fn descriptor(&self, name: &str) -> Option<RawFd> {
        self.made.get(name).map(AsRawFd::as_raw_fd)
    }

    /// Each map's name and id.
    pub fn records(&self) -> Result<Vec<MapRecord>, Error> {
        self.made.iter().map(|(name, fd)| record(name, fd)).collect()
    }

    /// Puts the maps that an object names into a map of maps.
    fn fill_with_maps(&self, outer: &Map) -> Result<(), Error> {
        for (index, inner) in &outer.static_maps {
            let (Some(outer_map), Some(inner_map)) =
                (self.made.get(&outer.name), self.made.get(inner))
            else {
                continue;
            };
            let mut key = index.to_ne_bytes().to_vec();
            key.resize(outer.key_size.max(4) as usize, 0);
            CheckedMap::new(outer_map.as_fd())
                .and_then(|map| sys::map_update(&map, &key, &inner_map.as_raw_fd().to_ne_bytes()))
                .map_err(|error| {
                    let what = format!("map {}[{index}] with map {inner}", outer.name);
                    Error::from_io(Phase::Slot, what, &error)
                })?;
        }
        Ok(())
    }
}

impl Shape {
    /// What a definition comes to on this machine.
    fn of(map: &MapDefinition) -> Result<Shape, Error> {
        let mut shape = Shape {
            map_type: map.map_type(),
            key_size: map.key_size,
            value_size: map.value_size,
            max_entries: map.max_entries,
            flags: map.flags,
            numa_node: map.numa_node,
            extra: map.extra,
        };
        match shape.map_type {
            MapType::RINGBUF | MapType::USER_RINGBUF => {
                shape.max_entries = ring_size(shape.max_entries, page_size());
            }
            // An entry a CPU: 0 means as many as there are, and more are memory for nothing.
            MapType::PERF_EVENT_ARRAY => {
                let cpus = sys::possible_cpus().map_err(|error| {
                    Error::from_io(Phase::Map, format!("map {}", map.name), &error)
                })? as u32;
                shape.max_entries = match shape.max_entries {
                    0 => cpus,
                    entries => entries.min(cpus),
                };
            }
            _ => {}
        }
        Ok(shape)
    }

    /// The attributes that are 0 and mustn't be.
    fn left_out(&self) -> Vec<&'static str> {
        let is_queue = matches!(
            self.map_type,
            MapType::RINGBUF | MapType::USER_RINGBUF | MapType(22 | 23 | 30 | 33)
        );
        let has_value =
            !matches!(self.map_type, MapType::RINGBUF | MapType::USER_RINGBUF | MapType(33));
        [
            ("key_size", self.key_size == 0 && !is_queue),
            ("value_size", self.value_size == 0 && has_value),
            ("max_entries", self.max_entries == 0 && !self.map_type.is_storage()),
        ]
        .into_iter()
        .filter(|(_, missing)| *missing)
        .map(|(name, _)| name)
        .collect()
    }
}

/// Makes a map of an object's definition.
fn make(
    map: &Map,
    definition: &MapDefinition,
    types: Option<BorrowedFd<'_>>,
) -> Result<OwnedFd, Error> {
    let what = format!("map {}", map.name);
    let shape = Shape::of(definition)?;
    let left_out = shape.left_out();
    if !left_out.is_empty() {
        return Err(Error::new(
            Phase::Map,
            what,
            format!("the object leaves its {} to the loader", left_out.join(" and ")),
        )
        .hint(format!("give it: `maps: {{ {}: {{ max_entries: … }} }}`", map.name)));
    }
    let template = match &map.inner {
        Some(inner) => Some(inner_template(inner, types)?),
        None => None,
    };
    let request =
        MapRequest { inner: template.as_ref().map(AsFd::as_fd), ..request(map, &shape, types) };
    create(&request).map_err(|error| hints::add(Error::from_io(Phase::Map, what, &error)))
}

/// A map that shows the kernel what the maps in a map of maps are like; it isn't needed after that.
fn inner_template(inner: &Map, types: Option<BorrowedFd<'_>>) -> Result<OwnedFd, Error> {
    let shape = Shape {
        map_type: inner.map_type,
        key_size: inner.key_size,
        value_size: inner.value_size,
        max_entries: inner.max_entries,
        flags: inner.flags,
        numa_node: inner.numa_node,
        extra: inner.extra,
    };
    create(&request(inner, &shape, types)).map_err(|error| {
        let what = format!("the maps in map {}", inner.name);
        hints::add(Error::from_io(Phase::Map, what, &error))
    })
}

fn request<'a>(map: &'a Map, shape: &Shape, types: Option<BorrowedFd<'a>>) -> MapRequest<'a> {
    let (key, value) = (map.key_type.0, map.value_type.0);
    MapRequest {
        map_type: shape.map_type.0,
        key_size: shape.key_size,
        value_size: shape.value_size,
        max_entries: shape.max_entries,
        flags: shape.flags,
        inner: None,
        numa_node: shape.numa_node,
        extra: shape.extra,
        name: &map.name,
        types: types.filter(|_| value != 0 && shape.map_type.takes_types()).map(|btf| MapTypes {
            btf,
            key,
            value,
        }),
    }
}

/// Makes a map, without its types where the kernel doesn't like them: they only name what it holds.
pub fn create(request: &MapRequest<'_>) -> io::Result<OwnedFd> {
    match sys::map_create(request) {
        Err(_) if request.types.is_some() => {
            sys::map_create(&MapRequest { types: None, ..*request })
        }
        result => result,
    }
}

/// A map by its id.
pub fn record(name: &str, fd: &OwnedFd) -> Result<MapRecord, Error> {
    let info = sys::map_info(fd.as_fd())
        .map_err(|error| Error::from_io(Phase::Observe, format!("map {name}"), &error))?;
    Ok(MapRecord { name: name.to_owned(), id: info.id })
}

fn page_size() -> u32 {
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| u32::try_from(size).ok()).unwrap_or(4096)
}

/// A ring buffer is a power of two of pages (`ringbuf_map_alloc`); 0 stays 0.
fn ring_size(bytes: u32, page: u32) -> u32 {
    if bytes == 0 {
        return 0;
    }
    bytes.max(page).checked_next_power_of_two().unwrap_or(1 << 31)
}

#[cfg(test)]
mod tests {
    use super::{Shape, ring_size};
    use crate::object::MapType;

    const SHAPE: Shape = Shape {
        map_type: MapType::HASH,
        key_size: 8,
        value_size: 8,
        max_entries: 1024,
        flags: 0,
        numa_node: None,
        extra: 0,
    };

    #[test]
    fn ring_buffers_are_pages_and_a_power_of_two() {
        assert_eq!(ring_size(0, 4096), 0);
        assert_eq!(ring_size(1, 4096), 4096);
        assert_eq!(ring_size(5000, 4096), 8192);
        assert_eq!(ring_size(4096, 65536), 65536);
        assert_eq!(ring_size(u32::MAX, 4096), 1 << 31);
    }

    #[test]
    fn what_is_left_out_is_named() {
        assert_eq!(SHAPE.left_out(), Vec::<&str>::new());
        let stacks = Shape { map_type: MapType(7), value_size: 0, max_entries: 0, ..SHAPE };
        assert_eq!(stacks.left_out(), ["value_size", "max_entries"]);
        let ring = Shape { map_type: MapType::RINGBUF, key_size: 0, value_size: 0, ..SHAPE };
        assert_eq!(ring.left_out(), Vec::<&str>::new());
        let queue = Shape { map_type: MapType(22), key_size: 0, ..SHAPE };
        assert_eq!(queue.left_out(), Vec::<&str>::new());
        let storage = Shape { map_type: MapType(29), max_entries: 0, ..SHAPE };
        assert_eq!(storage.left_out(), Vec::<&str>::new());
    }
}
