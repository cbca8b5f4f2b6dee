//! Executes plans: the only place that changes what is applied.
//!
//! The state file is written last; it is the commit point. What fails before is undone, what is
//! interrupted before is found and cleared by the next `apply` or `delete`. Hold a
//! [`crate::kernel::lock::Lock`] from observing to the end.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::desired::Desired;
use crate::kernel::observe::is_probe_name;
use crate::kernel::{self, Error, ObjectFile, PinDir, Previous, Running, Stored};
use crate::live::{AttachmentRecord, Live, Record};
use crate::plan::{Change, Outcome, Plan, Step};

/// What executing a plan did.
#[derive(Debug)]
pub struct Applied {
    /// In a word.
    pub outcome: Outcome,
    /// What runs now.
    pub attachments: Vec<AttachmentRecord>,
    /// What a person should know besides.
    pub notes: Vec<String>,
}

/// Executes a plan for a probe. `live` is what the plan was made from.
///
/// # Errors
/// The old probe, if there is one, runs on; nothing of the new one is left.
pub fn apply(
    plan: &Plan,
    desired: &Desired,
    live: Option<&Live>,
    objects: &[ObjectFile<'_>],
) -> Result<Applied, Error> {
    let mut applied = Applied {
        outcome: plan.outcome(),
        attachments: live.map_or_else(Vec::new, |live| live.attachments().to_vec()),
        notes: Vec::new(),
    };
    let record = live.and_then(|live| live.record.as_ref());
    for step in &plan.steps {
        let running = match (step, record) {
            (Step::ClearLeftovers, _) => {
                clear_leftovers(&desired.probe, record.is_some())?;
                continue;
            }
            (Step::Remember, Some(record)) => {
                let applied_at = now();
                kernel::remember(&Record {
                    desired: desired.clone(),
                    applied_at,
                    ..record.clone()
                })?;
                continue;
            }
            (Step::Change(change), Some(record)) => {
                self::change(desired, change, record, objects, &mut applied.notes)?
            }
            // Plans have the last two only where there is a record.
            (Step::Create | Step::Change(_) | Step::Remember, _) => create(desired, objects)?,
        };
        let (made, said) = running.into_parts();
        applied.attachments = made;
        applied.notes.extend(said);
    }
    Ok(applied)
}

/// Takes a probe down: detaches it and removes all of its pins and its state file. Whether there
/// was anything.
pub fn delete(probe: &str) -> Result<bool, Error> {
    if !is_probe_name(probe) {
        return Ok(false);
    }
    let persistent = PinDir::persistent(probe);
    let mut found = persistent.finish_exchange()?;
    for pins in [PinDir::replacement(probe), persistent] {
        found |= pins.exists()?;
        pins.remove()?;
    }
    Ok(kernel::forget(probe)? || found)
}

/// Brings a probe up for as long as the returned value lives, pinned where nobody else sees it.
pub fn run(desired: &Desired, objects: &[ObjectFile<'_>]) -> Result<Running, Error> {
    kernel::bring_up(desired, objects, PinDir::private()?, None)
}

fn clear_leftovers(probe: &str, is_committed: bool) -> Result<(), Error> {
    let persistent = PinDir::persistent(probe);
    persistent.finish_exchange()?;
    PinDir::replacement(probe).remove()?;
    if is_committed {
        return Ok(());
    }
    persistent.remove()
}

fn create(desired: &Desired, objects: &[ObjectFile<'_>]) -> Result<Running, Error> {
    let running = kernel::bring_up(desired, objects, PinDir::persistent(&desired.probe), None)?;
    if let Err(error) = kernel::remember(&running.record(desired, now())) {
        running.undo()?;
        return Err(error);
    }
    Ok(running)
}

/// Brings the new probe up beside the old one, with what stays of it, lets the two change places, and
/// takes down what is left of the old one.
fn change(
    desired: &Desired,
    change: &Change,
    record: &Record,
    objects: &[ObjectFile<'_>],
    notes: &mut Vec<String>,
) -> Result<Running, Error> {
    let pins = PinDir::persistent(&desired.probe);
    let previous = Previous { pins: &pins, record, change };
    let new = PinDir::replacement(&desired.probe);
    let mut running = kernel::bring_up(desired, objects, new, Some(previous))?;
    let mut stored = Stored::default();
    let committed = (change.stores.iter())
        .try_for_each(|store| stored.store(running.pins(), store))
        .and_then(|()| commit(desired, &mut running));
    let old = match committed {
        Ok(old) => old,
        Err(error) => {
            return Err(match stored.undo().and_then(|()| running.undo()) {
                Ok(()) => error,
                Err(left) => error.hint(format!("something is left: {left}")),
            });
        }
    };
    old.remove()?;
    if let Some(since) = running.attaching_since().filter(|_| change.overlaps()) {
        let overlap = since.elapsed().as_micros();
        notes.push(format!("old and new programs were attached together for {overlap} µs"));
    }
    kernel::clear_slots(running.pins(), change.emptied_slots())?;
    if running.has_exchanged() || change.emptied_slots().next().is_some() {
        // Old handlers may still be finishing; whoever reads their last counts next sees them all.
        if let Err(error) = kernel::wait_for_programs() {
            notes.push(format!("can't wait for the old handlers to finish ({error}): the kernel was booted with nohz_full"));
        }
    }
    Ok(running)
}

/// Puts the new probe into the old one's place and remembers it. The old one's pins are returned.
fn commit(desired: &Desired, running: &mut Running) -> Result<PinDir, Error> {
    let old = running.exchange_with(PinDir::persistent(&desired.probe))?;
    match kernel::remember(&running.record(desired, now())) {
        Ok(()) => Ok(old),
        Err(error) => {
            running.exchange_with(old)?;
            Err(error)
        }
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
