//! Diagnostics as data: what is wrong, where, and what to do. Nothing here prints.
//!
//! What is said quotes files and objects, which may hold anything: every text is made fit for a
//! terminal when it is taken in. How many mistakes of a file are kept has a limit.

use crate::text::codes::Code;
use crate::text::source::{SourceId, Span};
use crate::text::terminal::presentable;

/// How many diagnostics of a severity a file keeps.
pub const MOST: usize = 100;

/// One mistake in one file.
#[derive(Clone, Debug)]
#[must_use]
pub struct Diagnostic {
    /// The kind of mistake.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where it is, and what is said there.
    pub primary: Label,
    /// Other places that explain it, mostly in the same file.
    pub others: Vec<Label>,
    /// Facts that explain it.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
}

/// How bad a mistake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file can't be used.
    Error,
    /// The file can be used and probably doesn't do what was meant.
    Warning,
    /// The file is right; something is worth knowing.
    Note,
}

/// A marked place.
#[derive(Clone, Debug)]
pub struct Label {
    /// The file that the place is in; the finding's own file if there is none.
    pub source: Option<SourceId>,
    /// The place.
    pub span: Span,
    /// What is said beside it; may be empty.
    pub text: String,
}

/// The diagnostics of one file.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The file that every span is in.
    pub source: SourceId,
    /// In the order of being found.
    pub diagnostics: Vec<Diagnostic>,
    /// How many more there were, and how many entries weren't looked at any more: a file that has hundreds
    /// of mistakes has mostly one, many times.
    pub left_out: usize,
}

impl Diagnostic {
    /// A mistake that makes the file unusable.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, span, message.into())
    }

    /// A mistake that leaves the file usable.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, span, message.into())
    }

    /// A fact about a file that is right.
    pub fn remark(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Note, code, span, message.into())
    }

    fn new(severity: Severity, code: Code, span: Span, message: String) -> Diagnostic {
        Diagnostic {
            code,
            severity,
            message: presentable(&message),
            primary: Label { source: None, span, text: String::new() },
            others: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Says something beside the marked place.
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        self.primary.text = presentable(&text.into());
        self
    }

    /// Marks another place of the same file.
    pub fn other(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.others.push(Label { source: None, span, text: presentable(&text.into()) });
        self
    }

    /// Marks a place of another file.
    pub fn other_in(mut self, file: SourceId, span: Span, text: impl Into<String>) -> Diagnostic {
        self.others.push(Label { source: Some(file), span, text: presentable(&text.into()) });
        self
    }

    /// Adds a fact.
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(presentable(&text.into()));
        self
    }

    /// Adds what to do.
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help.push(presentable(&text.into()));
        self
    }

    /// Adds "did you mean" if there is a name to propose.
    pub fn did_you_mean(self, name: Option<&str>) -> Diagnostic {
        match name {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

impl Findings {
    /// No diagnostics yet for this file.
    pub fn new(source: SourceId) -> Findings {
        Findings { source, diagnostics: Vec::new(), left_out: 0 }
    }

    /// Adds a diagnostic; of each severity only the first [`MOST`] are kept, the others are counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let severity = diagnostic.severity;
        if self.diagnostics.iter().filter(|other| other.severity == severity).count() < MOST {
            self.diagnostics.push(diagnostic);
        } else {
            self.left_out += 1;
        }
    }

    /// Whether further errors are not kept, so that nobody need look for them.
    pub fn is_full(&self) -> bool {
        let errors = self.diagnostics.iter().filter(|one| one.severity == Severity::Error);
        errors.count() >= MOST
    }

    /// The diagnostics in the order of the file; those of one place by code, then by message.
    pub fn in_order(&self) -> Vec<&Diagnostic> {
        let mut ordered: Vec<&Diagnostic> = self.diagnostics.iter().collect();
        ordered.sort_by_key(|one| (one.primary.span, one.code.name(), one.message.as_str()));
        ordered
    }

    /// The file that a label of one of these diagnostics is in.
    pub fn source_of(&self, label: &Label) -> SourceId {
        label.source.unwrap_or(self.source)
    }

    /// Whether the file is unusable.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, Findings, MOST};
    use crate::text::codes::Code;
    use crate::text::source::{Sources, Span};

    #[test]
    fn warnings_do_not_crowd_out_an_error() {
        let id = Sources::default().add("x".into(), String::new());
        let mut findings = Findings::new(id);
        for _ in 0..2 * MOST {
            findings.push(Diagnostic::warning(Code::UnusedTable, Span::default(), "w"));
        }
        assert_eq!((findings.diagnostics.len(), findings.left_out), (MOST, MOST));
        findings.push(Diagnostic::error(Code::Shape, Span::default(), "e"));
        assert!(findings.has_errors());
    }
}
