//! `probe-runner check`: proves probe files right without root, BPF or a network.

use crate::commands::{Format, Outcome, report};
use crate::probe_files::{Inputs, ProbeFiles};
use crate::text::render;
use serde_json::{Value, json};
use std::io::Write;

/// Checks the files and shows what is wrong with them.
///
/// # Errors
/// A file can't be read, or the output can't be written.
pub fn run(inputs: &Inputs, format: Format, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let files = ProbeFiles::load(inputs)?;
    match format {
        Format::Human => human(&files, out)?,
        Format::Json => json(&files, out)?,
    }
    Ok(if files.all_checked().is_some() { Outcome::Done } else { Outcome::FileWrong })
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

fn json(files: &ProbeFiles, out: &mut impl Write) -> anyhow::Result<()> {
    let document: Vec<Value> = files
        .files
        .iter()
        .map(|file| {
            json!({
                "file": files.sources.get(file.findings.source).path,
                "probe": file.checked.as_ref().map(|checked| &checked.model().name.value),
                "ok": file.checked.is_some(),
                "diagnostics": render::json(&files.sources, &file.findings),
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &json!({ "schema_version": 1, "files": document }))?;
    writeln!(out)?;
    Ok(())
}
