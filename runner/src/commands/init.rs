//! `probe-runner init`: a first probe file for an object.

use crate::commands::{Outcome, inspect};
use crate::scaffold;
use crate::text::terminal::lines;
use anyhow::bail;
use std::io::Write;
use std::path::Path;

/// Writes a probe file for the object of a path, or for a built-in one.
///
/// # Errors
/// There is no such object, it holds nothing to attach, or the output can't be written.
pub fn run(object: &str, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let found = inspect::find(object)?;
    let Some(text) = scaffold::probe_file(&name(object), object, &found.inventory) else {
        bail!(
            "{object} holds no program that probe-runner attaches; `probe-runner inspect {object}` shows what it holds"
        );
    };
    out.write_all(lines(&text).as_bytes())?;
    Ok(Outcome::Done)
}

/// A probe's name from a file's: what can't be in a name becomes a dash.
fn name(object: &str) -> String {
    let file = Path::new(object).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = file.split('.').next().unwrap_or_default().to_lowercase();
    let name: String = stem
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .take(63)
        .collect();
    let name = name.trim_matches('-');
    if name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.to_owned()
    } else {
        format!("probe-{name}")
    }
}
