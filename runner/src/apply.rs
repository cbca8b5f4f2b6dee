//! Executes plans: the only place that changes what is applied.
//!
//! The state file is written last; it is the commit point. What fails before is undone, what is
//! interrupted before is found and cleared by the next `apply` or `delete`. Hold a
//! [`crate::kernel::lock::Lock`] from observing to the end.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::desired::Desired;
use crate::kernel::observe::is_probe_name;
use crate::kernel::{self, Error, ObjectFile, PinDir, Previous, Running, Stored};
use crate::live::{AttachmentRecord, Live, Record, Swapped};
use crate::plan::{Change, Outcome, Plan, Step};

/// What is to run.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// What is asked for.
    pub desired: &'a Desired,
    /// That it is not what the probe's file asks for.
    pub swapped: Option<&'a Swapped>,
}

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
    wish: Wish<'_>,
    live: Option<&Live>,
    objects: &[ObjectFile<'_>],
) -> Result<Applied, Error> {
    let Wish { desired, swapped } = wish;
    let mut applied = Applied {
        outcome: plan.outcome(),
        attachments: live.map_or_else(Vec::new, |live| live.attachments().to_vec()),
        notes: Vec::new(),
    };
    let record = live.and_then(|live| live.record.as_ref());
    for step in &plan.steps {
        let running = match (step, record) {
            (Step::ClearLeftovers(_), _) => {
                clear_leftovers(&desired.probe, record.is_some())?;
                continue;
            }
            (Step::Remember, Some(record)) => {
                let applied_at = now();
                kernel::remember(&Record {
                    desired: desired.clone(),
                    applied_at,
                    swapped: swapped.cloned(),
                    ..record.clone()
                })?;
                continue;
            }
            (Step::Change(change), Some(record)) => {
                self::change(wish, change, record, objects, &mut applied.notes)?
            }
            (Step::Delete(_), _) => {
                delete(&desired.probe)?;
                applied.attachments.clear();
                continue;
            }
            // Plans have the last two only where there is a record.
            (Step::Create(_) | Step::Change(_) | Step::Remember, _) => create(wish, objects)?,
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

fn create(wish: Wish<'_>, objects: &[ObjectFile<'_>]) -> Result<Running, Error> {
    let desired = wish.desired;
    let running = kernel::bring_up(desired, objects, PinDir::persistent(&desired.probe), None)?;
    if let Err(error) = kernel::remember(&record(&running, wish)) {
        running.undo()?;
        return Err(error);
    }
    Ok(running)
}

/// Brings the new probe up beside the old one, with what stays of it, lets the two change places, and
/// takes down what is left of the old one.
fn change(
    wish: Wish<'_>,
    change: &Change,
    record: &Record,
    objects: &[ObjectFile<'_>],
    notes: &mut Vec<String>,
) -> Result<Running, Error> {
    let desired = wish.desired;
    let pins = PinDir::persistent(&desired.probe);
    let previous = Previous { pins: &pins, record, change };
    let new = PinDir::replacement(&desired.probe);
    let mut running = kernel::bring_up(desired, objects, new, Some(previous))?;
    let mut stored = Stored::default();
    let committed = (change.stores.iter())
        .try_for_each(|store| stored.store(running.pins(), store))
        .and_then(|()| {
            let mut flips = change.flips.iter();
            flips.try_for_each(|flip| stored.flip(running.pins(), flip))
        })
        .and_then(|()| commit(wish, &mut running));
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
    tidy_slots(desired, change, running.pins(), notes)?;
    if !change.migrations.is_empty() {
        finish_migrations(change, record, &mut running, notes);
    }
    Ok(running)
}

/// Waits until the old programs are gone, and carries over what they wrote at last. The new probe runs
/// already: what fails is told and undoes nothing.
fn finish_migrations(
    change: &Change,
    record: &Record,
    running: &mut Running,
    notes: &mut Vec<String>,
) {
    let stays = |index: usize| change.keep.attachments.contains(&Some(index));
    let gone = record.attachments.iter().enumerate().filter(|(index, _)| !stays(*index));
    let links = gone.flat_map(|(_, attachment)| attachment.link_ids());
    if let Err(why) = kernel::wait_until_detached(links) {
        notes.push(format!("entries of maps were copied a last time although {why}"));
    }
    match running.finish_migrations() {
        Ok(migrated) => notes.extend(migrated.iter().map(ToString::to_string)),
        Err(error) => notes.push(format!(
            "what the old programs wrote to their maps at last could not be copied: {error}"
        )),
    }
}

/// Empties the slots that are no longer in use. Old handlers may still be finishing: whoever reads their
/// counts after this sees the last of them.
fn tidy_slots(
    desired: &Desired,
    change: &Change,
    pins: &PinDir,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    if change.slots.is_empty() && change.leftovers.is_empty() {
        return Ok(());
    }
    kernel::clear_slots(pins, change.emptied_slots())?;
    if !change.slots.is_empty()
        && let Err(error) = kernel::wait_for_programs()
    {
        notes.push(format!(
            "can't wait for the old handlers to finish ({error}): was the kernel booted with \
             nohz_full?"
        ));
    }
    // No event that began in the old half is under way any more.
    for flip in &change.flips {
        let map = flip.generation.map.as_str();
        let half = flip.from..flip.from + desired.half(map);
        kernel::clear_slots(pins, half.map(|index| (map, index)))?;
    }
    Ok(())
}

/// Puts the new probe into the old one's place and remembers it. The old one's pins are returned.
fn commit(wish: Wish<'_>, running: &mut Running) -> Result<PinDir, Error> {
    let old = running.exchange_with(PinDir::persistent(&wish.desired.probe))?;
    match kernel::remember(&record(running, wish)) {
        Ok(()) => Ok(old),
        Err(error) => {
            running.exchange_with(old)?;
            Err(error)
        }
    }
}

fn record(running: &Running, wish: Wish<'_>) -> Record {
    Record { swapped: wish.swapped.cloned(), ..running.record(wish.desired, now()) }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
