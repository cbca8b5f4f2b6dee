//! Executes plans: the only place that changes what is applied.
//!
//! The state file is written last; it is the commit point. What fails before is undone, what is
//! interrupted before is found and cleared by the next `apply` or `delete`. Hold a
//! [`crate::kernel::lock::Lock`] from observing to the end.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::desired::Desired;
use crate::kernel::observe::is_probe_name;
use crate::kernel::{self, Error, ObjectFile, PinDir, Running};
use crate::live::{AttachmentRecord, Live, Record};
use crate::plan::{Outcome, Plan, Step};

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
    let mut attachments = live.map_or_else(Vec::new, |live| live.attachments().to_vec());
    let mut notes = Vec::new();
    for step in &plan.steps {
        let running = match step {
            Step::ClearLeftovers => {
                clear_leftovers(&desired.probe, live)?;
                continue;
            }
            Step::Remember => {
                commit(desired, &attachments)?;
                continue;
            }
            Step::Create => create(desired, objects)?,
            Step::Replace { .. } => replace(desired, objects)?,
        };
        let (made, said) = running.into_parts();
        attachments = made;
        notes.extend(said);
    }
    Ok(Applied { outcome: plan.outcome(), attachments, notes })
}

/// Takes a probe down: detaches it and removes all of its pins and its state file. Whether there
/// was anything.
pub fn delete(probe: &str) -> Result<bool, Error> {
    if !is_probe_name(probe) {
        return Ok(false);
    }
    let pins = [PinDir::replacement(probe), PinDir::persistent(probe)];
    let mut found = false;
    for pins in pins {
        found |= pins.exists()?;
        pins.remove()?;
    }
    Ok(kernel::forget(probe)? || found)
}

/// Brings a probe up for as long as the returned value lives, pinned where nobody else sees it.
pub fn run(desired: &Desired, objects: &[ObjectFile<'_>]) -> Result<Running, Error> {
    kernel::bring_up(desired, objects, PinDir::private()?)
}

fn clear_leftovers(probe: &str, live: Option<&Live>) -> Result<(), Error> {
    PinDir::replacement(probe).remove()?;
    let is_committed = live.is_some_and(|live| live.record.is_some());
    if is_committed {
        return Ok(());
    }
    PinDir::persistent(probe).remove()
}

fn create(desired: &Desired, objects: &[ObjectFile<'_>]) -> Result<Running, Error> {
    let running = kernel::bring_up(desired, objects, PinDir::persistent(&desired.probe))?;
    if let Err(error) = commit(desired, running.attachments()) {
        running.pins().remove()?;
        return Err(error);
    }
    Ok(running)
}

fn replace(desired: &Desired, objects: &[ObjectFile<'_>]) -> Result<Running, Error> {
    let old = PinDir::persistent(&desired.probe);
    let running = kernel::bring_up(desired, objects, PinDir::replacement(&desired.probe))?;
    if let Err(error) = old.remove() {
        running.pins().remove()?;
        return Err(error);
    }
    running.pins().rename(&old)?;
    commit(desired, running.attachments())?;
    Ok(running)
}

fn commit(desired: &Desired, attachments: &[AttachmentRecord]) -> Result<(), Error> {
    let applied_at =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    kernel::remember(&Record {
        schema_version: Record::SCHEMA_VERSION,
        desired: desired.clone(),
        attachments: attachments.to_vec(),
        applied_at,
    })
}
