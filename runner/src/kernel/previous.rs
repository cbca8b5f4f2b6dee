//! What stays of a probe that runs while its successor is brought up beside it: the same maps,
//! programs and links, pinned in the successor's directory too.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use crate::desired::{Desired, ProgramRef, Slot};
use crate::kernel::error::{Error, Phase};
use crate::kernel::pins::{LinkName, PinDir};
use crate::kernel::sys;
use crate::live::{AttachmentRecord, LinkKeeper, LinkRecord, ProgramRecord, Record};
use crate::plan::Change;

/// A probe that runs, and what the plan says of it.
#[derive(Clone, Copy, Debug)]
pub struct Previous<'a> {
    /// Where it is pinned.
    pub pins: &'a PinDir,
    /// What it was brought up as.
    pub record: &'a Record,
    /// What becomes of it.
    pub change: &'a Change,
}

impl Previous<'_> {
    /// A map that stays, pinned by its name; `None` for one that doesn't.
    pub fn map(&self, name: &str, pins: &PinDir) -> Result<Option<OwnedFd>, Error> {
        if !self.change.keep.has_map(name) {
            return Ok(None);
        }
        pin_again(&self.pins.map(name), &pins.map(name)).map(Some)
    }

    /// Whether a program need not be loaded for anything that is asked for.
    pub fn stays(&self, program: &ProgramRef, desired: &Desired) -> bool {
        let keep = &self.change.keep;
        let attached_anew = desired.attach.iter().zip(&keep.attachments).any(|(wanted, kept)| {
            let mut hooks = wanted.alternatives.iter();
            kept.is_none()
                && hooks.any(|hook| {
                    hook.program == *program || hook.return_program.as_ref() == Some(program)
                })
        });
        let mut slots = desired.slots.iter().filter(|slot| slot.program == *program);
        let fits = |slot: &Slot| keep.program(program, desired.handler_target(slot).as_deref());
        keep.has_program(program) && !attached_anew && slots.all(|slot| fits(slot).is_some())
    }

    /// A program that stays, at its new pin.
    pub fn program(&self, program: &ProgramRecord, pin: &Path) -> Result<(), Error> {
        pin_again(&self.pins.programs().join(&program.pin), pin).map(drop)
    }

    /// The attachment of before that stays as number `index` of the new ones; its first link becomes
    /// number `order` of the probe.
    pub fn attachment(
        &self,
        index: usize,
        pins: &PinDir,
        order: usize,
    ) -> Result<Option<AttachmentRecord>, Error> {
        let kept = self.change.keep.attachments.get(index).copied().flatten();
        let Some(before) = kept.and_then(|kept| self.record.attachments.get(kept)) else {
            return Ok(None);
        };
        let mut links = Vec::new();
        for link in &before.links {
            let LinkKeeper::Pin { name, id } = &link.keeper else {
                return Ok(None);
            };
            let new = LinkName { order: order + links.len(), program: link.program.clone() };
            let new = new.to_string();
            pin_again(&self.pins.links().join(name), &pins.links().join(&new))?;
            let keeper = LinkKeeper::Pin { name: new, id: *id };
            links.push(LinkRecord { program: link.program.clone(), keeper });
        }
        Ok(Some(AttachmentRecord { links, ..before.clone() }))
    }
}

fn pin_again(from: &Path, to: &Path) -> Result<OwnedFd, Error> {
    let failed = |path: &Path, error: &std::io::Error| {
        Error::from_io(Phase::Pin, path.display().to_string(), error)
    };
    let fd = sys::obj_get(from).map_err(|error| failed(from, &error))?;
    sys::obj_pin(fd.as_fd(), to).map_err(|error| failed(to, &error))?;
    Ok(fd)
}
