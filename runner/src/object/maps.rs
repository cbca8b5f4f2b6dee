//! The maps that an object defines, in either of the ways there are.

use std::collections::BTreeMap;

use super::elf::{Elf, Place, Symbol, SymbolKind};
use super::error::ObjectError;
use super::inventory::Map;
use super::map_attributes::Attributes;
use super::map_places::MapPlaces;
use super::map_type::MapType;
use super::old_maps;
use super::variables::Variables;
use crate::btf::{Btf, Layout, TypeId};

/// The section of maps whose attributes are types.
const SECTION: &str = ".maps";
/// `LIBBPF_PIN_BY_NAME`.
const PIN_BY_NAME: u32 = 1;
/// Size of a slot of `values`, which is a pointer in the source.
const VALUE_SIZE: u64 = 8;

/// The maps in file order, and where they are. `budget` is what all layouts together may cost.
pub(super) fn read(
    elf: &Elf<'_>,
    btf: Option<&Btf>,
    variables: &Variables<'_>,
    budget: &mut usize,
) -> Result<(Vec<Map>, MapPlaces), ObjectError> {
    let symbols = symbols(elf);
    let mut maps = Vec::with_capacity(symbols.len());
    let mut places = MapPlaces::default();
    for (&(section, offset), symbol) in &symbols {
        let map = if elf.sections[section].name == SECTION {
            let btf = btf.ok_or(ObjectError::NoBtf)?;
            let ty = variables.find(SECTION, symbol.name);
            described(btf, ty, symbol.name, budget).map(|(mut map, values)| {
                if let Some(values) = values {
                    map.static_slots = static_slots(elf, section, symbol, values);
                }
                map
            })
        } else {
            let mut later = symbols.range((section, offset)..).skip(1);
            let next = later.next().filter(|((next, _), _)| *next == section);
            let end = next.map(|((_, offset), _)| *offset);
            old_maps::read(&elf.sections[section], symbol, end)
        }?;
        places.add(section, offset, symbol.name);
        maps.push(map);
    }
    Ok((maps, places))
}

/// Where the maps are, for whoever needs nothing else of them.
pub(super) fn places(elf: &Elf<'_>) -> MapPlaces {
    let mut places = MapPlaces::default();
    for (&(section, offset), symbol) in &symbols(elf) {
        places.add(section, offset, symbol.name);
    }
    places
}

/// The symbols of map definitions, by section and offset.
fn symbols<'e, 'a>(elf: &'e Elf<'a>) -> BTreeMap<(usize, u64), &'e Symbol<'a>> {
    let mut symbols = BTreeMap::new();
    for symbol in &elf.symbols {
        let Place::Section(section) = symbol.place else {
            continue;
        };
        let name = elf.sections[section].name;
        let holds_maps = name == SECTION || name == "maps" || name.starts_with("maps/");
        let variable = matches!(symbol.kind, SymbolKind::Data | SymbolKind::Unspecified);
        if holds_maps && variable && !symbol.name.is_empty() && !symbol.name.starts_with('.') {
            symbols.entry((section, symbol.value)).or_insert(symbol);
        }
    }
    symbols
}

/// A map described by BTF, and the offset of the slots that the object fills, if there are some.
fn described(
    btf: &Btf,
    ty: Option<TypeId>,
    name: &str,
    budget: &mut usize,
) -> Result<(Map, Option<u32>), ObjectError> {
    let problem = |problem: String| ObjectError::Map { name: name.to_owned(), problem };
    let ty = ty.ok_or_else(|| problem("the object's BTF doesn't describe it".to_owned()))?;
    let attributes = Attributes::read(btf, ty).map_err(problem)?;
    let map_type = attributes.map_type;
    let mut layout = |ty: Option<TypeId>| ty.and_then(|ty| Layout::within(btf, ty, budget));
    let map = Map {
        name: name.to_owned(),
        map_type: map_type.ok_or_else(|| problem("its definition has no `type`".to_owned()))?,
        key_size: attributes.key_size,
        value_size: attributes.value_size,
        max_entries: attributes.max_entries,
        flags: attributes.flags,
        key: layout(attributes.key),
        value: layout(attributes.value),
        static_slots: Vec::new(),
        pin_by_name: attributes.pinning == PIN_BY_NAME,
    };
    let values = attributes.values.filter(|_| map.map_type == MapType::PROG_ARRAY);
    Ok((map, values))
}

/// The slots that the object fills with its own programs: relocations inside of the map's
/// definition, whose slot is their distance from `values`.
fn static_slots(
    elf: &Elf<'_>,
    section: usize,
    map: &Symbol<'_>,
    values: u32,
) -> Vec<(u32, String)> {
    let begin = map.value.saturating_add(values.into());
    let end = map.value.saturating_add(map.size);
    let relocations = elf.sections[section].relocations_in(begin, end);
    relocations
        .iter()
        .filter_map(|relocation| {
            let program = &elf.symbols[relocation.symbol];
            let slot = u32::try_from((relocation.offset - begin) / VALUE_SIZE).ok()?;
            (program.kind == SymbolKind::Function).then(|| (slot, program.name.to_owned()))
        })
        .collect()
}
