//! `probe-runner delete`: detaches probes and removes everything of theirs.

use crate::apply;
use crate::commands::{Outcome, applied, report};
use crate::kernel::lock::Lock;
use crate::kernel::{WholeLog, observe};
use std::io::Write;

/// Deletes the named probes, or with `all` every probe that is applied.
///
/// # Errors
/// The lock can't be had, the applied probes can't be listed, or the output can't be written.
pub fn run(names: &[String], all: bool, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let _lock = Lock::acquire("delete")?;
    let there = observe::probes()?;
    let mut outcome = Outcome::Done;
    for name in if all { &there } else { names } {
        if !there.contains(name) {
            let others = applied::others(name, &there);
            report::warning(name, &format!("no such probe is applied; {others}"));
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
