//! What plans call things: programs, values, attachments, slots.

use std::fmt::Write as _;

use crate::desired::{Attachment, GlobalValue, Hook, OnMissing, ProgramRef, Value};
use crate::live::LiveSlot;

/// `exec` for the main object's, `mine/exec` for another's.
pub fn program(program: &ProgramRef) -> String {
    qualified(&program.object, &program.name)
}

/// A variable's name.
pub fn variable(global: &GlobalValue) -> String {
    qualified(&global.object, &global.name)
}

fn qualified(object: &str, name: &str) -> String {
    if object == "main" { name.to_owned() } else { format!("{object}/{name}") }
}

/// What is in a slot.
pub fn occupant(slot: &LiveSlot) -> String {
    match &slot.program {
        Some(own) => program(own),
        None => format!("foreign program {}", slot.program_id),
    }
}

/// Enough of a digest to tell two apart.
pub fn short(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}

/// What is stored in a variable.
pub fn value(global: &GlobalValue) -> String {
    match &global.value {
        Value::InterfaceIndex { device, .. } => format!("index of {device}"),
        Value::Bytes(bytes) => number(bytes),
    }
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

/// An attachment with all of its alternatives.
pub fn attachment(attachment: &Attachment) -> String {
    let hooks: Vec<String> = attachment.alternatives.iter().map(hook).collect();
    let on_missing = match attachment.on_missing {
        OnMissing::Error => "",
        OnMissing::Warn => ", may be missing (warn)",
        OnMissing::Skip => ", may be missing (skip)",
    };
    format!("{}{on_missing}", hooks.join(" or "))
}

fn hook(hook: &Hook) -> String {
    let mut text = format!("{} {}", hook.kind.name(), hook.place());
    if let Some(cookie) = hook.cookie {
        let _ = write!(text, " cookie {cookie:#x}");
    }
    let _ = write!(text, " with {}", program(&hook.program));
    if let Some(at_return) = &hook.return_program {
        let _ = write!(text, " and {}", program(at_return));
    }
    text
}
