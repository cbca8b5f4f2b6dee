//! Bringing a probe up in a directory of pins: maps, handlers, slots, then attachments.
//!
//! Either all of it is up or nothing of it is left.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use crate::desired::{Attachment, Desired, OnMissing, Slot};
use crate::kernel::attach::{self, HeldLink, NewLinks};
use crate::kernel::error::{Error, Phase};
use crate::kernel::load::{Loader, ObjectFile};
use crate::kernel::migrate::{Migrated, Migration};
use crate::kernel::pins::PinDir;
use crate::kernel::previous::Previous;
use crate::kernel::slots::Exchanges;
use crate::kernel::{hints, sys};
use crate::live::{AttachmentRecord, MapRecord, PassedOver, ProgramRecord, Record};
use crate::plan::Change;

/// A probe that is up.
///
/// One in a private directory is gone when this is dropped; one in a persistent directory stays.
#[derive(Debug)]
pub struct Running {
    pins: PinDir,
    made: Made,
    notes: Vec<String>,
}

/// What was brought up.
#[derive(Debug, Default)]
struct Made {
    attachments: Vec<AttachmentRecord>,
    programs: Vec<ProgramRecord>,
    maps: Vec<MapRecord>,
    held: Vec<HeldLink>,
    /// Of arrays that stay from before.
    exchanges: Exchanges,
    /// Of maps that are made anew.
    migrations: Vec<Migration>,
    attaching_since: Option<Instant>,
}

/// Brings a probe up, with what stays of one that runs. `objects` are the files of
/// `desired.objects`; those of which nothing has to be loaded may be missing.
pub fn bring_up(
    desired: &Desired,
    objects: &[ObjectFile<'_>],
    pins: PinDir,
    previous: Option<Previous<'_>>,
) -> Result<Running, Error> {
    let mut notes = Vec::new();
    let mut made = Made::default();
    let created = pins.create().map(|note| notes.extend(note));
    match created
        .and_then(|()| bring_up_in(desired, objects, &pins, previous, &mut made, &mut notes))
    {
        Ok(()) => Ok(Running { pins, made, notes }),
        Err(error) => {
            let undone = made.exchanges.undo().and_then(|()| pins.remove());
            match undone {
                Ok(()) => Err(error),
                Err(left) => Err(error.hint(format!("something is left: {left}"))),
            }
        }
    }
}

fn bring_up_in(
    desired: &Desired,
    objects: &[ObjectFile<'_>],
    pins: &PinDir,
    previous: Option<Previous<'_>>,
    made: &mut Made,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let mut loader = Loader::open(desired, objects, pins, previous)?;
    notes.extend(loader.notes());
    // Nothing writes to the new maps yet.
    if let Some(previous) = previous {
        for map in &previous.change.migrations {
            made.migrations.push(Migration::begin(map, previous.pins, pins)?);
        }
    }
    // What can fail without anybody noticing comes first: every handler is loaded before a slot that
    // programs call through is exchanged.
    let mut exchanges = Vec::new();
    for slot in &desired.slots {
        let target = desired.handler_target(slot);
        let program = loader.load(&slot.program, target.as_deref())?;
        match previous {
            Some(previous) if previous.change.keep.has_map(&slot.map) => {
                if let Some(index) = place(slot, previous.change) {
                    exchanges.push((slot, index, program));
                }
            }
            _ => fill(slot, &program, desired, pins)?,
        }
    }
    for (map, index) in previous.iter().flat_map(|one| one.change.leftovers_in_the_way(desired)) {
        made.exchanges.exchange(pins, map, index, None).map_err(|error| {
            Error::from_io(Phase::Slot, format!("slot {map}[{index}], to be empty"), &error)
        })?;
    }
    for (slot, index, program) in exchanges {
        made.exchanges
            .exchange(pins, &slot.map, index, Some(&program))
            .map_err(|error| slot_failed(slot, desired, &error))?;
    }
    for (index, attachment) in desired.attach.iter().enumerate() {
        let order = made.attachments.iter().map(|attachment| attachment.links.len()).sum();
        let kept = match &previous {
            Some(previous) => previous.attachment(index, pins, order)?,
            None => None,
        };
        if let Some(kept) = kept {
            made.attachments.push(kept);
            continue;
        }
        made.attaching_since.get_or_insert_with(Instant::now);
        let (record, links) = attach_first(attachment, &mut loader, pins, order, notes)?;
        made.held.extend(links);
        made.attachments.push(record);
    }
    loader.adopt_rest()?;
    made.programs = loader.programs();
    made.maps = loader.maps()?;
    Ok(())
}

/// Where a handler goes in an array that stays, if it isn't there: into its slot, or into the half
/// that comes into use, which is filled as a whole.
fn place(slot: &Slot, change: &Change) -> Option<u32> {
    match change.flip(&slot.map) {
        Some(flip) => Some(flip.to + slot.index),
        None => change.changes_slot(&slot.map, slot.index).then_some(slot.index),
    }
}

/// Puts a handler into its slot of an array that nothing calls through yet.
pub(super) fn fill(
    slot: &Slot,
    program: &Path,
    desired: &Desired,
    pins: &PinDir,
) -> Result<(), Error> {
    let set = sys::obj_get(&pins.map(&slot.map)).and_then(|map| {
        let program = sys::obj_get(program)?;
        sys::prog_array_set(map.as_fd(), slot.index, program.as_fd())
    });
    set.map_err(|error| slot_failed(slot, desired, &error))
}

fn slot_failed(slot: &Slot, desired: &Desired, error: &io::Error) -> Error {
    let what = format!(
        "slot {}[{}] with program {} (object {})",
        slot.map, slot.index, slot.program.name, slot.program.object
    );
    hints::add_for_slot(Error::from_io(Phase::Slot, what, error), slot, desired)
}

/// Attaches the first alternative that the kernel takes.
fn attach_first(
    attachment: &Attachment,
    loader: &mut Loader<'_>,
    pins: &PinDir,
    order: usize,
    notes: &mut Vec<String>,
) -> Result<(AttachmentRecord, Vec<HeldLink>), Error> {
    let mut failures = Vec::new();
    let mut passed_over = Vec::new();
    for hook in &attachment.alternatives {
        match attach::attach(hook, loader, pins, order) {
            Ok(NewLinks { records, held, notes: said }) => {
                notes.extend(said);
                let record =
                    AttachmentRecord { chosen: Some(hook.clone()), links: records, passed_over };
                return Ok((record, held));
            }
            Err(error) => {
                passed_over.push(PassedOver { hook: hook.clone(), reason: error.to_string() });
                failures.push(error);
            }
        }
    }
    let may_be_left_out = attachment.on_missing != OnMissing::Error
        && failures.iter().all(|failure| failure.target_missing);
    if may_be_left_out {
        if attachment.on_missing == OnMissing::Warn {
            notes.extend(passed_over.iter().map(|passed| {
                format!("{} is left out: {}", attach::describe(&passed.hook), passed.reason)
            }));
        }
        let record = AttachmentRecord { chosen: None, links: Vec::new(), passed_over };
        return Ok((record, Vec::new()));
    }
    Err(none_taken(attachment, failures))
}

/// One error that gives the reason of every alternative.
fn none_taken(attachment: &Attachment, mut failures: Vec<Error>) -> Error {
    if failures.len() == 1
        && let Some(only) = failures.pop()
    {
        return only;
    }
    let names: Vec<String> = attachment.alternatives.iter().map(attach::describe).collect();
    let mut error =
        Error::new(Phase::Attach, names.join(" or "), "this kernel takes none of the alternatives");
    error.target_missing = failures.iter().all(|failure| failure.target_missing);
    error.alternatives = failures;
    error
}

impl Running {
    /// Where its maps, programs and links are pinned.
    pub fn pins(&self) -> &PinDir {
        &self.pins
    }

    /// What became of each attachment, in the order of the file.
    pub fn attachments(&self) -> &[AttachmentRecord] {
        &self.made.attachments
    }

    /// What a person should know besides: a file system that was mounted, an attachment left out.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// When it began to attach anything that did not stay from before; `None` if it didn't.
    pub fn attaching_since(&self) -> Option<Instant> {
        self.made.attaching_since
    }

    /// Carries over what was written to maps that were made anew, after what wrote to the old ones is gone.
    ///
    /// # Errors
    /// A map can't be read or written.
    pub fn finish_migrations(&mut self) -> Result<Vec<Migrated>, Error> {
        self.made.migrations.drain(..).map(Migration::finish).collect()
    }

    /// What is to be remembered of it.
    pub fn record(&self, desired: &Desired, applied_at: u64) -> Record {
        Record {
            schema_version: Record::SCHEMA_VERSION,
            desired: desired.clone(),
            attachments: self.made.attachments.clone(),
            programs: self.made.programs.clone(),
            maps: self.made.maps.clone(),
            applied_at,
            swapped: None,
        }
    }

    /// Takes the place of the probe that ran, whose directory `self.pins` becomes.
    pub fn exchange_with(&mut self, old: PinDir) -> Result<PinDir, Error> {
        self.pins.exchange(&old)?;
        Ok(std::mem::replace(&mut self.pins, old))
    }

    /// Takes everything back: the slots that were exchanged, then what was brought up.
    pub fn undo(mut self) -> Result<(), Error> {
        self.made.exchanges.undo()?;
        self.pins.remove()
    }

    /// Detaches everything, the last attached first. The maps stay to be read.
    pub fn detach(&mut self) -> Result<(), Error> {
        while self.made.held.pop().is_some() {}
        self.pins.remove_links()
    }

    /// What became of each attachment and the notes, of a probe that stays.
    pub fn into_parts(self) -> (Vec<AttachmentRecord>, Vec<String>) {
        (self.made.attachments, self.notes)
    }
}
