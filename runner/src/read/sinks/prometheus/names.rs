//! Names of metrics and labels, and the units that Prometheus wants.

use crate::desired::Decoder;
use crate::read::columns::Column;
use crate::read::value::Value;

/// How long the text of a label gets: stacks are that long, and each series has its own.
const LONGEST: usize = 1024;

/// `[a-z0-9_]`, as names of metrics and labels have to be.
pub fn sanitised(name: &str) -> String {
    let character = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = name.chars().map(character).collect();
    let name = name.trim_matches('_');
    // `le` and `probe` are ours.
    if matches!(name, "le" | "probe")
        || name.starts_with(|c: char| c.is_ascii_digit())
        || name.is_empty()
    {
        return format!("x_{name}");
    }
    name.to_owned()
}

/// A name that is not among those that are taken, with a number behind it if it has to be.
pub fn unused(name: String, mut is_taken: impl FnMut(&str) -> bool) -> String {
    if !is_taken(&name) {
        return name;
    }
    let numbered = (2_u32..).map(|number| format!("{name}_{number}"));
    numbered.into_iter().find(|name| !is_taken(name)).unwrap_or_default()
}

/// Prometheus wants seconds and bytes: the metric's name, and what its numbers are divided by.
pub fn in_base_units(name: String, column: &Column) -> (String, f64) {
    for (ending, divisor) in [("_ns", 1e9), ("_us", 1e6), ("_ms", 1e3)] {
        if let Some(stem) = name.strip_suffix(ending) {
            return (format!("{stem}_seconds"), divisor);
        }
    }
    match column.decoder {
        Some(Decoder::Duration) if name.ends_with("_seconds") => (name, 1e9),
        Some(Decoder::Duration) => (format!("{name}_seconds"), 1e9),
        Some(Decoder::Bytes) if !name.ends_with("_bytes") => (format!("{name}_bytes"), 1.0),
        _ => (name, 1.0),
    }
}

/// What a value is as a label.
pub fn label(value: &Value) -> String {
    let mut text = match value.to_json() {
        serde_json::Value::String(text) => text,
        json => json.to_string(),
    };
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Labels as they stand between the braces.
pub fn labels<N: AsRef<str>, T: AsRef<str>>(labels: impl IntoIterator<Item = (N, T)>) -> Box<str> {
    let mut all = String::new();
    for (name, text) in labels {
        if !all.is_empty() {
            all.push(',');
        }
        all.push_str(name.as_ref());
        all.push_str("=\"");
        for character in text.as_ref().chars() {
            match character {
                '\\' => all.push_str("\\\\"),
                '\n' => all.push_str("\\n"),
                '"' => all.push_str("\\\""),
                other => all.push(other),
            }
        }
        all.push('"');
    }
    all.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::{label, labels, sanitised, unused};
    use crate::read::Value;

    #[test]
    fn every_name_becomes_one_that_is_allowed() {
        for (name, allowed) in [
            ("packets", "packets"),
            ("bits.Low", "bits_low"),
            ("__reserved__", "reserved"),
            ("le", "x_le"),
            ("probe", "x_probe"),
            ("32bit", "x_32bit"),
            ("größe", "gr__e"),
            ("-", "x_"),
        ] {
            assert_eq!(sanitised(name), allowed);
        }
        let taken = ["a", "a_2"];
        assert_eq!(unused("a".into(), |name| taken.contains(&name)), "a_3");
        assert_eq!(unused("b".into(), |name| taken.contains(&name)), "b");
    }

    #[test]
    fn labels_are_escaped_and_not_endless() {
        assert_eq!(&*labels([("a", "x\"y\\z\n"), ("b", "ü")]), "a=\"x\\\"y\\\\z\\n\",b=\"ü\"");
        let long = label(&Value::Text("ü".repeat(2000)));
        assert_eq!(long.chars().count(), 513);
        assert!(long.ends_with("ü…"));
    }
}
