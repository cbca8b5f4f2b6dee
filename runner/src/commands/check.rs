//! `probe-runner check`: proves probe files right without root, BPF or a network.

use crate::commands::{Outcome, report};
use crate::formats::{github, json, sarif};
use crate::probe_files::{Inputs, ProbeFiles};
use serde::Serialize;
use std::io::Write;

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: findings on standard error, a line for each file on standard output
    Human,
    /// For programs (schema: `probe-runner schema check`)
    Json,
    /// SARIF 2.1.0, for code scanning services
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
}

/// What warnings are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warnings {
    /// Advice.
    Allowed,
    /// Mistakes: a file with warnings is wrong.
    Denied,
}

/// Checks the files and shows what is wrong with them.
///
/// # Errors
/// A file can't be read, or the output can't be written.
pub fn run(
    inputs: &Inputs,
    format: Format,
    warnings: Warnings,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let mut files = ProbeFiles::load(inputs)?;
    files.lint();
    files.report_allows();
    match format {
        Format::Human => human(&files, out)?,
        Format::Json => document(&json::Report::new(&files), out)?,
        Format::Sarif => document(&sarif::log(&files), out)?,
        Format::Github => github::write(&files, out)?,
    }
    let denied = warnings == Warnings::Denied && report::count(&files).warnings > 0;
    let is_right = files.all_checked().is_some() && !denied;
    Ok(if is_right { Outcome::Done } else { Outcome::FileWrong })
}

fn human(files: &ProbeFiles, out: &mut impl Write) -> anyhow::Result<()> {
    report::findings(files)?;
    for file in &files.files {
        let path = &files.sources.get(file.findings.source).path;
        match &file.checked {
            Some(checked) => writeln!(out, "{path}: probe/{} ok", checked.model().name.value)?,
            None => writeln!(out, "{path}: wrong")?,
        }
    }
    let counts = report::count(files);
    if counts.errors + counts.warnings > 0 {
        let errors = plural(counts.errors, "error");
        writeln!(out, "{errors}, {}", plural(counts.warnings, "warning"))?;
    }
    Ok(())
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn document(document: &impl Serialize, out: &mut impl Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)?;
    Ok(())
}
