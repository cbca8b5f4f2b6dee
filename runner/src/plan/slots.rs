//! Which slots of the PROG_ARRAYs that stay have to change.

use crate::desired::{Desired, Generation, ProgramRef};
use crate::live::Live;
use crate::plan::keep::Keep;
use crate::plan::words;

/// One slot of an array that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotChange {
    /// The PROG_ARRAY.
    pub map: String,
    /// The index, counted from where the half in use begins.
    pub index: u32,
    /// What is in it now, in words; `None` if it is empty.
    pub before: Option<String>,
    /// What will be in it; `None` if it will be empty.
    pub after: Option<ProgramRef>,
}

/// A PROG_ARRAY whose other half comes into use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    /// The array and the variable.
    pub generation: Generation,
    /// Where the half begins that is in use now.
    pub from: u32,
    /// Where the half begins that will be.
    pub to: u32,
}

/// The slots in use that hold something else than they should, by array and index.
pub fn changes(desired: &Desired, live: &Live, keep: &Keep) -> Vec<SlotChange> {
    let mut changes = Vec::new();
    for slot in desired.slots.iter().filter(|slot| keep.has_map(&slot.map)) {
        let mut found = live.slots.iter();
        let found = found.find(|live| live.map == slot.map && live.index == slot.index);
        let target = desired.handler_target(slot);
        let kept = keep.program(&slot.program, target.as_deref()).map(|program| program.id);
        if kept.is_some() && kept == found.map(|live| live.program_id) {
            continue;
        }
        changes.push(SlotChange {
            map: slot.map.clone(),
            index: slot.index,
            before: found.map(words::occupant),
            after: Some(slot.program.clone()),
        });
    }
    for found in live.slots.iter().filter(|live| keep.has_map(&live.map)) {
        let mut wanted = desired.slots.iter();
        if !wanted.any(|slot| slot.map == found.map && slot.index == found.index) {
            changes.push(SlotChange {
                map: found.map.clone(),
                index: found.index,
                before: Some(words::occupant(found)),
                after: None,
            });
        }
    }
    changes.sort_by(|a, b| (&a.map, a.index).cmp(&(&b.map, b.index)));
    changes
}

/// The arrays with two halves of which slots change.
pub fn flips(desired: &Desired, live: &Live, changes: &[SlotChange]) -> Vec<Flip> {
    let changed = desired
        .generations
        .iter()
        .filter(|generation| changes.iter().any(|change| change.map == generation.map));
    changed
        .map(|generation| {
            let half = desired.half(&generation.map);
            let from = live.base(&generation.map);
            let to = if from == 0 { half } else { 0 };
            Flip { generation: generation.clone(), from, to }
        })
        .collect()
}

/// Occupied slots of halves that are not in use: an interrupted change left them.
pub fn leftovers(live: &Live, keep: &Keep) -> Vec<(String, u32)> {
    live.unused_slots.iter().filter(|(map, _)| keep.has_map(map)).cloned().collect()
}
