//! `probe-runner check`: proves probe files right without root, BPF or a network.

use crate::commands::{Outcome, matrix, report};
use crate::formats::{github, json, sarif};
use crate::kernels::{self, Cache};
use crate::probe_files::{Inputs, ProbeFiles};
use crate::prove::Proof;
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

/// Checks the files, proves them right for the kernels that the paths lead to, and shows what is wrong.
/// What took time to read of kernels is kept in the cache.
///
/// # Errors
/// A file or a kernel can't be read, or the output can't be written.
pub fn run(
    inputs: &Inputs,
    kernels: &[String],
    cache: &Cache,
    format: Format,
    warnings: Warnings,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let mut kernels = kernels::open_all(kernels, cache)?;
    let mut files = ProbeFiles::load(inputs)?;
    files.lint();
    let proof = (!kernels.is_empty()).then(|| files.prove(&mut kernels));
    files.report_allows();
    match format {
        Format::Human => human(&files, proof.as_ref(), out)?,
        Format::Json => document(&json::Report::new(&files, proof.as_ref()), out)?,
        Format::Sarif => document(&sarif::log(&files), out)?,
        Format::Github => github::write(&files, out)?,
    }
    let denied = warnings == Warnings::Denied && report::count(&files).warnings > 0;
    let is_right = !files.files.iter().any(|file| file.findings.has_errors()) && !denied;
    Ok(if is_right { Outcome::Done } else { Outcome::FileWrong })
}

fn human(files: &ProbeFiles, proof: Option<&Proof>, out: &mut impl Write) -> anyhow::Result<()> {
    report::findings(files)?;
    for file in &files.files {
        let path = &files.sources.get(file.findings.source).path;
        match &file.checked {
            Some(checked) => {
                let wrong = file.findings.has_errors();
                let outcome = if wrong { "fails on a kernel" } else { "ok" };
                writeln!(out, "{path}: probe/{} {outcome}", checked.model().name.value)?;
            }
            None => writeln!(out, "{path}: wrong")?,
        }
    }
    if let Some(proof) = proof {
        let checked = files.files.iter().filter_map(|file| file.checked.as_ref());
        let names: Vec<&str> = checked.map(|checked| checked.model().name.value.as_str()).collect();
        writeln!(out)?;
        matrix::write(&names, proof, out)?;
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
