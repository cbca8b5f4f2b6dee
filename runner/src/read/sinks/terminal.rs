//! Values as a person reads them on one line.
//!
//! Names of processes and files are chosen by whoever made them: nothing from a map goes to a
//! person but through [`escape`].

use crate::read::value::{Value, hex_digits};
use crate::text::terminal::escape;

/// A value on one line.
pub fn plain(value: &Value) -> String {
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
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}={}", escape(name), plain(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::read::Value;
    use crate::read::sinks::terminal::plain;

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
