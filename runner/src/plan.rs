//! What has to be done so that the kernel holds what a probe file asks for.
//!
//! Planning is pure: it compares plain data and returns plain data. [`crate::apply`] executes it.

mod drift;
mod keep;
mod lines;
mod whole;
mod slots;
mod stores;
mod words;

use std::fmt;

use crate::desired::Desired;
use crate::live::{Live, Record};
use schemars::JsonSchema;
use serde::Serialize;

pub use keep::Keep;
pub use lines::{Guarantee, Line, Sign};
pub use slots::{Flip, SlotChange};
pub use stores::Store;

/// What will be done for one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The probe's name.
    pub probe: String,
    /// The steps in order; none if there is nothing to do.
    pub steps: Vec<Step>,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Remove what an interrupted `apply` left, or what runs and isn't understood.
    ClearLeftovers(Leftovers),
    /// Bring the probe up where there is none: these lines.
    Create(Vec<Line>),
    /// Change what runs.
    Change(Box<Change>),
    /// Only what the kernel doesn't know differs (how maps are shown, the description, the file's
    /// name): the state file is rewritten.
    Remember,
    /// Take the probe down: these lines.
    Delete(Vec<Line>),
}

/// What is there that nobody brought up as a whole, or that this version can't tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// An `apply` was interrupted.
    Interrupted,
    /// The state file isn't understood, for this reason.
    Unreadable(String),
}

/// How a probe that runs becomes another: what stays, what changes under running programs, what is
/// made anew beside the old before the old goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The change in words; at least one line.
    pub lines: Vec<Line>,
    /// What stays.
    pub keep: Keep,
    /// Slots of PROG_ARRAYs that stay.
    pub slots: Vec<SlotChange>,
    /// Those of the arrays whose other half comes into use.
    pub flips: Vec<Flip>,
    /// Occupied slots that are not in use, by their index in the array itself.
    pub leftovers: Vec<(String, u32)>,
    /// Variables of maps that stay.
    pub stores: Vec<Store>,
    /// Maps that are made anew and get what the old ones hold.
    pub migrations: Vec<String>,
}

/// Something that differs between what the state file says and what the kernel has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What it is about: `slot handlers[59]`, `link of dispatch`, ….
    pub subject: String,
    /// How it differs: `exec → mine/exec`, `is gone`, ….
    pub change: String,
}

/// What a plan does to a probe as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was not there before and is now.
    Created,
    /// It was there and was changed.
    Configured,
    /// It stays as it is.
    Unchanged,
    /// It was there and was taken down.
    Deleted,
}

/// Plans how to get from what is there to what is asked for; `live` is `None` where nothing is.
pub fn plan(desired: &Desired, live: Option<&Live>) -> Plan {
    let create = || vec![Step::Create(whole::made(desired))];
    let steps = live.map_or_else(create, |live| steps(desired, live));
    Plan { probe: desired.probe.clone(), steps }
}

/// Plans how to take down what is there.
pub fn removal(live: &Live) -> Plan {
    let desired = live.record.as_ref().map(|record| &record.desired);
    let lines = desired.map(whole::gone).unwrap_or_default();
    Plan { probe: live.probe.clone(), steps: vec![Step::Delete(lines)] }
}

fn steps(desired: &Desired, live: &Live) -> Vec<Step> {
    let Some(record) = &live.record else {
        let leftovers = match &live.unreadable {
            Some(why) => Leftovers::Unreadable(why.clone()),
            None => Leftovers::Interrupted,
        };
        return vec![Step::ClearLeftovers(leftovers), Step::Create(whole::made(desired))];
    };
    let mut steps = Vec::new();
    if live.unfinished_replacement {
        steps.push(Step::ClearLeftovers(Leftovers::Interrupted));
    }
    let change = change(desired, record, live);
    if !change.is_empty() {
        steps.push(Step::Change(Box::new(change)));
    } else if record.desired != *desired || record.swapped.is_some() {
        steps.push(Step::Remember);
    }
    steps
}

fn change(desired: &Desired, record: &Record, live: &Live) -> Change {
    let keep = keep::keep(desired, record, live);
    let slots = slots::changes(desired, live, &keep);
    let stores = stores::stores(desired, record, &keep);
    let flips = slots::flips(desired, live, &slots);
    let leftovers = slots::leftovers(live, &keep);
    let migrations = keep::migrations(desired, record, live, &keep);
    let facts = lines::Facts {
        desired,
        record,
        keep: &keep,
        slots: &slots,
        leftovers: &leftovers,
        stores: &stores,
        migrations: &migrations,
    };
    let lines = lines::lines(&facts);
    Change { lines, keep, slots, flips, leftovers, stores, migrations }
}

/// How what runs differs from what its own state file says; empty for a healthy probe.
///
/// Empty too where there is no state file: such a probe is incomplete, not drifted.
pub fn drift(live: &Live) -> Vec<Reason> {
    live.record.as_ref().map(|record| drift::drift(record, live)).unwrap_or_default()
}

/// `attached`, `degraded` where something differs from what was applied, `incomplete` where an apply
/// was interrupted.
pub fn state(live: &Live) -> &'static str {
    if live.record.is_none() || live.unfinished_replacement {
        "incomplete"
    } else if drift(live).is_empty() {
        "attached"
    } else {
        "degraded"
    }
}

impl Change {
    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether a slot of an array that stays gets another program.
    pub fn changes_slot(&self, map: &str, index: u32) -> bool {
        self.slots.iter().any(|slot| slot.map == map && slot.index == index)
    }

    /// How the half of an array that is in use changes, if it does.
    pub fn flip(&self, map: &str) -> Option<&Flip> {
        self.flips.iter().find(|flip| flip.generation.map == map)
    }

    /// Leftovers of the half that comes into use: they go before it does.
    pub fn leftovers_in_the_way<'a>(
        &'a self,
        desired: &'a Desired,
    ) -> impl Iterator<Item = (&'a str, u32)> {
        self.leftovers.iter().filter_map(|(map, index)| {
            let slot = index.checked_sub(self.flip(map)?.to)?;
            let is_filled = desired.slots.iter().any(|one| one.map == *map && one.index == slot);
            (!is_filled).then_some((map.as_str(), *index))
        })
    }

    /// The slots, by their index in the array itself, that are to be emptied when the change is made.
    pub fn emptied_slots(&self) -> impl Iterator<Item = (&str, u32)> {
        let emptied = self.slots.iter().filter(|slot| slot.after.is_none());
        let emptied = emptied.filter(|slot| self.flip(&slot.map).is_none());
        let emptied = emptied.map(|slot| (slot.map.as_str(), slot.index));
        let leftovers = self.leftovers.iter().filter(|(map, _)| self.flip(map).is_none());
        emptied.chain(leftovers.map(|(map, index)| (map.as_str(), *index)))
    }

    /// Whether something is attached anew while what it replaces is still attached.
    pub fn overlaps(&self) -> bool {
        self.lines.iter().any(|line| line.guarantee == Some(Guarantee::Overlap))
    }
}

impl Plan {
    /// What `apply` will report when the plan has been executed.
    pub fn outcome(&self) -> Outcome {
        let mut outcomes = self.steps.iter().rev().filter_map(|step| match step {
            Step::Create(_) => Some(Outcome::Created),
            Step::Change(_) | Step::Remember => Some(Outcome::Configured),
            Step::Delete(_) => Some(Outcome::Deleted),
            Step::ClearLeftovers(_) => None,
        });
        outcomes.next().unwrap_or(Outcome::Unchanged)
    }

    /// What comes, changes and goes, a line each.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.steps.iter().flat_map(|step| match step {
            Step::Create(lines) | Step::Delete(lines) => lines.as_slice(),
            Step::Change(change) => change.lines.as_slice(),
            Step::ClearLeftovers(_) | Step::Remember => &[],
        })
    }

    /// Whether data that programs collected is lost.
    pub fn loses_data(&self) -> bool {
        let unknown = |step: &Step| matches!(step, Step::ClearLeftovers(Leftovers::Unreadable(_)));
        self.steps.iter().any(unknown)
            || self.lines().any(|line| line.guarantee == Some(Guarantee::Restart))
    }
}

impl Outcome {
    /// The word that `apply` prints.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Configured => "configured",
            Outcome::Unchanged => "unchanged",
            Outcome::Deleted => "deleted",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.change)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = match self {
            Step::ClearLeftovers(Leftovers::Interrupted) => {
                return f.write_str("~ remove what an interrupted apply left");
            }
            Step::ClearLeftovers(Leftovers::Unreadable(why)) => {
                return write!(f, "- remove what runs, with its data: {why}");
            }
            Step::Remember => return f.write_str("~ update how it is shown"),
            Step::Create(lines) | Step::Delete(lines) => lines,
            Step::Change(change) => &change.lines,
        };
        for (i, line) in lines.iter().enumerate() {
            write!(f, "{}{line}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
