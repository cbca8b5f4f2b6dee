//! What bytes mean once their type is known.
//!
//! No formatting for people here: that is the sinks' job.

use std::cmp::Ordering;

use serde::{Serialize, Serializer};

/// A value of any C type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An unsigned integer of up to 16 bytes.
    Unsigned(u128),
    /// A signed integer of up to 16 bytes.
    Signed(i128),
    /// A floating point number.
    Float(f64),
    /// A truth value; every bit pattern but zero is true.
    Bool(bool),
    /// An enumerated value.
    Enum {
        /// Its name, unless the type has none for this number.
        name: Option<String>,
        /// Its number.
        number: i128,
    },
    /// Text. It may hold any character, terminal control sequences included.
    Text(String),
    /// An address.
    Pointer(u64),
    /// Bytes without a known shape.
    Bytes(Vec<u8>),
    /// An array's elements.
    List(Vec<Value>),
    /// The members of a structure or union, by name and in the order of the source.
    Fields(Vec<(String, Value)>),
}

impl Value {
    /// The number that a whole-number value stands for; `None` for others and beyond `i128`.
    pub fn as_integer(&self) -> Option<i128> {
        match self {
            Value::Unsigned(number) => i128::try_from(*number).ok(),
            Value::Signed(number) | Value::Enum { number, .. } => Some(*number),
            Value::Bool(truth) => Some(i128::from(*truth)),
            Value::Pointer(address) => Some(i128::from(*address)),
            _ => None,
        }
    }

    /// The value as JSON, as it is serialised.
    pub fn to_json(&self) -> serde_json::Value {
        // Only maps with keys that aren't text can't become JSON.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// A total order: whole numbers by size, floating point numbers, text, then the rest; lists and
    /// structures by their first difference. Values of a column are of one type, or of two where a
    /// name isn't known, so nobody meets the order between types but for such leftovers.
    pub fn order(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Float(left), Value::Float(right)) => left.total_cmp(right),
            (Value::Text(left), Value::Text(right)) => left.cmp(right),
            (Value::Bytes(left), Value::Bytes(right)) => left.cmp(right),
            (Value::List(left), Value::List(right)) => order_all(left, right),
            (Value::Fields(left), Value::Fields(right)) => {
                order_all(left.iter().map(|(_, value)| value), right.iter().map(|(_, value)| value))
            }
            (left, right) if left.rank() == 0 && right.rank() == 0 => {
                match (left.as_integer(), right.as_integer()) {
                    (Some(left), Some(right)) => left.cmp(&right),
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (None, None) => left.beyond_signed().cmp(&right.beyond_signed()),
                }
            }
            (left, right) => left.rank().cmp(&right.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Unsigned(_)
            | Value::Signed(_)
            | Value::Bool(_)
            | Value::Enum { .. }
            | Value::Pointer(_) => 0,
            Value::Float(_) => 1,
            Value::Text(_) => 2,
            Value::Bytes(_) => 3,
            Value::List(_) => 4,
            Value::Fields(_) => 5,
        }
    }

    /// The number where it is too large for `i128`, so that `as_integer` has none.
    fn beyond_signed(&self) -> u128 {
        match self {
            Value::Unsigned(number) => *number,
            _ => 0,
        }
    }
}

/// Integers stay exact; those beyond 64 bits become strings, as do addresses (`0x…`) and bytes
/// (hexadecimal digits), and an enumerated value is its name where it has one.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Unsigned(number) => match u64::try_from(*number) {
                Ok(number) => serializer.serialize_u64(number),
                Err(_) => serializer.collect_str(number),
            },
            Value::Signed(number) => signed(*number, serializer),
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Bool(truth) => serializer.serialize_bool(*truth),
            Value::Enum { name: Some(name), .. } => serializer.serialize_str(name),
            Value::Enum { name: None, number } => signed(*number, serializer),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Pointer(address) => serializer.collect_str(&format_args!("{address:#x}")),
            Value::Bytes(bytes) => serializer.serialize_str(&hex_digits(bytes)),
            Value::List(values) => serializer.collect_seq(values),
            Value::Fields(fields) => {
                serializer.collect_map(fields.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

/// Two lower-case digits a byte, nothing between them.
pub(super) fn hex_digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn signed<S: Serializer>(number: i128, serializer: S) -> Result<S::Ok, S::Error> {
    match (u64::try_from(number), i64::try_from(number)) {
        (Ok(number), _) => serializer.serialize_u64(number),
        (_, Ok(number)) => serializer.serialize_i64(number),
        _ => serializer.collect_str(&number),
    }
}

fn order_all<'a>(
    left: impl IntoIterator<Item = &'a Value>,
    right: impl IntoIterator<Item = &'a Value>,
) -> Ordering {
    let mut right = right.into_iter();
    for left in left {
        let Some(right) = right.next() else {
            return Ordering::Greater;
        };
        let order = left.order(right);
        if order != Ordering::Equal {
            return order;
        }
    }
    match right.next() {
        Some(_) => Ordering::Less,
        None => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Value;

    #[test]
    fn json_integers_are_exact_up_to_64_bits_and_strings_beyond() {
        let exact = (1_u64 << 53) + 1;
        assert_eq!(Value::Unsigned(u128::from(exact)).to_json(), json!(exact));
        assert_eq!(
            Value::Unsigned(u128::from(u64::MAX)).to_json().to_string(),
            "18446744073709551615"
        );
        assert_eq!(
            Value::Signed(i128::from(i64::MIN)).to_json().to_string(),
            "-9223372036854775808"
        );
        assert_eq!(
            Value::Unsigned(u128::from(u64::MAX) + 1).to_json(),
            json!("18446744073709551616")
        );
        assert_eq!(
            Value::Signed(i128::from(i64::MIN) - 1).to_json(),
            json!("-9223372036854775809")
        );
    }

    #[test]
    fn json_of_the_other_kinds() {
        let value = Value::Fields(vec![
            ("at".into(), Value::Pointer(0xffff_8880_0000_1000)),
            ("raw".into(), Value::Bytes(vec![0, 0xab])),
            ("colour".into(), Value::Enum { name: Some("RED".into()), number: 1 }),
            ("odd".into(), Value::Enum { name: None, number: -7 }),
            ("list".into(), Value::List(vec![Value::Bool(true), Value::Float(0.5)])),
            ("text".into(), Value::Text("a\nb".into())),
        ]);
        assert_eq!(
            value.to_json(),
            json!({"at": "0xffff888000001000", "raw": "00ab", "colour": "RED", "odd": -7,
                   "list": [true, 0.5], "text": "a\nb"})
        );
    }

    #[test]
    fn whole_numbers_order_by_size_whatever_their_type() {
        let ascending = [
            Value::Signed(-3),
            Value::Bool(false),
            Value::Enum { name: Some("B".into()), number: 1 },
            Value::Unsigned(10),
            Value::Pointer(0x1000),
            Value::Unsigned(u128::MAX - 1),
            Value::Unsigned(u128::MAX),
            Value::Float(-0.5),
            Value::Float(0.25),
            Value::Text("10".into()),
            Value::Text("9".into()),
            Value::Bytes(vec![0]),
            Value::List(vec![Value::Unsigned(1)]),
            Value::List(vec![Value::Unsigned(1), Value::Unsigned(0)]),
        ];
        for pair in ascending.windows(2) {
            assert!(pair[0].order(&pair[1]).is_lt(), "{pair:?}");
            assert!(pair[1].order(&pair[0]).is_gt(), "{pair:?}");
            assert!(pair[0].order(&pair[0]).is_eq(), "{pair:?}");
        }
    }
}
