//! Map definitions from before BTF: numbers in a `maps` section, as old libbpf and aya-ebpf write
//! them.

use super::elf::{Section, Symbol};
use super::error::ObjectError;
use super::inventory::Map;
use super::map_type::MapType;
use crate::btf::TypeId;

/// Type, key size, value size, entries and flags: what every writer's structure begins with.
const SMALLEST: u64 = 20;
/// Where aya-ebpf's structure, which also has an id, says whether the map is pinned.
const PINNING_OFFSET: u64 = 24;
/// Pinned by its name. Other numbers mean other things to other loaders.
const PIN_BY_NAME: u32 = 1;

/// Reads the definition at a symbol. `next` is where the next one begins in the section.
pub(super) fn read(
    section: &Section<'_>,
    symbol: &Symbol<'_>,
    next: Option<u64>,
) -> Result<Map, ObjectError> {
    let end = match symbol.size {
        0 => next.unwrap_or(section.size),
        size => symbol.value.saturating_add(size),
    };
    let bytes = section.bytes.get(symbol.value as usize..end as usize);
    let bytes = bytes.unwrap_or_default();
    if (bytes.len() as u64) < SMALLEST {
        return Err(ObjectError::Map {
            name: symbol.name.to_owned(),
            problem: format!(
                "its definition has {} bytes, fewer than the {SMALLEST} of `struct bpf_map_def`",
                bytes.len()
            ),
        });
    }
    let number = |offset: u64| {
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        rest.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
    };
    Ok(Map {
        name: symbol.name.to_owned(),
        map_type: MapType(number(0)),
        key_size: number(4),
        value_size: number(8),
        max_entries: number(12),
        flags: number(16),
        numa_node: None,
        extra: 0,
        key_type: TypeId::VOID,
        value_type: TypeId::VOID,
        key: None,
        value: None,
        inner: None,
        static_slots: Vec::new(),
        static_maps: Vec::new(),
        pin_by_name: number(PINNING_OFFSET) == PIN_BY_NAME,
    })
}
