//! A file in which something has a wrong shape, read section by section: so one mistake of each
//! section is shown, and the names in the others can be looked at.
//!
//! The reader can't go on behind a mistake, so the text is read once more for each section, with the
//! others passed over. That happens only to files that are wrong.

use crate::spec::shape::Spec;
use crate::spec::yaml;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, MOST};
use crate::text::source::{At, Source, Span};
use crate::text::suggest::{listed, nearest};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The fields of a probe file.
pub const NAMES: [&str; 12] = [
    "version",
    "name",
    "description",
    "vars",
    "object",
    "objects",
    "globals",
    "maps",
    "attach",
    "tail_calls",
    "read",
    "tests",
];

/// Sections without which nothing else means anything.
const FOUNDATIONS: [&str; 4] = ["version", "vars", "object", "objects"];

/// Reads what can be read of a file of which `first` was found wrong. None if what the rest builds on
/// can't be read.
pub fn read(source: &Source, first: Diagnostic) -> (Option<Spec>, Vec<Diagnostic>) {
    let mut reader = Reader { source, mistakes: Vec::new(), broken: Vec::new() };
    // If not even the sections can be told apart, there is nothing more to say.
    let Ok(names) = yaml::seeded(source, Names) else { return (None, vec![first]) };
    reader.names_are_known(&names);
    let spec = Spec {
        version: reader.section("version").unwrap_or(At::new(1, Span::default())),
        name: reader.section("name"),
        description: reader.section("description"),
        vars: reader.section("vars").unwrap_or_default(),
        object: reader.section("object"),
        objects: reader.section("objects").unwrap_or_default(),
        globals: reader.section("globals").unwrap_or_default(),
        maps: reader.section("maps").unwrap_or_default(),
        attach: reader.section("attach").unwrap_or_default(),
        tail_calls: reader.section("tail_calls").unwrap_or_default(),
        read: reader.section("read").unwrap_or_default(),
        tests: reader.section("tests").unwrap_or_default(),
    };
    let is_sound = !reader.broken.iter().any(|broken| FOUNDATIONS.contains(broken));
    let known = reader.mistakes.iter().any(|other| is_same(other, &first));
    if !known {
        reader.mistakes.insert(0, first);
    }
    (is_sound.then_some(spec), reader.mistakes)
}

struct Reader<'a> {
    source: &'a Source,
    mistakes: Vec<Diagnostic>,
    broken: Vec<&'static str>,
}

impl Reader<'_> {
    fn section<T: for<'de> Deserialize<'de>>(&mut self, name: &'static str) -> Option<T> {
        match yaml::seeded(self.source, Section { name, of: PhantomData }) {
            Ok(value) => value,
            Err(mistake) => {
                self.broken.push(name);
                // What is wrong with the text itself is wrong with every section.
                if !self.mistakes.iter().any(|other| is_same(other, &mistake)) {
                    self.mistakes.push(*mistake);
                }
                None
            }
        }
    }

    fn names_are_known(&mut self, names: &[At<String>]) {
        for name in names.iter().filter(|name| !NAMES.contains(&name.value.as_str())) {
            // Behind so many, further ones are not kept.
            if self.mistakes.len() > MOST {
                break;
            }
            self.mistakes.push(unknown_field(name.span, &name.value, &NAMES));
        }
    }
}

fn is_same(one: &Diagnostic, other: &Diagnostic) -> bool {
    one.code == other.code && one.primary.span == other.primary.span
}

/// A field that the language doesn't have.
pub fn unknown_field(span: Span, field: &str, fields: &[&'static str]) -> Diagnostic {
    Diagnostic::error(Code::UnknownField, span, format!("there is no field `{field}` here"))
        .label("not a field of the language at this place")
        .did_you_mean(nearest(field, fields.iter().copied()))
        .help(format!("fields here: {}", listed(fields.iter().copied(), 20)))
}

/// The keys of the top mapping.
struct Names;

impl<'de> DeserializeSeed<'de> for Names {
    type Value = Vec<At<String>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names {
    type Value = Vec<At<String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some((name, IgnoredAny)) = map.next_entry::<At<String>, IgnoredAny>()? {
            names.push(name);
        }
        Ok(names)
    }
}

/// One value of the top mapping.
struct Section<T> {
    name: &'static str,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Section<T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Section<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<T>, A::Error> {
        let mut value = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == self.name {
                value = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::NAMES;
    use crate::spec::shape::Spec;
    use crate::spec::yaml::{Parsed, parse};
    use crate::text::source::Source;

    fn parsed(text: &str) -> Parsed {
        parse(&Source { path: "x.yaml".into(), text: text.into() })
    }

    #[test]
    fn every_field_is_a_section() {
        let schema = schemars::schema_for!(Spec);
        let fields = schema.as_value()["properties"].as_object().expect("it has fields");
        let mut names = NAMES.map(str::to_owned);
        names.sort();
        let mut fields: Vec<String> = fields.keys().cloned().collect();
        fields.sort();
        assert_eq!(fields, names);
    }

    #[test]
    fn each_section_shows_its_first_mistake() {
        let text = "version: 1\nobject: x\nobjekt: y\nglobls: {}\nattach:\n  - fexit: { function: f }\n\
                    tail_calls: { a: [] }\nmaps: { m: { max: 1 } }\nread: { r: { top: [] } }\n";
        let parsed = parsed(text);
        let codes: Vec<&str> = parsed.mistakes.iter().map(|one| one.code.name()).collect();
        let places: Vec<usize> = parsed
            .mistakes
            .iter()
            .map(|one| text[..one.primary.span.start].matches('\n').count() + 1)
            .collect();
        let mut sorted = places.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [3, 4, 6, 7, 8, 9], "{codes:?}");
        assert!(parsed.spec.is_some_and(|spec| spec.object.is_some()));
    }

    #[test]
    fn without_its_foundations_nothing_is_left() {
        for text in [
            "version: one\nobject: x\n",
            "version: 1\nobject: x\nvars: []\n",
            "version: 1\nobjects: []\n",
            "version: 1\nobject: [\n",
            "version: 1\nobject: &a x\nname: *a\n",
            "- version: 1\n",
            "x",
        ] {
            let parsed = parsed(text);
            assert!(parsed.spec.is_none(), "{text}");
            assert_eq!(parsed.mistakes.len(), 1, "{text}: {:?}", parsed.mistakes);
        }
    }

    #[test]
    fn a_field_that_stands_twice_is_told_once() {
        let parsed = parsed("version: 1\nobject: x\nattach: []\nattach: []\n");
        assert_eq!(parsed.mistakes.len(), 1, "{:?}", parsed.mistakes);
    }
}
