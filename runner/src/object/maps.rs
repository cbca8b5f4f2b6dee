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

/// The maps in file order. `budget` is what all layouts together may cost.
pub(super) fn read(
    elf: &Elf<'_>,
    btf: Option<&Btf>,
    variables: &Variables<'_>,
    budget: &mut usize,
) -> Result<Vec<Map>, ObjectError> {
    let symbols = symbols(elf);
    let mut maps = Vec::with_capacity(symbols.len());
    for (&(section, offset), symbol) in &symbols {
        let map = if elf.sections[section].name == SECTION {
            let btf = btf.ok_or(ObjectError::NoBtf)?;
            let ty = variables.find(SECTION, symbol.name);
            described(btf, ty, symbol.name, budget).map(|(mut map, values)| {
                if let Some(values) = values {
                    map.static_slots = values_of_kind(elf, section, symbol, values, |symbol| {
                        symbol.kind == SymbolKind::Function
                    });
                    map.static_maps = values_of_kind(elf, section, symbol, values, |symbol| {
                        symbol.kind == SymbolKind::Data
                    });
                }
                map
            })
        } else {
            let mut later = symbols.range((section, offset)..).skip(1);
            let next = later.next().filter(|((next, _), _)| *next == section);
            let end = next.map(|((_, offset), _)| *offset);
            old_maps::read(&elf.sections[section], symbol, end)
        }?;
        maps.push(map);
    }
    Ok(maps)
}

/// Where the maps are.
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

/// A map described by BTF, and the offset of what the object itself puts into it, if there is
/// something.
fn described(
    btf: &Btf,
    ty: Option<TypeId>,
    name: &str,
    budget: &mut usize,
) -> Result<(Map, Option<u32>), ObjectError> {
    let problem = |problem: String| ObjectError::Map { name: name.to_owned(), problem };
    let ty = ty.ok_or_else(|| problem("the object's BTF doesn't describe it".to_owned()))?;
    let attributes = Attributes::read(btf, ty).map_err(problem)?;
    let mut map = definition(btf, &attributes, name, budget).map_err(problem)?;
    if let Some(inner) = attributes.inner.filter(|_| map.map_type.holds_maps()) {
        let inner = Attributes::read(btf, inner)
            .and_then(|attributes| definition(btf, &attributes, name, budget))
            .map_err(|error| problem(format!("its inner maps can't be understood: {error}")))?;
        map.inner = Some(Box::new(inner));
    }
    let is_filled = map.map_type == MapType::PROG_ARRAY || map.map_type.holds_maps();
    Ok((map, attributes.values.filter(|_| is_filled)))
}

/// A map of some attributes; the error says what they lack.
fn definition(
    btf: &Btf,
    attributes: &Attributes,
    name: &str,
    budget: &mut usize,
) -> Result<Map, String> {
    let mut layout = |ty: Option<TypeId>| ty.and_then(|ty| Layout::within(btf, ty, budget));
    let map_type = attributes.map_type.ok_or_else(|| "its definition has no `type`".to_owned())?;
    Ok(Map {
        name: name.to_owned(),
        map_type,
        key_size: attributes.key_size,
        value_size: attributes.value_size,
        max_entries: attributes.max_entries,
        flags: attributes.flags,
        numa_node: attributes.numa_node,
        extra: attributes.extra,
        key_type: attributes.key.unwrap_or(TypeId::VOID),
        value_type: attributes.value.unwrap_or(TypeId::VOID),
        key: layout(attributes.key),
        value: layout(attributes.value),
        inner: None,
        static_slots: Vec::new(),
        static_maps: Vec::new(),
        pin_by_name: attributes.pinning == PIN_BY_NAME,
    })
}

/// What the object itself puts into a map, by index: relocations inside of the map's definition, whose
/// index is their distance from `values`.
fn values_of_kind(
    elf: &Elf<'_>,
    section: usize,
    map: &Symbol<'_>,
    values: u32,
    is_wanted: impl Fn(&Symbol<'_>) -> bool,
) -> Vec<(u32, String)> {
    let begin = map.value.saturating_add(values.into());
    let end = map.value.saturating_add(map.size);
    let relocations = elf.sections[section].relocations_in(begin, end);
    relocations
        .iter()
        .filter_map(|relocation| {
            let value = &elf.symbols[relocation.symbol];
            let index = u32::try_from((relocation.offset - begin) / VALUE_SIZE).ok()?;
            is_wanted(value).then(|| (index, value.name.to_owned()))
        })
        .collect()
}
