//! What may reach a terminal.
//!
//! Names of processes and files are chosen by whoever made them: nothing from a map goes to a
//! person but through [`escape`].

use std::borrow::Cow;

use crate::read::value::{Value, hex_digits};

/// Makes characters visible that a terminal acts on or that reorder or hide the text around them.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match is_unsafe(character) {
            true => escaped.extend(character.escape_default()),
            false => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

/// Controls (also the 8-bit ones), line separators, and the characters that Unicode uses to direct
/// writing or to take no room.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// A value on one line.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Enum { name: Some(name), .. } => escape(name).into_owned(),
        Value::Enum { name: None, number } => number.to_string(),
        Value::Text(text) => escape(text).into_owned(),
        Value::Pointer(address) => format!("{address:#x}"),
        Value::Bytes(bytes) => hex_digits(bytes),
        Value::List(values) => {
            let values: Vec<String> = values.iter().map(plain).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Fields(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::read::Value;
    use crate::read::sinks::terminal::{escape, plain};

    #[test]
    fn what_a_terminal_acts_on_is_made_visible() {
        assert_eq!(escape("a\x1b[31mred\x07"), "a\\u{1b}[31mred\\u{7}");
        assert_eq!(escape("two\nlines\r\t"), "two\\nlines\\r\\t");
        assert_eq!(escape("\u{9b}2J"), "\\u{9b}2J");
        assert_eq!(escape("\u{202e}fdp.exe"), "\\u{202e}fdp.exe");
        assert_eq!(escape("zero\u{200b}width"), "zero\\u{200b}width");
    }

    #[test]
    fn other_text_stays() {
        for text in ["", "bash", "C:\\x", "naïve 日本 \u{fffd}", "\"quoted\""] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn compound_values_are_one_line() {
        let value = Value::List(vec![
            Value::Fields(vec![
                ("a".into(), Value::Unsigned(1)),
                ("b".into(), Value::Text("x\ny".into())),
            ]),
            Value::Pointer(16),
            Value::Bytes(vec![1, 2]),
            Value::Enum { name: None, number: -3 },
        ]);
        assert_eq!(plain(&value), "[{a=1, b=x\\ny}, 0x10, 0102, -3]");
    }
}
