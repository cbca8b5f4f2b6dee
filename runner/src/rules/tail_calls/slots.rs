//! Whether the slots that a file fills exist, and are filled once.

use crate::model::{Model, Table};
use crate::object::MapType;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::Span;
use std::collections::BTreeMap;

/// Applies these rules to one table of the file.
pub fn check(model: &Model, table: &Table, findings: &mut Findings) {
    if is_prog_array(model, table, findings) {
        slots_in_range(model, table, findings);
        slots_set_once(model, table, findings);
        slots_of_the_object(model, table, findings);
    }
}

fn is_prog_array(model: &Model, table: &Table, findings: &mut Findings) -> bool {
    let map = model.map(table.map.value);
    if map.map_type == MapType::PROG_ARRAY {
        return true;
    }
    let origin = &model.objects[table.map.value.object].file.origin;
    findings.push(
        Diagnostic::error(
            Code::NotAProgArray,
            table.map.span,
            format!("`{}` has no tail-call slots", map.name),
        )
        .label(format!("this is a {} map", map.map_type))
        .note(format!("`{}` is defined in {origin}", map.name))
        .help("slots are filled in maps of the type BPF_MAP_TYPE_PROG_ARRAY"),
    );
    false
}

/// An index must be below max_entries (`fd_array_map_update_elem`, kernel/bpf/arraymap.c: E2BIG).
fn slots_in_range(model: &Model, table: &Table, findings: &mut Findings) {
    let map = model.map(table.map.value);
    let changed = model
        .maps
        .iter()
        .filter(|setting| model.map(setting.map.value).name == map.name)
        .find_map(|setting| setting.max_entries.as_ref());
    let max_entries = changed.map_or(map.max_entries, |changed| changed.value);
    for slot in &table.slots {
        let Some(index) = slot.indices.value.iter().map(|range| *range.end()).max() else {
            continue;
        };
        if index < max_entries {
            continue;
        }
        if findings.is_full() {
            findings.left_out += 1;
            continue;
        }
        let message = format!("slot {index} is not in `{}`", map.name);
        let mut diagnostic = Diagnostic::error(Code::SlotOutOfRange, slot.indices.span, message)
            .label(format!("must be below {max_entries}"));
        diagnostic = match changed {
            Some(changed) => diagnostic.other(changed.span, "the number of slots is set here"),
            None => {
                let origin = &model.objects[table.map.value.object].file.origin;
                diagnostic
                    .note(format!("in {origin}: `{}` has max_entries {max_entries}", map.name))
                    .help(format!(
                        "raise it: `maps: {{ {}: {{ max_entries: {} }} }}`",
                        map.name,
                        index.saturating_add(1)
                    ))
            }
        };
        findings.push(diagnostic);
    }
}

/// Each slot holds one program; the last one set would win without a word.
fn slots_set_once(model: &Model, table: &Table, findings: &mut Findings) {
    // First index of a range → its last index and where it was written. Ranges don't overlap.
    let mut taken: BTreeMap<u32, (u32, Span)> = BTreeMap::new();
    for slot in &table.slots {
        for range in &slot.indices.value {
            let before = taken.range(..=*range.end()).next_back();
            let clash = before.filter(|(_, (last, _))| last >= range.start());
            if let Some((first, (_, span))) = clash {
                let index = (*first).max(*range.start());
                findings.push(
                    Diagnostic::error(
                        Code::DuplicateSlot,
                        slot.indices.span,
                        format!(
                            "slot {index} of `{}` is filled twice",
                            model.map(table.map.value).name
                        ),
                    )
                    .label(format!("slot {index} again"))
                    .other(*span, "filled here first")
                    .help("leave the slot out of one of them"),
                );
                break;
            }
            taken.insert(*range.start(), (*range.end(), slot.indices.span));
        }
    }
}

/// What the object put into a slot is replaced by what the file says. That is how it is meant to be, and
/// worth knowing.
fn slots_of_the_object(model: &Model, table: &Table, findings: &mut Findings) {
    let name = &model.map(table.map.value).name;
    for object in &model.objects {
        let maps = object.file.inventory.maps.iter().filter(|map| map.name == *name);
        for (index, handler) in maps.flat_map(|map| &map.static_slots) {
            let entry = table
                .slots
                .iter()
                .find(|entry| entry.indices.value.iter().any(|range| range.contains(index)));
            let Some(entry) = entry else { continue };
            let new = model.program_name(entry.program.value);
            if model.program(entry.program.value).name == *handler {
                continue;
            }
            findings.push(
                Diagnostic::remark(
                    Code::SlotReplaced,
                    entry.program.span,
                    format!("`{new}` takes the place of `{handler}` in `{name}`"),
                )
                .label(format!("goes into slot {index}"))
                .note(format!("{} puts `{handler}` there by itself", object.file.origin)),
            );
        }
    }
}
