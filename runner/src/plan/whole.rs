//! A probe as a whole, in words: all that comes with one that is created, or goes with one that is deleted.

use crate::desired::{Desired, MapDefinition};
use crate::object::MapType;
use crate::plan::lines::{Guarantee, Line, Sign, line, slot_lines};
use crate::plan::slots::SlotChange;
use crate::plan::words;

/// What a probe that is created brings.
pub fn made(desired: &Desired) -> Vec<Line> {
    let objects = desired
        .objects
        .iter()
        .map(|object| line(Sign::Add, format!("object {}", object.alias), object.origin.clone()));
    let globals = desired.globals.iter().map(|global| {
        let subject = format!("global {}", words::variable(global));
        line(Sign::Add, subject, words::value(global))
    });
    let mut lines: Vec<Line> = objects.chain(globals).collect();
    lines.extend(desired.maps.iter().map(|map| map_line(Sign::Add, map)));
    let slots: Vec<SlotChange> = desired
        .slots
        .iter()
        .map(|slot| SlotChange {
            map: slot.map.clone(),
            index: slot.index,
            before: None,
            after: Some(slot.program.clone()),
        })
        .collect();
    lines.extend(slot_lines(&slots).map(|(_, line)| line));
    lines.extend(attachments(Sign::Add, desired));
    lines
}

/// What goes with a probe that is deleted, the attachments first.
pub fn gone(desired: &Desired) -> Vec<Line> {
    let mut lines: Vec<Line> = attachments(Sign::Remove, desired).collect();
    lines.extend(desired.maps.iter().map(|map| {
        // Of programs in slots nothing is lost that the probe's file doesn't say.
        let holds_data = map.map_type() != MapType::PROG_ARRAY;
        Line { guarantee: holds_data.then_some(Guarantee::Restart), ..map_line(Sign::Remove, map) }
    }));
    lines
}

fn map_line(sign: Sign, map: &MapDefinition) -> Line {
    let unit = match map.map_type() {
        MapType::RINGBUF | MapType::USER_RINGBUF => "bytes",
        _ if map.max_entries == 1 => "entry",
        _ => "entries",
    };
    let shape = match map.max_entries {
        // Sized by the kernel: one entry a processor.
        0 => map.map_type().to_string(),
        size => format!("{} of {size} {unit}", map.map_type()),
    };
    line(sign, format!("map {}", map.name), shape)
}

fn attachments(sign: Sign, desired: &Desired) -> impl Iterator<Item = Line> {
    desired
        .attach
        .iter()
        .map(move |one| line(sign, format!("attachment {}", words::attachment(one)), ""))
}
