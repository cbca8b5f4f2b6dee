//! Bringing a probe up in a directory of pins: maps, handlers, slots, then attachments.
//!
//! Either all of it is up or nothing of it is left.

use std::os::fd::AsFd;

use crate::desired::{Attachment, Desired, OnMissing, Slot};
use crate::kernel::attach::{self, HeldLink, NewLinks};
use crate::kernel::error::{Error, Phase};
use crate::kernel::load::{Loader, ObjectFile};
use crate::kernel::pins::PinDir;
use crate::kernel::{hints, sys};
use crate::live::{AttachmentRecord, PassedOver};

/// A probe that is up.
///
/// One in a private directory is gone when this is dropped; one in a persistent directory stays.
#[derive(Debug)]
pub struct Running {
    pins: PinDir,
    attachments: Vec<AttachmentRecord>,
    held: Vec<HeldLink>,
    notes: Vec<String>,
}

/// Brings a probe up. `objects` are the files of `desired.objects`.
pub fn bring_up(
    desired: &Desired,
    objects: &[ObjectFile<'_>],
    pins: PinDir,
) -> Result<Running, Error> {
    let mut notes: Vec<String> = pins.create()?.into_iter().collect();
    match bring_up_in(desired, objects, &pins, &mut notes) {
        Ok((attachments, held)) => Ok(Running { pins, attachments, held, notes }),
        Err(error) => match pins.remove() {
            Ok(()) => Err(error),
            Err(left) => Err(error.hint(format!("something is left: {left}"))),
        },
    }
}

fn bring_up_in(
    desired: &Desired,
    objects: &[ObjectFile<'_>],
    pins: &PinDir,
    notes: &mut Vec<String>,
) -> Result<(Vec<AttachmentRecord>, Vec<HeldLink>), Error> {
    let mut loader = Loader::open(desired, objects, pins)?;
    notes.extend(loader.notes());
    for slot in &desired.slots {
        fill(slot, desired, &mut loader, pins)?;
    }
    let mut attachments = Vec::new();
    let mut held = Vec::new();
    let mut order = 0;
    for attachment in &desired.attach {
        let (record, links) = attach_first(attachment, &mut loader, pins, order, notes)?;
        order += record.links.len();
        held.extend(links);
        attachments.push(record);
    }
    Ok((attachments, held))
}

/// Loads a handler and puts it into its slot.
fn fill(
    slot: &Slot,
    desired: &Desired,
    loader: &mut Loader<'_>,
    pins: &PinDir,
) -> Result<(), Error> {
    let target = desired.handler_target(slot);
    let program = loader.load(&slot.program, target.as_deref())?;
    let set = sys::obj_get(&pins.map(&slot.map)).and_then(|map| {
        let program = sys::obj_get(&program)?;
        sys::prog_array_set(map.as_fd(), slot.index, program.as_fd())
    });
    set.map_err(|error| {
        let what = format!(
            "slot {}[{}] with program {} (object {})",
            slot.map, slot.index, slot.program.name, slot.program.object
        );
        let error = Error::from_io(Phase::Slot, what, &error);
        hints::add_for_slot(error, slot, loader)
    })
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
        &self.attachments
    }

    /// What a person should know besides: a file system that was mounted, an attachment left out.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Detaches everything, the last attached first. The maps stay to be read.
    pub fn detach(&mut self) -> Result<(), Error> {
        while self.held.pop().is_some() {}
        self.pins.remove_links()
    }

    /// What became of each attachment and the notes, of a probe that stays.
    pub fn into_parts(self) -> (Vec<AttachmentRecord>, Vec<String>) {
        (self.attachments, self.notes)
    }
}
