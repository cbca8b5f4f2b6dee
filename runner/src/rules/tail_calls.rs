//! Tail calls: what sits in PROG_ARRAYs, who calls it, and whether that works.
//!
//! Here is what the rules have in common; each file below has the rules of one question.

mod chains;
mod reach;
mod slots;
mod types;

use crate::model::{MapId, Model, ProgramId};
use crate::object::{MapType, Program};
use crate::text::diagnostic::Findings;
use crate::text::source::At;
use std::ops::RangeInclusive;

pub use types::{kind, owner};

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    for table in &model.tail_calls {
        slots::check(model, table, findings);
    }
    for map in prog_arrays(model) {
        let array = Array::of(model, map);
        types::check(&array, findings);
        reach::check(&array, findings);
    }
    chains::check(model, findings);
}

/// A PROG_ARRAY of the probe.
struct Array<'a> {
    model: &'a Model,
    name: &'a str,
    /// Programs in use that refer to it: dispatchers first, then handlers that call on.
    callers: Vec<User<'a>>,
    /// What sits in it: the file's entries, then what the objects put there.
    entries: Vec<Entry>,
}

/// A program that refers to a PROG_ARRAY.
#[derive(Clone)]
struct User<'a> {
    program: At<ProgramId>,
    /// What it is attached to, if it is.
    target: Option<&'a str>,
}

/// A handler and its slots.
#[derive(Clone)]
struct Entry {
    slots: Vec<RangeInclusive<u32>>,
    program: At<ProgramId>,
}

impl<'a> Array<'a> {
    fn of(model: &'a Model, map: MapId) -> Array<'a> {
        let name = model.map(map).name.as_str();
        let users = users(model).into_iter();
        let refers =
            |user: &User<'_>| model.program(user.program.value).maps.iter().any(|map| map == name);
        Array {
            model,
            name,
            callers: users.filter(refers).collect(),
            entries: entries(model, name),
        }
    }

    /// The program in a slot.
    fn handler(&self, slot: u32) -> Option<&At<ProgramId>> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| entry.slots.iter().any(|range| range.contains(&slot)));
        entry.map(|entry| &entry.program)
    }

    /// Where the file fills it, or else where it names the object that has it.
    fn program_name(&self, user: &At<ProgramId>) -> String {
        self.model.program_name(user.value)
    }
}

/// The slots of an array that a program tail-calls into: `None` stands for those that are known only
/// when it runs.
fn calls_into<'p>(program: &'p Program, array: &'p str) -> impl Iterator<Item = Option<u32>> + 'p {
    let refers = program.maps.iter().any(|map| map == array);
    program.tail_calls.iter().filter_map(move |call| match &call.map {
        Some(map) if map == array => Some(call.slot),
        // Some array that it refers to.
        None if refers => Some(None),
        _ => None,
    })
}

/// PROG_ARRAYs of the probe, each name once.
fn prog_arrays(model: &Model) -> Vec<MapId> {
    let mut names: Vec<&str> = Vec::new();
    for object in &model.objects {
        for map in &object.file.inventory.maps {
            if map.map_type == MapType::PROG_ARRAY && !names.contains(&map.name.as_str()) {
                names.push(&map.name);
            }
        }
    }
    names.into_iter().filter_map(|name| model.find_map(name)).collect()
}

/// Programs in use where they are named: attached ones first, then handlers.
fn users(model: &Model) -> Vec<User<'_>> {
    let attached = model.hooks().flat_map(|hook| {
        let target = Some(hook.target.value.as_str());
        hook.programs().map(move |program| User { program, target })
    });
    let handlers = model
        .tail_calls
        .iter()
        .flat_map(|table| &table.slots)
        .map(|slot| User { program: slot.program.clone(), target: None });
    let defaults = model.default_slots().into_iter().map(|slot| {
        // It stands in no file: what brings it is the object.
        let span = model.objects[slot.program.object].alias.span;
        User { program: At::new(slot.program, span), target: None }
    });
    attached.chain(handlers).chain(defaults).collect()
}

fn entries(model: &Model, array: &str) -> Vec<Entry> {
    let tables = model.tail_calls.iter().filter(|table| model.map(table.map.value).name == array);
    let written = tables
        .flat_map(|table| &table.slots)
        .map(|slot| Entry { slots: slot.indices.value.clone(), program: slot.program.clone() });
    let defaults = model.default_slots().into_iter().filter(|slot| slot.map == array);
    let defaults = defaults.map(|slot| {
        let span = model.objects[slot.program.object].alias.span;
        Entry { slots: vec![slot.index..=slot.index], program: At::new(slot.program, span) }
    });
    written.chain(defaults).collect()
}
