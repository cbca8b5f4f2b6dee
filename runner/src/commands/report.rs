//! What goes to standard error: findings, failures, notes.

use crate::kernel::{self, WholeLog};
use crate::probe_files::ProbeFiles;
use crate::text::diagnostic::Severity;
use crate::text::render;
use crate::text::terminal::{escape, lines};
use anstream::eprintln;
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
pub fn findings(files: &ProbeFiles) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    for file in &files.files {
        out.write_all(render::human(&files.sources, &file.findings).as_bytes())?;
    }
    Ok(())
}

/// Shows why the kernel stage failed for a probe.
pub fn failure(probe: &str, error: &kernel::Error, log: WholeLog) {
    eprintln!("\u{1b}[1;31merror\u{1b}[0m: probe/{}: {}", escape(probe), lines(&error.report(log)));
    if error.log.is_some() && log == WholeLog::No {
        eprintln!("hint: --verifier-log shows the verifier's whole log");
    }
}

/// Shows something a person should know.
pub fn note(probe: &str, text: &str) {
    eprintln!("\u{1b}[1;32mnote\u{1b}[0m: probe/{}: {}", escape(probe), lines(text));
}

/// Shows something that makes a probe useless or its numbers wrong.
pub fn warning(probe: &str, text: &str) {
    eprintln!("\u{1b}[1;33mwarning\u{1b}[0m: probe/{}: {}", escape(probe), lines(text));
}

/// Shows something a person should know that is about no one probe.
pub fn plain_note(text: &str) {
    eprintln!("\u{1b}[1;32mnote\u{1b}[0m: {}", lines(text));
}

/// Shows something that makes numbers wrong.
pub fn plain_warning(text: &str) {
    eprintln!("\u{1b}[1;33mwarning\u{1b}[0m: {}", lines(text));
}
