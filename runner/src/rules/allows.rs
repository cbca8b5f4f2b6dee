//! `# check: allow(CODE, …)`: warnings that a file's author has seen and wants no more.
//!
//! A comment beside something is about its own line, a comment on a line of its own about the next
//! line that holds something. Errors can't be allowed: the file couldn't be used anyway.

use crate::spec::comments::{self, Comment};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings, MOST, Severity};
use crate::text::source::{At, Source, Span};
use crate::text::suggest::nearest;

/// How a comment begins that is for `check`.
const MARK: &str = "check:";
/// What it says.
const ALLOW: &str = "allow";

/// What a file's comments allow. They are read when that first matters: most files have nothing to report.
#[derive(Debug, Default)]
pub struct Allows {
    is_read: bool,
    allowed: Vec<Allowed>,
    mistakes: Vec<Diagnostic>,
}

/// A code that may be reported on some lines.
#[derive(Debug)]
struct Allowed {
    code: At<Code>,
    /// First and last, counted from 1.
    lines: (usize, usize),
    is_used: bool,
}

impl Allows {
    /// Reads the file's comments, once.
    fn read(&mut self, source: &Source) {
        // Files without such a comment, which are most, are not parsed again.
        if std::mem::replace(&mut self.is_read, true) || !source.text.contains(MARK) {
            return;
        }
        for comment in comments::read(source) {
            // Behind so many mistakes, further ones are not kept.
            if self.mistakes.len() > MOST {
                break;
            }
            self.add(&comment);
        }
    }

    fn add(&mut self, comment: &Comment) {
        let Some((_, directive)) = comment.text.value.split_once(MARK) else { return };
        // Whoever writes `# check: this is slow` tells people something.
        let Some((word, rest)) = directive.split_once('(') else { return };
        let word = word.trim_start();
        if word.is_empty() || word.contains(char::is_whitespace) {
            return;
        }
        if word != ALLOW {
            let message = format!("`check: {word}(…)` means nothing");
            self.mistakes.push(
                Diagnostic::warning(Code::UnknownAllow, comment.text.span, message)
                    .did_you_mean(nearest(word, [ALLOW]))
                    .help("write `# check: allow(CODE)`"),
            );
            return;
        }
        let codes = rest.split_once(')').map_or(rest, |(codes, _)| codes);
        // `rest` is a part of the comment's text, which ends where the comment does.
        let mut start = comment.text.span.end - rest.len();
        for written in codes.split(',') {
            let name = written.trim();
            let offset = start + (written.len() - written.trim_start().len());
            start += written.len() + 1;
            let span = Span { start: offset, end: offset + name.len() };
            match Code::ALL.iter().find(|code| code.name() == name) {
                Some(code) => self.allowed.push(Allowed {
                    code: At::new(*code, span),
                    lines: comment.lines,
                    is_used: false,
                }),
                None => self.mistakes.push(
                    Diagnostic::warning(
                        Code::UnknownAllow,
                        span,
                        format!("there is no code `{name}` to allow"),
                    )
                    .did_you_mean(nearest(name, Code::ALL.iter().map(|code| code.name())))
                    .help("the code of a warning stands in its first line: `warning[CODE]`"),
                ),
            }
        }
    }

    /// Removes the warnings and notes that are allowed where they are.
    pub fn suppress(&mut self, source: &Source, findings: &mut Findings) {
        if findings.diagnostics.is_empty() {
            return;
        }
        self.read(source);
        findings.diagnostics.retain(|diagnostic| {
            let line = line_of(source, diagnostic.primary.span);
            let mut covering = self.allowed.iter_mut().filter(|allowed| {
                let (first, last) = allowed.lines;
                allowed.code.value == diagnostic.code && (first..=last).contains(&line)
            });
            match (diagnostic.severity, covering.next()) {
                (Severity::Error, _) | (_, None) => true,
                (_, Some(allowed)) => {
                    allowed.is_used = true;
                    false
                }
            }
        });
    }

    /// Reports what is wrong with the comments: codes that don't exist, and codes that had nothing to
    /// allow. To be called when all else was reported.
    pub fn report(mut self, source: &Source, findings: &mut Findings) {
        self.read(source);
        let has_errors = findings.has_errors();
        let reported: Vec<(Code, usize)> = findings
            .diagnostics
            .iter()
            .map(|diagnostic| (diagnostic.code, line_of(source, diagnostic.primary.span)))
            .collect();
        self.mistakes.into_iter().for_each(|mistake| findings.push(mistake));
        for allowed in self.allowed.into_iter().filter(|allowed| !allowed.is_used) {
            if findings.is_full() {
                break;
            }
            let code = allowed.code.value;
            let (first, last) = allowed.lines;
            let is_error =
                reported.iter().any(|(one, line)| *one == code && (first..=last).contains(line));
            let label = match (is_error, has_errors) {
                // Whether there is something depends on the kernels that were given.
                (false, _) if code.is_about_kernels() => continue,
                (true, _) => "it is an error here, and errors can't be allowed",
                (false, false) => "nothing to allow here",
                // With errors about, not all warnings were looked for.
                (false, true) => continue,
            };
            findings.push(
                Diagnostic::warning(
                    Code::UnusedAllow,
                    allowed.code.span,
                    format!("`{code}` is allowed for nothing"),
                )
                .label(label)
                .help("remove it, or put it on the line of the warning or above it"),
            );
        }
    }
}

/// The line of a finding. What is about the whole file is about its first line.
fn line_of(source: &Source, span: Span) -> usize {
    source.line_column(span.start).0
}

#[cfg(test)]
mod tests {
    use super::Allows;
    use crate::text::codes::Code;
    use crate::text::diagnostic::{Diagnostic, Findings};
    use crate::text::source::{Sources, Span};

    /// What is left of a diagnostic at the word HERE, and what is said about the comments.
    fn left(text: &str, make: fn(Code, Span, &str) -> Diagnostic) -> Vec<&'static str> {
        let mut sources = Sources::default();
        let id = sources.add("x.yaml".into(), text.into());
        let source = sources.get(id);
        let start = text.find("HERE").expect("there is a place");
        let mut findings = Findings::new(id);
        findings.push(make(Code::UnusedTable, Span { start, end: start + 4 }, "message"));
        let mut allows = Allows::default();
        allows.suppress(source, &mut findings);
        allows.report(source, &mut findings);
        findings.diagnostics.iter().map(|found| found.code.name()).collect()
    }

    fn warning(code: Code, span: Span, message: &str) -> Diagnostic {
        Diagnostic::warning(code, span, message)
    }

    fn error(code: Code, span: Span, message: &str) -> Diagnostic {
        Diagnostic::error(code, span, message)
    }

    #[test]
    fn a_warning_is_allowed_beside_it_or_above_it() {
        for text in [
            "a: HERE # check: allow(unused-table)\n",
            "a: HERE # it is ours; check: allow( unused-table )\n",
            "# check: allow(unused-table)\n\n# why\na: HERE\n",
        ] {
            assert_eq!(left(text, warning), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_allows_nothing_is_told() {
        let cases = [
            ("# check: allow(unused-table)\nb: 1\na: HERE\n", "unused-allow"),
            ("a: HERE\nb: 1 # check: allow(unused-table)\n", "unused-allow"),
            ("a: HERE # check: allow(slot-out-of-range)\n", "unused-allow"),
            ("a: HERE # check: allow(unused-tabel)\n", "unknown-allow"),
            ("a: HERE # check: alow(unused-table)\n", "unknown-allow"),
        ];
        for (text, code) in cases {
            assert_eq!(left(text, warning), ["unused-table", code], "{text}");
        }
        let several = "a: HERE # check: allow(unused-table, syntax)\n";
        assert_eq!(left(several, warning), ["unused-allow"]);
    }

    #[test]
    fn errors_stay() {
        let text = "a: HERE # check: allow(unused-table)\n";
        assert_eq!(left(text, error), ["unused-table", "unused-allow"]);
        let text = "a: HERE\nb: 1 # check: allow(syntax)\n";
        assert_eq!(left(text, error), ["unused-table"]);
    }

    #[test]
    fn only_comments_for_check_are_heeded() {
        for text in
            ["a: HERE # check: this (maybe)\n", "a: \"HERE # check: allow(unused-table)\"\n"]
        {
            assert_eq!(left(text, warning), ["unused-table"], "{text}");
        }
    }
}
