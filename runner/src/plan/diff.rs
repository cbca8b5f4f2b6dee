//! What differs, in words: between two wishes, and between a state file and the kernel.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::desired::{Attachment, Desired, GlobalValue, OnMissing, ProgramRef, Value};
use crate::live::{AttachmentRecord, LinkKeeper, Live, Record};
use crate::plan::Reason;

/// What a new wish asks for otherwise than the old one, as far as the kernel is concerned.
pub fn asked(old: &Desired, new: &Desired) -> Vec<Reason> {
    let mut reasons = Vec::new();
    compare(
        &mut reasons,
        old.objects
            .iter()
            .map(|object| (format!("object {}", object.alias), short(&object.sha256))),
        new.objects
            .iter()
            .map(|object| (format!("object {}", object.alias), short(&object.sha256))),
    );
    compare(&mut reasons, old.globals.iter().map(global), new.globals.iter().map(global));
    let maps = |wish: &Desired| -> Vec<(String, String)> {
        wish.maps
            .iter()
            .map(|map| (format!("map {}", map.name), format!("{} entries", map.max_entries)))
            .collect()
    };
    compare(&mut reasons, maps(old), maps(new));
    let slots = |wish: &Desired| -> Vec<(String, String)> {
        wish.slots
            .iter()
            .map(|slot| (format!("slot {}[{}]", slot.map, slot.index), program(&slot.program)))
            .collect()
    };
    compare(&mut reasons, slots(old), slots(new));
    compare(
        &mut reasons,
        old.attach.iter().enumerate().map(attachment),
        new.attach.iter().enumerate().map(attachment),
    );
    reasons
}

/// How the kernel differs from what the state file says was brought up.
pub fn drift(record: &Record, live: &Live) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for link in record.attachments.iter().flat_map(|a| &a.links) {
        let LinkKeeper::Pin { name, id } = &link.keeper else {
            continue;
        };
        let change = match live.links.iter().find(|live| live.pin == *name) {
            None => "is gone",
            Some(found) if found.id != *id => "was replaced by another",
            Some(_) => continue,
        };
        reasons.push(reason(format!("link of {}", link.program.name), change));
    }
    for program in used_programs(record) {
        if !live.programs.iter().any(|live| live.program == *program) {
            reasons.push(reason(format!("program {}", program.name), "is gone"));
        }
    }
    reasons.extend(slot_drift(record, live));
    reasons
}

fn slot_drift(record: &Record, live: &Live) -> Vec<Reason> {
    let wanted = record.desired.slots.iter().map(|slot| {
        let name = format!("slot {}[{}]", slot.map, slot.index);
        (name, program(&slot.program))
    });
    let found = live.slots.iter().map(|slot| {
        let name = format!("slot {}[{}]", slot.map, slot.index);
        let program = match &slot.program {
            Some(own) => program(own),
            None => format!("foreign program {}", slot.program_id),
        };
        (name, program)
    });
    let mut reasons = Vec::new();
    compare(&mut reasons, found, wanted);
    for reason in &mut reasons {
        match reason.change.as_str() {
            "added" => reason.change = "is empty".to_owned(),
            "removed" => reason.change = "was filled by somebody else".to_owned(),
            _ => {}
        }
    }
    reasons
}

/// The programs that the state file says were loaded: those of slots and of chosen hooks.
fn used_programs(record: &Record) -> Vec<&ProgramRef> {
    let slots = record.desired.slots.iter().map(|slot| &slot.program);
    let links = record
        .attachments
        .iter()
        .flat_map(|attachment: &AttachmentRecord| &attachment.links)
        .map(|link| &link.program);
    let mut programs: Vec<&ProgramRef> = slots.chain(links).collect();
    programs.sort_unstable();
    programs.dedup();
    programs
}

/// Adds a reason for each subject whose description differs: the new ones' in their order, then those
/// that are no more.
fn compare(
    reasons: &mut Vec<Reason>,
    old: impl IntoIterator<Item = (String, String)>,
    new: impl IntoIterator<Item = (String, String)>,
) {
    let old: Vec<(String, String)> = old.into_iter().collect();
    let mut left: BTreeMap<&str, &str> =
        old.iter().map(|(subject, description)| (subject.as_str(), description.as_str())).collect();
    for (subject, wanted) in new {
        match left.remove(subject.as_str()) {
            None => reasons.push(reason(subject, "added")),
            Some(found) if found != wanted => {
                let change = format!("{found} → {wanted}");
                reasons.push(reason(subject, change));
            }
            Some(_) => {}
        }
    }
    let removed = old.iter().filter(|(subject, _)| left.contains_key(subject.as_str()));
    reasons.extend(removed.map(|(subject, _)| reason(subject, "removed")));
}

fn reason(subject: impl Into<String>, change: impl Into<String>) -> Reason {
    Reason { subject: subject.into(), change: change.into() }
}

/// Enough of a digest to tell two apart.
fn short(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}

/// `exec` for the main object's, `mine/exec` for another's.
fn program(program: &ProgramRef) -> String {
    if program.object == "main" {
        program.name.clone()
    } else {
        format!("{}/{}", program.object, program.name)
    }
}

fn global(global: &GlobalValue) -> (String, String) {
    let subject = if global.object == "main" {
        format!("global {}", global.name)
    } else {
        format!("global {}/{}", global.object, global.name)
    };
    let value = match &global.value {
        Value::InterfaceIndex { device, .. } => format!("index of {device}"),
        Value::Bytes(bytes) => number(bytes),
    };
    (subject, value)
}

/// A scalar's bytes as an unsigned number, anything else in hexadecimal.
fn number(bytes: &[u8]) -> String {
    if matches!(bytes.len(), 1 | 2 | 4 | 8) {
        let mut wide = [0; 8];
        if cfg!(target_endian = "big") {
            wide[8 - bytes.len()..].copy_from_slice(bytes);
        } else {
            wide[..bytes.len()].copy_from_slice(bytes);
        }
        return u64::from_ne_bytes(wide).to_string();
    }
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn attachment((place, attachment): (usize, &Attachment)) -> (String, String) {
    let hooks: Vec<String> = attachment
        .alternatives
        .iter()
        .map(|hook| {
            let mut text = format!("{} {}", hook.kind.name(), hook.place());
            if let Some(cookie) = hook.cookie {
                let _ = write!(text, " cookie {cookie:#x}");
            }
            let _ = write!(text, " with {}", program(&hook.program));
            if let Some(at_return) = &hook.return_program {
                let _ = write!(text, " and {}", program(at_return));
            }
            text
        })
        .collect();
    let on_missing = match attachment.on_missing {
        OnMissing::Error => "",
        OnMissing::Warn => ", may be missing (warn)",
        OnMissing::Skip => ", may be missing (skip)",
    };
    (format!("attachment {}", place + 1), format!("{}{on_missing}", hooks.join(" or ")))
}
