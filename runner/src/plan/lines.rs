//! A change in words: a line for each thing that comes, changes or goes.

use std::fmt;

use crate::desired::{Desired, MapDefinition};
use crate::live::Record;
use crate::plan::keep::Keep;
use crate::plan::slots::SlotChange;
use crate::plan::stores::Store;
use crate::plan::words;
use crate::spec::MapFlag;
use schemars::JsonSchema;
use serde::Serialize;

/// One line of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Change")]
pub struct Line {
    /// Whether it comes, changes or goes.
    pub sign: Sign,
    /// What: `slot handlers[59]`, `global min_ns`, `object main`, ….
    pub subject: String,
    /// How, for people; may be empty.
    pub change: String,
    /// What is promised while it happens; null where nothing needs to be.
    pub guarantee: Option<Guarantee>,
}

/// What becomes of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Sign {
    /// It comes.
    #[serde(rename = "+")]
    Add,
    /// It changes.
    #[serde(rename = "~")]
    Change,
    /// It goes.
    #[serde(rename = "-")]
    Remove,
}

/// What a step promises about events and data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Guarantee {
    /// One slot is exchanged.
    Atomic,
    /// Several slots are exchanged, one after the other.
    Ordered,
    /// All slots are exchanged by one store.
    OneFlip,
    /// The new one is attached before the old one is detached.
    Overlap,
    /// Data is lost.
    Restart,
    /// Entries are copied into a new map.
    Migrate,
    /// A variable is stored under running programs.
    Stored,
}

impl Guarantee {
    /// Every guarantee.
    pub const ALL: [Guarantee; 7] = [
        Guarantee::Atomic,
        Guarantee::Ordered,
        Guarantee::OneFlip,
        Guarantee::Overlap,
        Guarantee::Restart,
        Guarantee::Migrate,
        Guarantee::Stored,
    ];

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Guarantee::Atomic => "atomic",
            Guarantee::Ordered => "ordered",
            Guarantee::OneFlip => "one flip",
            Guarantee::Overlap => "overlap",
            Guarantee::Restart => "restart",
            Guarantee::Migrate => "migrate",
            Guarantee::Stored => "stored",
        }
    }

    /// In a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Guarantee::Atomic => "every event runs the old handler or the new one, none is lost",
            Guarantee::Ordered => {
                "each slot changes atomically, one after the other: for a moment some events run \
                 new handlers and others old ones"
            }
            Guarantee::OneFlip => {
                "one store changes all slots: every event runs the old handlers or the new ones"
            }
            Guarantee::Overlap => {
                "the new program is attached before the old one is detached: none is lost, for a \
                 moment both see events"
            }
            Guarantee::Restart => "what it holds is lost",
            Guarantee::Migrate => {
                "what it holds is copied before the programs change places, and what the old ones write \
                 meanwhile after it; only an entry that old and new ones write meanwhile keeps the new \
                 ones' value alone"
            }
            Guarantee::Stored => "the value is stored in one piece while the programs run on",
        }
    }
}

/// What a change is put into words from.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// What is asked for.
    pub desired: &'a Desired,
    /// What was brought up.
    pub record: &'a Record,
    /// What of it stays.
    pub keep: &'a Keep,
    /// Slots of arrays that stay.
    pub slots: &'a [SlotChange],
    /// Occupied slots that are not in use.
    pub leftovers: &'a [(String, u32)],
    /// Variables of maps that stay.
    pub stores: &'a [Store],
    /// Maps that get what the old ones of their names hold.
    pub migrations: &'a [String],
}

/// Every line of a change.
pub fn lines(facts: &Facts<'_>) -> Vec<Line> {
    let mut lines = objects(facts);
    lines.extend(globals(facts));
    lines.extend(maps(facts));
    lines.extend(programs(facts));
    lines.extend(slots(facts));
    lines.extend(leftovers(facts.leftovers));
    lines.extend(attachments(facts));
    lines
}

pub(super) fn line(sign: Sign, subject: String, change: impl Into<String>) -> Line {
    Line { sign, subject, change: change.into(), guarantee: None }
}

fn objects(facts: &Facts<'_>) -> Vec<Line> {
    let (new, old) = (&facts.desired.objects, &facts.record.desired.objects);
    let mut lines = Vec::new();
    for object in new {
        let subject = format!("object {}", object.alias);
        match old.iter().find(|other| other.alias == object.alias) {
            None => lines.push(line(Sign::Add, subject, object.origin.clone())),
            Some(other) if other.sha256 != object.sha256 => {
                let digests =
                    format!("{} → {}", words::short(&other.sha256), words::short(&object.sha256));
                lines.push(line(Sign::Change, subject, digests));
            }
            Some(_) => {}
        }
    }
    let gone = old.iter().filter(|object| !new.iter().any(|other| other.alias == object.alias));
    lines.extend(gone.map(|object| line(Sign::Remove, format!("object {}", object.alias), "")));
    lines
}

fn globals(facts: &Facts<'_>) -> Vec<Line> {
    let (new, old) = (&facts.desired.globals, &facts.record.desired.globals);
    let mut lines = Vec::new();
    for global in new {
        let same = |other: &&crate::desired::GlobalValue| {
            other.object == global.object && other.name == global.name
        };
        let before = old.iter().find(same);
        if before == Some(global) {
            continue;
        }
        let change = match before {
            Some(before) => format!("{} → {}", words::value(before), words::value(global)),
            None => words::value(global),
        };
        let stored = facts.stores.iter().any(|store| store.global == *global);
        lines.push(Line {
            guarantee: stored.then_some(Guarantee::Stored),
            ..line(Sign::Change, format!("global {}", words::variable(global)), change)
        });
    }
    for global in old {
        let same = |other: &crate::desired::GlobalValue| {
            other.object == global.object && other.name == global.name
        };
        if !new.iter().any(same) {
            let subject = format!("global {}", words::variable(global));
            let stored = facts.stores.iter().any(|store| same(&store.global));
            lines.push(Line {
                guarantee: stored.then_some(Guarantee::Stored),
                ..line(Sign::Change, subject, "its initial value")
            });
        }
    }
    lines
}

fn maps(facts: &Facts<'_>) -> Vec<Line> {
    let (new, old) = (&facts.desired.maps, &facts.record.desired.maps);
    let mut lines = Vec::new();
    for map in new.iter().filter(|map| !facts.keep.has_map(&map.name)) {
        let subject = format!("map {}", map.name);
        let before = old.iter().find(|other| other.name == map.name);
        lines.push(match before {
            None => line(Sign::Add, subject, map.map_type().to_string()),
            Some(before) => {
                let guarantee = match facts.migrations.contains(&map.name) {
                    true => Guarantee::Migrate,
                    false => Guarantee::Restart,
                };
                let line = line(Sign::Change, subject, differences(before, map));
                Line { guarantee: Some(guarantee), ..line }
            }
        });
    }
    let gone = old.iter().filter(|map| facts.desired.map(&map.name).is_none());
    lines.extend(gone.map(|map| line(Sign::Remove, format!("map {}", map.name), "")));
    let sections = facts.record.desired.sections.iter().filter(|section| !section.is_read_only());
    for section in sections {
        let name = section.map_name();
        let object_stays = facts.desired.objects.iter().any(|one| one.alias == section.object);
        let was_made = facts.record.maps.iter().any(|made| made.name == name);
        if object_stays && was_made && !facts.keep.has_map(&name) {
            lines.push(Line {
                guarantee: Some(Guarantee::Restart),
                ..line(
                    Sign::Change,
                    format!("variables {name}"),
                    "made anew, with their initial values",
                )
            });
        }
    }
    lines
}

fn differences(before: &MapDefinition, after: &MapDefinition) -> String {
    let mut parts = Vec::new();
    if before.map_type != after.map_type {
        parts.push(format!("{} → {}", before.map_type(), after.map_type()));
    }
    if before.owner != after.owner {
        let owner = |map: &MapDefinition| map.owner.clone().unwrap_or_else(|| "nothing".to_owned());
        parts.push(format!("for {} → for {}", owner(before), owner(after)));
    }
    let numbers = [
        ("key size", before.key_size.into(), after.key_size.into()),
        ("value size", before.value_size.into(), after.value_size.into()),
        ("max_entries", before.max_entries.into(), after.max_entries.into()),
        ("map_extra", before.extra, after.extra),
    ];
    for (what, before, after) in numbers {
        if before != after {
            parts.push(format!("{what} {before} → {after}"));
        }
    }
    if before.flags != after.flags {
        let flags = |map: &MapDefinition| match &MapFlag::names(map.flags)[..] {
            [] => "none".to_owned(),
            names => names.join(" "),
        };
        parts.push(format!("flags {} → {}", flags(before), flags(after)));
    }
    if before.numa_node != after.numa_node {
        let node = |map: &MapDefinition| map.numa_node.map_or("any".to_owned(), |n| n.to_string());
        parts.push(format!("NUMA node {} → {}", node(before), node(after)));
    }
    if parts.is_empty() { "made anew".to_owned() } else { parts.join(", ") }
}

fn programs(facts: &Facts<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut handlers: Vec<_> = facts.desired.slots.iter().map(|slot| &slot.program).collect();
    handlers.sort_unstable();
    handlers.dedup();
    for handler in handlers {
        let was_loaded = facts.record.programs.iter().any(|made| made.program == *handler);
        let subject = format!("program {}", words::program(handler));
        if facts.keep.has_program(handler) {
            continue;
        }
        lines.push(match was_loaded {
            true => line(Sign::Change, subject, "loaded anew"),
            false => line(Sign::Add, subject, ""),
        });
    }
    let mut gone: Vec<_> = facts.record.programs.iter().map(|made| &made.program).collect();
    gone.retain(|program| facts.desired.program(program).is_none());
    gone.dedup();
    lines.extend(
        gone.into_iter()
            .map(|program| line(Sign::Remove, format!("program {}", words::program(program)), "")),
    );
    lines
}

fn slots(facts: &Facts<'_>) -> Vec<Line> {
    let guarantee = |map: &str| match facts.slots.len() {
        _ if facts.desired.generation(map).is_some() => Guarantee::OneFlip,
        1 => Guarantee::Atomic,
        _ => Guarantee::Ordered,
    };
    let alike = slot_lines(facts.slots);
    alike.map(|(map, line)| Line { guarantee: Some(guarantee(map)), ..line }).collect()
}

/// Slots with their arrays; neighbours that change alike are one line.
pub(super) fn slot_lines(changes: &[SlotChange]) -> impl Iterator<Item = (&str, Line)> {
    let alike = |a: &SlotChange, b: &SlotChange| {
        a.map == b.map && a.index + 1 == b.index && a.before == b.before && a.after == b.after
    };
    changes.chunk_by(alike).map(|run| {
        let (first, last) = (&run[0], &run[run.len() - 1]);
        let place = match first.index == last.index {
            true => format!("slot {}[{}]", first.map, first.index),
            false => format!("slots {}[{}-{}]", first.map, first.index, last.index),
        };
        let after = first.after.as_ref().map(words::program);
        let (sign, change) = match (&first.before, after) {
            (Some(before), Some(after)) if *before == after => {
                (Sign::Change, format!("{after}, loaded anew"))
            }
            (Some(before), Some(after)) => (Sign::Change, format!("{before} → {after}")),
            (None, Some(after)) => (Sign::Add, after),
            (Some(before), None) => (Sign::Remove, before.clone()),
            (None, None) => (Sign::Remove, String::new()),
        };
        (first.map.as_str(), line(sign, place, change))
    })
}

/// Slots that an interrupted change left in a half that is not in use.
fn leftovers(slots: &[(String, u32)]) -> Vec<Line> {
    let of_one_array = |a: &(String, u32), b: &(String, u32)| a.0 == b.0;
    slots
        .chunk_by(of_one_array)
        .map(|slots| {
            let subject = format!("{} unused slots of {}", slots.len(), slots[0].0);
            line(Sign::Remove, subject, "left by an interrupted change")
        })
        .collect()
}

fn attachments(facts: &Facts<'_>) -> Vec<Line> {
    let old = &facts.record.desired.attach;
    let mut left: Vec<usize> = (0..old.len()).collect();
    left.retain(|index| !facts.keep.attachments.contains(&Some(*index)));
    let mut lines = Vec::new();
    for (wanted, kept) in facts.desired.attach.iter().zip(&facts.keep.attachments) {
        if kept.is_some() {
            continue;
        }
        let subject = format!("attachment {}", words::attachment(wanted));
        match left.iter().position(|index| old[*index] == *wanted) {
            Some(place) => {
                left.remove(place);
                lines.push(Line {
                    guarantee: Some(Guarantee::Overlap),
                    ..line(Sign::Change, subject, "attached anew")
                });
            }
            None => lines.push(line(Sign::Add, subject, "")),
        }
    }
    let gone = left.into_iter().map(|index| &old[index]);
    lines.extend(gone.map(|attachment| {
        line(Sign::Remove, format!("attachment {}", words::attachment(attachment)), "")
    }));
    lines
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sign::Add => "+",
            Sign::Change => "~",
            Sign::Remove => "-",
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sign, self.subject)?;
        if !self.change.is_empty() {
            write!(f, ": {}", self.change)?;
        }
        match self.guarantee {
            Some(guarantee) => write!(f, " ({})", guarantee.name()),
            None => Ok(()),
        }
    }
}
