//! YAML text to the language's types. The only user of serde-saphyr.
//!
//! serde-saphyr because it gives every value's position (serde_yaml, now unmaintained, gives none) and
//! bounds what a file can make the parser do. Anchors, aliases and merge keys are refused: a probe
//! file means what stands at the place one looks at.

use crate::spec::sections;
use crate::spec::shape::Spec;
use crate::spec::values::{Entries, Scalar};
use crate::spec::wrong_shape;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::{At, Source, Span};
use crate::text::suggest;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Error, Location, Options, Spanned};
use std::borrow::Cow;
use std::marker::PhantomData;

/// Bytes a probe file may have.
pub const MAX_FILE_SIZE: usize = 1 << 20;

/// Keys, values, lists and mappings that a file may have: what can be read in a few hundredths of a second.
const MOST_NODES: usize = 30_000;

/// What could be read of a probe file.
#[derive(Debug)]
pub struct Parsed {
    /// The file; with mistakes what is left of it, if that is enough to look at the names in it.
    pub spec: Option<Spec>,
    /// Where the text is not YAML or not the language: the first place of each section.
    pub mistakes: Vec<Diagnostic>,
}

/// Reads a probe file's text.
pub fn parse(source: &Source) -> Parsed {
    if source.text.len() > MAX_FILE_SIZE {
        let message = format!("the file has {} bytes", source.text.len());
        let mistake = Diagnostic::error(Code::Syntax, Span::default(), message)
            .help("a probe file has at most 1 MiB; split it");
        return Parsed { spec: None, mistakes: vec![mistake] };
    }
    let error = match with_deserializer(source, PhantomData) {
        Ok(spec) => return Parsed { spec: Some(spec), mistakes: Vec::new() },
        Err(error) => error,
    };
    let first = diagnose(source, &error);
    // What is too much is as much too much for who looks for sections in it.
    if let Error::Budget { .. } = error.without_snippet() {
        return Parsed { spec: None, mistakes: vec![first] };
    }
    let (spec, mistakes) = sections::read(source, first);
    Parsed { spec, mistakes }
}

/// Reads a file of template variables: a mapping of names to scalars.
///
/// # Errors
/// The first place where it is something else.
pub fn parse_vars(source: &Source) -> Result<Entries<At<Scalar>>, Box<Diagnostic>> {
    seeded(source, PhantomData)
}

/// Reads a text as whatever the seed makes of it.
pub fn seeded<'s, S: DeserializeSeed<'s>>(
    source: &'s Source,
    seed: S,
) -> Result<S::Value, Box<Diagnostic>> {
    with_deserializer(source, seed).map_err(|error| Box::new(diagnose(source, &error)))
}

/// The same where it doesn't matter what is wrong, if anything is.
pub(super) fn read<T: for<'de> Deserialize<'de>>(source: &Source) -> Option<T> {
    with_deserializer(source, PhantomData).ok()
}

fn with_deserializer<'s, S: DeserializeSeed<'s>>(
    source: &'s Source,
    seed: S,
) -> Result<S::Value, Error> {
    serde_saphyr::with_deserializer_from_str_with_options(&source.text, options(), |text| {
        seed.deserialize(text)
    })
}

fn options() -> Options {
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
        emit_comments: false,
        reject_unsupported_tags: true,
        budget: serde_saphyr::budget! { max_depth: 32, max_nodes: MOST_NODES, max_anchors: 0 },
    }
}

/// Turns the parser's error into a diagnostic that speaks of probe files.
fn diagnose(source: &Source, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let span = error.location().map_or(Span::default(), |location| span_of(source, location));
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            sections::unknown_field(span, field, expected)
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => Diagnostic::error(
            Code::UnknownField,
            span,
            format!("`{variant}` is not one of the choices"),
        )
        .label("not a choice at this place")
        .did_you_mean(suggest::nearest(variant, expected.iter().copied()))
        .help(format!("choices: {}", suggest::listed(expected.iter().copied(), 20))),
        Error::SerdeMissingField { field, .. } => {
            Diagnostic::error(Code::Shape, span, format!("the field `{field}` is missing"))
                .label(format!("`{field}` must stand here"))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            Diagnostic::error(
                Code::DuplicateKey,
                span,
                format!("`{key}` stands twice in one mapping"),
            )
            .label("the second one")
            .help("keep one of them")
        }
        Error::MergeKeyNotAllowed { .. } => not_in_the_language(span, "merge keys (`<<`)"),
        Error::MultipleDocuments { .. } => {
            Diagnostic::error(Code::Syntax, span, "a second document begins here")
                .help("a file holds one probe; put the other one into a file of its own")
        }
        Error::Eof { .. } => Diagnostic::error(Code::Syntax, span, "the text ends too early")
            .help("a probe file begins with `version: 1`"),
        Error::InvalidScalar { ty, .. } => wrong_shape::diagnose(source, span, in_words(ty)),
        Error::Unexpected { expected, .. } => {
            wrong_shape::diagnose(source, span, in_words(expected))
        }
        Error::SerdeInvalidType { expected, .. } => wrong_shape::diagnose(source, span, expected),
        Error::NullIntoString { .. } => wrong_shape::diagnose(source, span, "text"),
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => {
            wrong_shape::diagnose(source, span, "a word or a mapping")
        }
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            Diagnostic::error(Code::Shape, span, "only one of the choices may stand here")
                .label("a second one")
                .help("in a list, each begins with a dash of its own: `- `")
        }
        Error::UnsupportedTag { .. } | Error::TaggedEnumMismatch { .. } => {
            not_in_the_language(span, "tags (`!`)")
        }
        Error::AliasError { .. } => not_in_the_language(span, "anchors and aliases"),
        Error::Budget { breach: BudgetBreach::Nodes { .. }, .. } => Diagnostic::error(
            Code::Syntax,
            span,
            format!("the file has more than {MOST_NODES} keys and values"),
        )
        .help("split it; ranges and patterns (`222-226`, `syscall:clock_*`) stand for many slots"),
        Error::Budget { breach: BudgetBreach::Anchors { .. }, .. } => {
            not_in_the_language(span, "anchors and aliases")
        }
        other => {
            let message = strip_position(&other.to_string());
            let diagnostic = Diagnostic::error(Code::Syntax, span, &message);
            if message.contains("tabs") {
                return diagnostic.help("YAML is indented with spaces");
            }
            diagnostic
        }
    }
}

/// The reader's names of what it wants, as a user knows them.
fn in_words(name: &str) -> &str {
    match name {
        "mapping start" => "a mapping",
        "sequence start" => "a list",
        "string scalar" => "text",
        "bool" => "`true` or `false`",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a number without a sign",
        "i8" | "i16" | "i32" | "i64" => "a number",
        other => other,
    }
}

fn not_in_the_language(span: Span, what: &str) -> Diagnostic {
    Diagnostic::error(Code::Syntax, span, format!("{what} are not part of the language"))
        .help("write the value out, or use a template variable (`vars:`)")
}

/// The parser ends its messages with the position, which is shown anyway.
fn strip_position(message: &str) -> String {
    match message.rsplit_once(" at line ") {
        Some((text, _)) => text.to_owned(),
        None => message.to_owned(),
    }
}

fn span_of(source: &Source, location: Location) -> Span {
    let span = location.span();
    let start = span.byte_offset().and_then(|offset| usize::try_from(offset).ok());
    let len = span.byte_len().and_then(|len| usize::try_from(len).ok());
    if let (Some(start), Some(len)) = (start, len) {
        return Span { start, end: start + len };
    }
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let start = source.position(number(location.line()), number(location.column()));
    let rest = &source.text[start..];
    Span { start, end: start + rest.chars().next().map_or(0, char::len_utf8) }
}

/// The message by which [`At`] tells [`diagnose`] that it met an alias.
const ALIAS: &str = "alias";

impl<T> TryFrom<Spanned<T>> for At<T> {
    type Error = &'static str;

    fn try_from(spanned: Spanned<T>) -> Result<At<T>, &'static str> {
        if spanned.referenced != spanned.defined {
            return Err(ALIAS);
        }
        let span = spanned.referenced.span();
        let number = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
        let start = number(span.byte_offset());
        Ok(At::new(spanned.value, Span { start, end: start + number(span.byte_len()) }))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<At<T>, D::Error> {
        At::try_from(Spanned::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::text::codes::Code;
    use crate::text::source::Source;

    fn failure(text: &str) -> (Code, String, (usize, usize)) {
        let source = Source { path: "x.yaml".into(), text: text.into() };
        let mistakes = parse(&source).mistakes;
        let diagnostic = mistakes.into_iter().next().expect("the text is wrong");
        let place = source.line_column(diagnostic.primary.span.start);
        (diagnostic.code, diagnostic.message, place)
    }

    #[test]
    fn keys_and_values_keep_their_positions() {
        let text = "version: 1\ntail_calls:\n  é: { 222-226: timer }\n";
        let source = Source { path: "x.yaml".into(), text: text.into() };
        let spec = parse(&source).spec.expect("the text is right");
        let (map, table) = &spec.tail_calls.0[0];
        let (slot, program) = &table.slots.0[0];
        assert_eq!(&text[map.span.range()], "é");
        assert_eq!((slot.value.as_str(), &text[slot.span.range()]), ("222-226", "222-226"));
        assert_eq!(&text[program.span.range()], "timer");
    }

    #[test]
    fn numbers_keep_their_text() {
        let text =
            "version: 1\nglobals: { a: 0x1f, b: [1, 2], c: true, d: 1.10 }\nvars: { e: 007 }\n";
        let source = Source { path: "x.yaml".into(), text: text.into() };
        let spec = parse(&source).spec.expect("the text is right");
        assert_eq!(spec.vars.0[0].1.value.0, "007");
        assert_eq!(spec.globals.0.len(), 4);
    }

    #[test]
    fn what_the_language_does_not_have_is_refused_at_its_place() {
        let cases = [
            ("version: 1\nbad: 2\n", Code::UnknownField, (2, 1)),
            ("version: 1\nattach:\n - fexitt: {function: f}\n", Code::UnknownField, (3, 4)),
            ("version: 1\nattach:\n - fexit: {funtion: f}\n", Code::UnknownField, (3, 12)),
            ("version: 1\nattach:\n - fexit: {function: f}\n", Code::Shape, (3, 12)),
            ("version: 1\ntail_calls: {h: {59: a, 59: b}}", Code::DuplicateKey, (2, 25)),
            ("version: 1\nglobals: {a: &x 1, b: *x}\n", Code::Syntax, (2, 17)),
            ("version: 1\nglobals:\n  <<: {a: 1}\n", Code::Syntax, (3, 3)),
            ("version: 1\n---\nversion: 1\n", Code::Syntax, (3, 1)),
            ("version: one\n", Code::Shape, (1, 10)),
            ("version: 1\nglobals:\n\ta: 1\n", Code::Syntax, (3, 2)),
            ("", Code::Syntax, (1, 1)),
        ];
        for (text, code, place) in cases {
            let (got_code, message, got_place) = failure(text);
            assert_eq!((got_code, got_place), (code, place), "{text:?}: {message}");
        }
    }
}
