//! GitHub's workflow commands: each finding becomes an annotation of the changed file.
//!
//! The form and its escapes are those of GitHub's "Workflow commands for GitHub Actions" and of
//! `command.ts` in its toolkit.

use crate::formats::as_lines;
use crate::probe_files::ProbeFiles;
use crate::text::diagnostic::{Diagnostic, Findings, Severity};
use crate::text::source::Sources;
use std::io::{self, Write};

/// Writes a line for each finding.
///
/// # Errors
/// The output can't be written.
pub fn write(files: &ProbeFiles, out: &mut impl Write) -> io::Result<()> {
    for file in &files.files {
        for diagnostic in file.findings.in_order() {
            writeln!(out, "{}", command(&files.sources, &file.findings, diagnostic))?;
        }
        if file.findings.left_out > 0 {
            let path = property(&files.sources.get(file.findings.source).path);
            writeln!(out, "::notice file={path}::{} more findings", file.findings.left_out)?;
        }
    }
    Ok(())
}

fn command(sources: &Sources, findings: &Findings, diagnostic: &Diagnostic) -> String {
    let name = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let source = sources.get(findings.source_of(&diagnostic.primary));
    let (line, column) = source.line_column(diagnostic.primary.span.start);
    let (end_line, end_column) = source.line_column(diagnostic.primary.span.end);
    // GitHub takes columns only where a place ends on the line that it begins on.
    let place = if end_line == line {
        format!("line={line},endLine={line},col={column},endColumn={end_column}")
    } else {
        format!("line={line},endLine={end_line}")
    };
    let mut text = as_lines(diagnostic);
    for other in &diagnostic.others {
        let source = sources.get(findings.source_of(other));
        let (line, column) = source.line_column(other.span.start);
        text.push_str(&format!("\n{}:{line}:{column}: {}", source.path, other.text));
    }
    format!(
        "::{name} file={},{place},title={}::{}",
        property(&source.path),
        property(diagnostic.code.name()),
        data(&text)
    )
}

/// A command's text.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value, which a comma or a colon would end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::command;
    use crate::text::codes::Code;
    use crate::text::diagnostic::{Diagnostic, Findings};
    use crate::text::source::{Sources, Span};

    #[test]
    fn what_would_end_a_command_is_escaped() {
        let mut sources = Sources::default();
        let id = sources.add("a,b:c%.yaml".into(), "x: 1\ny: 2\n".into());
        let findings = Findings::new(id);
        let diagnostic =
            Diagnostic::error(Code::InvalidValue, Span { start: 3, end: 4 }, "100 %\r\nof it")
                .other(Span { start: 5, end: 6 }, "the other: this")
                .help("write 2");
        assert_eq!(
            command(&sources, &findings, &diagnostic),
            "::error file=a%2Cb%3Ac%25.yaml,line=1,endLine=1,col=4,endColumn=5,title=invalid-value\
             ::100 %25\\r\\nof it%0Ahelp: write 2%0Aa,b:c%25.yaml:2:1: the other: this"
        );
        let long = Diagnostic::warning(Code::Shape, Span { start: 0, end: 9 }, "two lines");
        assert_eq!(
            command(&sources, &findings, &long),
            "::warning file=a%2Cb%3Ac%25.yaml,line=1,endLine=2,title=shape::two lines"
        );
    }
}
