//! Findings to standard error.

use crate::probe_files::ProbeFiles;
use crate::text::diagnostic::Severity;
use crate::text::render;
use std::io::{self, Write};

/// How many errors and warnings there are.
pub struct Counts {
    /// Errors of all files.
    pub errors: usize,
    /// Warnings of all files.
    pub warnings: usize,
}

/// Counts the findings of all files.
pub fn count(files: &ProbeFiles) -> Counts {
    let of = |severity| {
        let all = files.files.iter().flat_map(|file| &file.findings.diagnostics);
        all.filter(|diagnostic| diagnostic.severity == severity).count()
    };
    Counts { errors: of(Severity::Error), warnings: of(Severity::Warning) }
}

/// Shows every finding of all files.
///
/// # Errors
/// Standard error can't be written to.
pub fn show(files: &ProbeFiles) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    for file in &files.files {
        out.write_all(render::human(&files.sources, &file.findings).as_bytes())?;
    }
    Ok(())
}
