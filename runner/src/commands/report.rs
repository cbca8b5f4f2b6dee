//! What goes to standard error: findings, failures, notes.

use crate::kernel::{self, WholeLog};
use crate::probe_files::ProbeFiles;
use crate::read::Loss;
use crate::read::sinks::table;
use crate::text::diagnostic::Severity;
use crate::text::render;
use crate::text::terminal::{escape, lines};
use anstream::AutoStream;
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
    let mut text = String::new();
    for file in &files.files {
        text.push_str(&render::human(&files.sources, &file.findings));
    }
    say(&text)
}

/// Shows what is missing from numbers.
///
/// # Errors
/// Standard error can't be written to: then the numbers would look exact.
pub fn loss(losses: &[Loss]) -> io::Result<()> {
    let mut text = Vec::new();
    table::write_loss(&mut text, losses)?;
    say(&String::from_utf8_lossy(&text))
}

/// Writes to standard error, with colours where those are wanted, and at once: the lines of commands that write to the
/// same file don't get mixed.
///
/// # Errors
/// It can't be written to.
pub fn say(text: &str) -> io::Result<()> {
    let mut whole = AutoStream::new(Vec::new(), AutoStream::choice(&io::stderr()));
    whole.write_all(text.as_bytes())?;
    io::stderr().write_all(&whole.into_inner())
}

/// Says what is good to know. What is done isn't broken off because nobody can be told.
fn tell(kind: &str, colour: u8, text: &str) {
    let _ = say(&format!("\u{1b}[1;{colour}m{kind}\u{1b}[0m: {text}\n"));
}

/// Shows why the kernel stage failed for a probe.
pub fn failure(probe: &str, error: &kernel::Error, log: WholeLog) {
    let mut text = format!("probe/{}: {}", escape(probe), lines(&error.report(log)));
    if error.log.is_some() && log == WholeLog::No {
        text.push_str("\nhint: --verifier-log shows the verifier's whole log");
    }
    tell("error", 31, &text);
}

/// Shows why a command failed.
pub fn error(text: &str) {
    tell("error", 31, text);
}

/// Shows something a person should know.
pub fn note(probe: &str, text: &str) {
    tell("note", 32, &format!("probe/{}: {}", escape(probe), lines(text)));
}

/// Shows something that makes a probe useless or its numbers wrong.
pub fn warning(probe: &str, text: &str) {
    tell("warning", 33, &format!("probe/{}: {}", escape(probe), lines(text)));
}

/// Shows something a person should know that is about no one probe.
pub fn plain_note(text: &str) {
    tell("note", 32, &lines(text));
}

/// Shows something that makes numbers wrong.
pub fn plain_warning(text: &str) {
    tell("warning", 33, &lines(text));
}
