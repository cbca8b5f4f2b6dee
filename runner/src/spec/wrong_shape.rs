//! What is said where one thing stands and another is wanted: a list instead of a mapping, nothing
//! instead of a name.

use crate::spec::place::Place;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::{Source, Span};

/// What stands at `span` isn't `wanted`, such as "a list".
pub fn diagnose(source: &Source, span: Span, wanted: &str) -> Diagnostic {
    let span = token(source, span);
    let place = Place::of(source, span.start);
    let subject = match place.key() {
        Some(key) => format!("`{key}` takes {wanted}"),
        None => format!("{wanted} must stand here"),
    };
    let diagnostic = match found(source, span) {
        Some(found) => Diagnostic::error(Code::Shape, span, format!("{subject}, not {found}"))
            .label(format!("this is {found}")),
        None => Diagnostic::error(Code::Shape, span, format!("{subject}, but nothing stands here"))
            .label("nothing; what belongs to a key is indented further than the key"),
    };
    match place.example() {
        Some(example) => diagnostic.help(format!("for example `{example}`")),
        None => diagnostic.help("a probe file begins with `version: 1`"),
    }
}

/// The place itself or, if nothing stands there, the word before: the reader may be at what comes next.
fn token(source: &Source, span: Span) -> Span {
    let text = &source.text;
    let line = text[span.start..].lines().next().unwrap_or_default();
    if !line.trim().is_empty() {
        return span;
    }
    let before = text[..span.start].trim_end();
    let start = before.rfind([' ', '\n']).map_or(0, |at| at + 1);
    Span { start, end: before.len() }
}

/// What stands there, in a word, if anything does.
fn found(source: &Source, span: Span) -> Option<&'static str> {
    let text = &source.text[span.start..];
    let line = text.lines().next().unwrap_or_default().trim();
    let word = &source.text[span.range()];
    Some(match text.chars().next()? {
        ':' | ',' | '}' | ']' => return None,
        _ if line.is_empty() || word.ends_with(':') => return None,
        '{' => "a mapping",
        '[' => "a list",
        '"' | '\'' => "text",
        _ if line == "-" || line.starts_with("- ") => "a list",
        _ if line.ends_with(':') || line.contains(": ") && !line.contains('{') => "a mapping",
        _ if word.parse::<f64>().is_ok() => "a number",
        _ => "text",
    })
}
