//! `probe-runner delete`: detaches probes and removes everything of theirs.

use crate::apply;
use crate::commands::{Outcome, report};
use crate::kernel::lock::Lock;
use crate::kernel::{WholeLog, observe};
use crate::text::suggest::{listed, nearest};
use std::io::Write;

/// Deletes the named probes, or with `all` every probe that is applied.
///
/// # Errors
/// The lock can't be had, the applied probes can't be listed, or the output can't be written.
pub fn run(names: &[String], all: bool, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let _lock = Lock::acquire("delete")?;
    let applied = observe::probes()?;
    let mut outcome = Outcome::Done;
    for name in if all { &applied } else { names } {
        if !applied.contains(name) {
            unknown(name, &applied);
            outcome = Outcome::Failed;
            continue;
        }
        match apply::delete(name) {
            Ok(_) => writeln!(out, "probe/{name} deleted")?,
            Err(error) => {
                report::failure(name, &error, WholeLog::No);
                outcome = Outcome::Failed;
            }
        }
    }
    Ok(outcome)
}

/// Says that no probe of this name is applied, and which are.
fn unknown(name: &str, applied: &[String]) {
    let names = || applied.iter().map(String::as_str);
    let mut text = format!("no such probe is applied; applied: {}", listed(names(), 16));
    if let Some(meant) = nearest(name, names()) {
        text.push_str(&format!("; did you mean `{meant}`?"));
    }
    report::warning(name, &text);
}
