//! What of its objects a checked probe needs: the programs in use, and the maps that those need.

use std::collections::BTreeSet;

use crate::desired::{
    Generation, GlobalValue, MapDefinition, ProgramUse, SectionDefinition, Slot, Value, View,
};
use crate::model::{Model, ProgramId};
use crate::object::{Map, MapType};
use crate::rules::tail_calls;

/// The programs that are attached, in an alternative or in a slot, each once.
pub fn programs(model: &Model) -> Vec<ProgramUse> {
    let used: BTreeSet<ProgramId> =
        model.programs_in_use().into_iter().map(|program| program.value).collect();
    used.into_iter()
        .map(|id| ProgramUse::of(&model.objects[id.object].alias.value, model.program(id)))
        .collect()
}

/// The maps that programs in use refer to, that the file names, and that lie in those.
pub fn maps(
    model: &Model,
    programs: &[ProgramUse],
    slots: &[Slot],
    views: &[View],
) -> Vec<MapDefinition> {
    let mut needed: BTreeSet<&str> =
        programs.iter().flat_map(|program| &program.maps).map(String::as_str).collect();
    needed.extend(slots.iter().map(|slot| slot.map.as_str()));
    needed.extend(views.iter().map(|view| view.map.as_str()));
    needed.extend(model.maps.iter().map(|setting| model.map(setting.map.value).name.as_str()));
    let inner: Vec<&str> = all(model)
        .filter(|(_, map)| needed.contains(map.name.as_str()))
        .flat_map(|(_, map)| map.static_maps.iter().map(|(_, inner)| inner.as_str()))
        .collect();
    needed.extend(inner);
    let mut maps: Vec<MapDefinition> = Vec::new();
    for (alias, map) in all(model) {
        if needed.contains(map.name.as_str()) && !maps.iter().any(|made| made.name == map.name) {
            maps.push(definition(model, alias, map));
        }
    }
    maps
}

/// The maps of which the entries are copied when they have to be made anew.
pub fn migrated(model: &Model) -> Vec<String> {
    let wanted = model
        .maps
        .iter()
        .filter(|setting| setting.migrate.as_ref().is_some_and(|migrate| migrate.value));
    wanted.map(|setting| model.map(setting.map.value).name.clone()).collect()
}

/// The PROG_ARRAYs of which all slots change at once.
pub fn generations(model: &Model) -> Vec<Generation> {
    let tables = model.tail_calls.iter();
    tables
        .filter_map(|table| {
            let id = table.generation.as_ref()?.value;
            let object = &model.objects[id.object];
            let variable = &object.file.inventory.globals[id.global];
            Some(Generation {
                map: model.map(table.map.value).name.clone(),
                object: object.alias.value.clone(),
                section: variable.section.clone(),
                offset: variable.offset,
            })
        })
        .collect()
}

/// The constants of dispatchers that say how many slots a half has: `MAP_slots`, where an object has one.
pub fn half_sizes(model: &Model) -> Vec<GlobalValue> {
    let halves = generations(model).into_iter();
    halves
        .filter_map(|generation| {
            let name = format!("{}_slots", generation.map);
            let mut objects = model.objects.iter();
            let object = objects.find(|object| object.alias.value == generation.object)?;
            let mut globals = object.file.inventory.globals.iter();
            globals.find(|global| global.name == name && global.size == 4)?;
            let map = model.find_map(&generation.map)?;
            let slots = definition(model, &object.alias.value, model.map(map)).max_entries / 2;
            let value = Value::Bytes(slots.to_ne_bytes().to_vec());
            Some(GlobalValue { object: generation.object, name, value })
        })
        .collect()
}

/// The sections of variables of every object.
pub fn sections(model: &Model) -> Vec<SectionDefinition> {
    let objects = model.objects.iter();
    objects
        .flat_map(|object| SectionDefinition::all(&object.alias.value, &object.file.inventory))
        .collect()
}

/// Every object's maps with the object's alias, in the order of the file.
fn all(model: &Model) -> impl Iterator<Item = (&str, &Map)> {
    model.objects.iter().flat_map(|object| {
        object.file.inventory.maps.iter().map(|map| (object.alias.value.as_str(), map))
    })
}

fn definition(model: &Model, alias: &str, map: &Map) -> MapDefinition {
    let mut definition = MapDefinition::of(alias, map);
    let settings = model.maps.iter();
    for setting in settings.filter(|setting| model.map(setting.map.value).name == map.name) {
        if let Some(max_entries) = &setting.max_entries {
            definition.max_entries = max_entries.value;
        }
        definition.flags = setting.map_flags().unwrap_or(definition.flags);
        definition.numa_node =
            setting.numa_node.as_ref().map(|node| node.value).or(definition.numa_node);
    }
    if map.map_type == MapType::PROG_ARRAY {
        definition.owner = tail_calls::owner(model, &map.name);
        if generations(model).iter().any(|generation| generation.map == map.name) {
            definition.max_entries = definition.max_entries.saturating_mul(2);
        }
    }
    definition
}
