//! Diagnostics as text for people, in the manner of rustc. The only user of annotate-snippets.

use crate::text::diagnostic::{Diagnostic, Findings, Label, Severity};
use crate::text::source::{SourceId, Sources};
use crate::text::terminal::of_same_length;
use annotate_snippets::{Annotation, AnnotationKind, Level, Message, Origin, Renderer, Snippet};
use std::ops::Range;

/// Bytes of a line that is shown. Of longer ones, which only programs write, the place has to do.
const LONGEST_LINE: usize = 4096;

/// A file's diagnostics, one after the other in the order of the file, with ANSI colours (whoever
/// prints strips them where they don't belong).
pub fn human(sources: &Sources, findings: &Findings) -> String {
    let mut out = String::new();
    for diagnostic in findings.in_order() {
        out.push_str(&one(sources, findings, diagnostic));
        out.push_str("\n\n");
    }
    if findings.left_out > 0 {
        let path = &sources.get(findings.source).path;
        let note = format!("{path} has {} more findings, which are not shown", findings.left_out);
        let report = [Level::NOTE.primary_title(&note).elements(Vec::<Message<'_>>::new())];
        out.push_str(&Renderer::styled().render(&report).to_string());
        out.push_str("\n\n");
    }
    out
}

fn one(sources: &Sources, findings: &Findings, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let files: Vec<Marked<'_>> = files_of(findings, diagnostic).collect();
    let (shown, too_long): (Vec<Marked<'_>>, Vec<Marked<'_>>) =
        files.into_iter().partition(|file| file.can_be_shown(sources));
    let report = [level
        .primary_title(&diagnostic.message)
        .id(diagnostic.code.name())
        .elements(too_long.iter().map(|file| file.origin(sources)))
        .elements(too_long.iter().flat_map(Marked::said).map(|said| Level::NOTE.message(said)))
        .elements(shown.into_iter().map(|file| snippet(sources, file)))
        .elements(diagnostic.notes.iter().map(|note| Level::NOTE.message(note)))
        .elements(diagnostic.help.iter().map(|help| Level::HELP.message(help)))];
    Renderer::styled().render(&report).to_string()
}

/// Labels of one file.
struct Marked<'a> {
    source: SourceId,
    labels: Vec<(AnnotationKind, &'a Label)>,
}

impl<'a> Marked<'a> {
    /// Whether the labelled lines are such as people write.
    fn can_be_shown(&self, sources: &Sources) -> bool {
        let source = sources.get(self.source);
        self.labels.iter().all(|(_, label)| {
            let start = label.span.start;
            source.lines_around(start..start).len() <= LONGEST_LINE
        })
    }

    /// What the labels say.
    fn said(&self) -> impl Iterator<Item = &'a str> {
        let texts = self.labels.iter().map(|(_, label)| label.text.as_str());
        texts.filter(|text| !text.is_empty())
    }

    /// The first label's place alone.
    fn origin(&self, sources: &'a Sources) -> Origin<'a> {
        let source = sources.get(self.source);
        let start = self.labels.first().map_or(0, |(_, label)| label.span.start);
        let (line, column) = source.line_column(start);
        Origin::path(&source.path).line(line).char_column(column)
    }
}

/// A diagnostic's labels by file, its own file first.
fn files_of<'a>(
    findings: &Findings,
    diagnostic: &'a Diagnostic,
) -> impl Iterator<Item = Marked<'a>> {
    let mut files = vec![Marked {
        source: findings.source_of(&diagnostic.primary),
        labels: vec![(AnnotationKind::Primary, &diagnostic.primary)],
    }];
    for label in &diagnostic.others {
        let source = findings.source_of(label);
        let marked = (AnnotationKind::Context, label);
        match files.iter_mut().find(|file| file.source == source) {
            Some(file) => file.labels.push(marked),
            None => files.push(Marked { source, labels: vec![marked] }),
        }
    }
    files.into_iter()
}

/// The lines of a file that bear labels. Only these are handed on, so that a diagnostic costs what is
/// shown of a file and not what the whole file has.
fn snippet<'a>(sources: &'a Sources, file: Marked<'a>) -> Snippet<'a, Annotation<'a>> {
    let source = sources.get(file.source);
    let spans = || file.labels.iter().map(|(_, label)| label.span);
    let first = spans().map(|span| span.start).min().unwrap_or_default();
    let last = spans().map(|span| span.end.max(span.start)).max().unwrap_or_default();
    let lines = source.lines_around(first..last);
    let text = &source.text[lines.clone()];
    Snippet::source(of_same_length(text))
        .path(&source.path)
        .line_start(source.line_column(lines.start).0)
        .annotations(file.labels.into_iter().map(|(kind, label)| {
            let said = (!label.text.is_empty()).then_some(label.text.as_str());
            kind.span(shown(text, label, lines.start)).label(said)
        }))
}

/// The part of a label's span that is underlined, in `text`, which begins at `offset` in its file: the
/// span's first line.
fn shown(text: &str, label: &Label, offset: usize) -> Range<usize> {
    let start = text.floor_char_boundary(label.span.start - offset);
    let end = text.floor_char_boundary(label.span.end.saturating_sub(offset)).max(start);
    let line_end = text[start..end].find('\n').map_or(end, |newline| start + newline);
    start..line_end
}
