//! Diagnostics as text in the manner of rustc, and as JSON. The only user of annotate-snippets.

use crate::text::diagnostic::{Diagnostic, Findings, Label, Severity};
use crate::text::source::{Source, Sources};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::{Value, json};
use std::ops::Range;

/// A file's diagnostics for people, one after the other in the order of the file, with ANSI colours
/// (whoever prints strips them where they don't belong).
pub fn human(sources: &Sources, findings: &Findings) -> String {
    let source = sources.get(findings.source);
    let mut out = String::new();
    for diagnostic in in_order(findings) {
        out.push_str(&one(source, diagnostic));
        out.push_str("\n\n");
    }
    out
}

/// A file's diagnostics for programs, in the order of the file.
pub fn json(sources: &Sources, findings: &Findings) -> Vec<Value> {
    let source = sources.get(findings.source);
    let place = |label: &Label| {
        let (line, column) = source.line_column(label.span.start);
        let (end_line, end_column) = source.line_column(label.span.end);
        json!({
            "file": source.path,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "label": label.text,
        })
    };
    in_order(findings)
        .into_iter()
        .map(|diagnostic| {
            json!({
                "severity": severity_name(diagnostic.severity),
                "code": diagnostic.code.name(),
                "message": diagnostic.message,
                "primary": place(&diagnostic.primary),
                "others": diagnostic.others.iter().map(place).collect::<Vec<_>>(),
                "notes": diagnostic.notes,
                "help": diagnostic.help,
            })
        })
        .collect()
}

fn in_order(findings: &Findings) -> Vec<&Diagnostic> {
    let mut ordered: Vec<&Diagnostic> = findings.diagnostics.iter().collect();
    ordered.sort_by_key(|diagnostic| diagnostic.primary.span);
    ordered
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn one(source: &Source, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut snippet = Snippet::source(&source.text).path(&source.path).annotation(
        AnnotationKind::Primary
            .span(shown(source, &diagnostic.primary))
            .label(text(&diagnostic.primary)),
    );
    for other in &diagnostic.others {
        snippet = snippet
            .annotation(AnnotationKind::Context.span(shown(source, other)).label(text(other)));
    }
    let report = [level
        .primary_title(&diagnostic.message)
        .id(diagnostic.code.name())
        .element(snippet)
        .elements(diagnostic.notes.iter().map(|note| Level::NOTE.message(note)))
        .elements(diagnostic.help.iter().map(|help| Level::HELP.message(help)))];
    Renderer::styled().render(&report).to_string()
}

fn text(label: &Label) -> Option<&str> {
    (!label.text.is_empty()).then_some(label.text.as_str())
}

/// The part of a label's span that is underlined: its first line, inside the file.
fn shown(source: &Source, label: &Label) -> Range<usize> {
    let start = source.text.floor_char_boundary(label.span.start);
    let end = source.text.floor_char_boundary(label.span.end).max(start);
    let line_end = source.text[start..end].find('\n').map_or(end, |newline| start + newline);
    start..line_end
}
