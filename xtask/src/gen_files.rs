//! `cargo xtask gen`: writes the files that are made from the code, or says which are out of date.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use probe_runner::cli;
use probe_runner::commands::schema::{self, Subject};

use crate::paths;

/// What to do.
#[derive(clap::Args)]
pub struct Args {
    /// Write nothing; fail if a file is not what the code makes
    #[arg(long)]
    check: bool,
}

/// Writes or compares the files.
///
/// # Errors
/// A file can't be written or, with `--check`, is not what the code makes.
pub fn run(args: &Args) -> Result<()> {
    let stale = stale()?;
    if stale.is_empty() {
        return Ok(());
    }
    if args.check {
        let names: Vec<&str> = stale.iter().map(|(name, _)| *name).collect();
        bail!("out of date: {}; run `cargo xtask gen`", names.join(", "));
    }
    for (name, text) in stale {
        write(&paths::root().join(name), &text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The files whose content is not what the code makes, and what it makes.
fn stale() -> Result<Vec<(&'static str, String)>> {
    let all = [
        ("schemas/probe.schema.json", schema(Subject::Probe)?),
        ("schemas/check.schema.json", schema(Subject::Check)?),
        ("schemas/plan.schema.json", schema(Subject::Plan)?),
        ("schemas/test.schema.json", schema(Subject::Test)?),
        ("docs/commands.md", cli::reference()),
    ];
    let is_current = |name: &str, text: &str| {
        fs::read_to_string(paths::root().join(name)).is_ok_and(|committed| committed == text)
    };
    Ok(all.into_iter().filter(|(name, text)| !is_current(name, text)).collect())
}

fn schema(subject: Subject) -> Result<String> {
    let mut text = Vec::new();
    schema::run(subject, &mut text)?;
    String::from_utf8(text).context("a schema is text")
}

#[cfg(test)]
mod tests {
    use super::{Args, run};

    #[test]
    fn committed_files_are_what_the_code_makes() {
        if let Err(error) = run(&Args { check: true }) {
            panic!("{error}");
        }
    }
}
