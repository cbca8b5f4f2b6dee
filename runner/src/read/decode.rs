//! Bytes and their layout to values.
//!
//! Everything that programs for BPF run on here is little endian (x86-64, arm64), and so are the
//! bytes. A layout or a record may come from anywhere: no combination of the two panics.

use std::borrow::Cow;

use crate::btf::{Field, Layout, Scalar, ScalarKind};
use crate::read::bits::{little_endian, read_bits};
use crate::read::value::Value;

/// Where a field's bits are: like [`Field`], but counted from the beginning of the whole type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Offset in bits.
    pub bit_offset: u64,
    /// Width in bits, for bit-fields alone.
    pub bit_width: Option<u32>,
    /// The field's own layout.
    pub layout: &'a Layout,
}

impl<'a> Place<'a> {
    /// A member of something that begins at `base` bits.
    pub fn of(field: &'a Field, base: u64) -> Place<'a> {
        Place {
            bit_offset: base + u64::from(field.bit_offset),
            bit_width: field.bit_width,
            layout: &field.layout,
        }
    }

    /// The field's bytes, as many of them as there are; a bit-field as the bytes of its integer.
    /// `None` if none are there.
    pub fn bytes<'b>(&self, whole: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        if let Some(width) = self.bit_width {
            let size = usize::try_from(self.layout.size()).ok()?;
            return Some(Cow::Owned(self.bit_field(whole, width)?.get(..size)?.to_vec()));
        }
        if !self.bit_offset.is_multiple_of(8) {
            return None;
        }
        let rest = whole.get(usize::try_from(self.bit_offset / 8).ok()?..)?;
        let size = self.layout.size() as usize;
        if size == 0 {
            return Some(Cow::Borrowed(rest));
        }
        if rest.is_empty() {
            return None;
        }
        Some(Cow::Borrowed(&rest[..size.min(rest.len())]))
    }

    fn bit_field(&self, whole: &[u8], width: u32) -> Option<[u8; 16]> {
        let bits = read_bits(whole, self.bit_offset, width)?;
        let unused = 128 - width;
        let extended = match self.layout {
            Layout::Scalar(Scalar { signed: true, .. }) => {
                (bits.cast_signed() << unused >> unused).cast_unsigned()
            }
            _ => bits,
        };
        Some(extended.to_le_bytes())
    }
}

/// Decodes a value of the given type.
///
/// `bytes` may be shorter than the type, as a record is that leaves its last fields out: what isn't
/// there is left out of structures and arrays, and the result is `None` where nothing is left. A
/// flexible array takes all the bytes up to the end. Bytes beyond the type are ignored.
pub fn decode(layout: &Layout, bytes: &[u8]) -> Option<Value> {
    match layout {
        Layout::Scalar(scalar) => decode_scalar(scalar, bytes.get(..scalar.size as usize)?),
        Layout::Struct { fields, size, .. } | Layout::Union { fields, size, .. } => {
            let mut members = Vec::new();
            decode_members(fields, bytes, &mut members);
            (!members.is_empty() || *size == 0).then_some(Value::Fields(members))
        }
        Layout::Array { element, len } => decode_array(element, *len, bytes),
        Layout::Pointer => {
            let address = bytes.first_chunk().copied().map(u64::from_le_bytes)?;
            Some(Value::Pointer(address))
        }
        Layout::Opaque { size } => {
            let present = bytes.len().min(*size as usize);
            (present > 0 || *size == 0).then(|| Value::Bytes(bytes[..present].to_vec()))
        }
    }
}

/// Members without a name are anonymous structures and unions: as in C, their own members belong to
/// the one around them.
fn decode_members(fields: &[Field], bytes: &[u8], members: &mut Vec<(String, Value)>) {
    for field in fields {
        let place = Place::of(field, 0);
        let Some(own) = place.bytes(bytes) else {
            continue;
        };
        match &field.layout {
            Layout::Struct { fields, .. } | Layout::Union { fields, .. }
                if field.name.is_empty() =>
            {
                decode_members(fields, &own, members);
            }
            _ if field.name.is_empty() => {}
            layout => {
                if let Some(value) = decode(layout, &own) {
                    members.push((field.name.clone(), value));
                }
            }
        }
    }
}

fn decode_array(element: &Layout, len: u32, bytes: &[u8]) -> Option<Value> {
    let size = element.size() as usize;
    if size == 0 {
        return Some(Value::List(Vec::new()));
    }
    let present = bytes.len() / size;
    let count = match len {
        0 => present,
        len => present.min(len as usize),
    };
    if count == 0 && len > 0 {
        return None;
    }
    let bytes = &bytes[..count * size];
    if is_text(element) {
        return Some(Value::Text(text(bytes)));
    }
    let elements = bytes.chunks_exact(size);
    Some(Value::List(elements.filter_map(|bytes| decode(element, bytes)).collect()))
}

fn is_text(element: &Layout) -> bool {
    matches!(element, Layout::Scalar(Scalar { kind: ScalarKind::Char, size: 1, .. }))
}

/// The text up to the first NUL, or all of it; what isn't UTF-8 becomes U+FFFD.
pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}

fn decode_scalar(scalar: &Scalar, bytes: &[u8]) -> Option<Value> {
    if bytes.is_empty() || bytes.len() > 16 {
        return Some(Value::Bytes(bytes.to_vec()));
    }
    let unused = 128 - 8 * scalar.size;
    let unsigned = little_endian(bytes);
    let signed = unsigned.cast_signed() << unused >> unused;
    Some(match &scalar.kind {
        ScalarKind::Bool => Value::Bool(unsigned != 0),
        ScalarKind::Float => match *bytes {
            [a, b, c, d] => Value::Float(f32::from_le_bytes([a, b, c, d]).into()),
            [a, b, c, d, e, f, g, h] => Value::Float(f64::from_le_bytes([a, b, c, d, e, f, g, h])),
            _ => Value::Bytes(bytes.to_vec()),
        },
        ScalarKind::Enum(values) => {
            let number = match scalar.signed {
                true => signed,
                false => unsigned.cast_signed(),
            };
            let named = values.iter().find(|(_, value)| *value == number);
            Value::Enum { name: named.map(|(name, _)| name.clone()), number }
        }
        ScalarKind::Integer | ScalarKind::Char if scalar.signed => Value::Signed(signed),
        ScalarKind::Integer | ScalarKind::Char => Value::Unsigned(unsigned),
    })
}

#[cfg(test)]
mod tests {
    use crate::btf::{Layout, ScalarKind};
    use crate::read::Value;
    use crate::read::decode::decode;
    use crate::read::sample::{
        array, bit_field, chars, field, scalar, signed, structure, union, unsigned,
    };

    fn json(layout: &Layout, bytes: &[u8]) -> String {
        decode(layout, bytes).expect("the bytes hold something").to_json().to_string()
    }

    #[test]
    fn integers_of_every_size_and_sign() {
        let bytes = [0xff; 16];
        for (size, max) in
            [(1, u128::from(u8::MAX)), (2, 0xffff), (4, 0xffff_ffff), (16, u128::MAX)]
        {
            assert_eq!(decode(&unsigned(size), &bytes), Some(Value::Unsigned(max)));
            assert_eq!(decode(&signed(size), &bytes), Some(Value::Signed(-1)));
        }
        assert_eq!(
            decode(&unsigned(8), &0x0102_0304_0506_0708_u64.to_le_bytes()),
            Some(Value::Unsigned(0x0102_0304_0506_0708))
        );
        assert_eq!(decode(&unsigned(8), &[0; 7]), None);
    }

    #[test]
    fn the_other_scalars() {
        assert_eq!(decode(&scalar(ScalarKind::Bool, 1), &[2]), Some(Value::Bool(true)));
        assert_eq!(
            decode(&scalar(ScalarKind::Float, 8), &1.5_f64.to_le_bytes()),
            Some(Value::Float(1.5))
        );
        assert_eq!(
            decode(&scalar(ScalarKind::Float, 4), &(-0.25_f32).to_le_bytes()),
            Some(Value::Float(-0.25))
        );
        assert_eq!(
            decode(&Layout::Pointer, &0xffff_8880_1234_5678_u64.to_le_bytes()),
            Some(Value::Pointer(0xffff_8880_1234_5678))
        );
        let colour = scalar(ScalarKind::Enum(vec![("RED".into(), 0), ("BLUE".into(), 5)]), 4);
        assert_eq!(json(&colour, &[5, 0, 0, 0]), "\"BLUE\"");
        assert_eq!(json(&colour, &[6, 0, 0, 0]), "6");
        assert_eq!(json(&Layout::Opaque { size: 3 }, &[1, 2, 3]), "\"010203\"");
    }

    #[test]
    fn arrays_of_char_are_text_up_to_the_first_nul() {
        assert_eq!(decode(&chars(8), b"bash\0old"), Some(Value::Text("bash".into())));
        assert_eq!(decode(&chars(4), b"bash"), Some(Value::Text("bash".into())));
        assert_eq!(decode(&chars(4), b"a\xff\x1b\0"), Some(Value::Text("a\u{fffd}\u{1b}".into())));
        assert_eq!(json(&array(chars(3), 2), b"ab\0cd\0"), r#"["ab","cd"]"#);
        assert_eq!(json(&array(unsigned(2), 3), &[1, 0, 2, 0, 3, 0]), "[1,2,3]");
    }

    #[test]
    fn members_of_anonymous_unions_belong_to_the_structure() {
        let layout = structure(
            8,
            vec![
                field("family", 0, unsigned(2)),
                field(
                    "",
                    4,
                    union(
                        4,
                        vec![
                            field("word", 0, unsigned(4)),
                            field("octets", 0, array(unsigned(1), 4)),
                        ],
                    ),
                ),
            ],
        );
        let value = decode(&layout, &[2, 0, 0, 0, 10, 0, 0, 1]).expect("whole");
        assert_eq!(
            value,
            Value::Fields(vec![
                ("family".into(), Value::Unsigned(2)),
                ("word".into(), Value::Unsigned(0x0100_000a)),
                ("octets".into(), Value::List([10, 0, 0, 1].map(Value::Unsigned).to_vec())),
            ])
        );
    }

    #[test]
    fn bit_fields() {
        // struct { u32 a : 3; s32 b : 5; u32 c : 24; u64 d : 40; } as clang lays it out.
        let layout = structure(
            16,
            vec![
                bit_field("a", 0, 3, unsigned(4)),
                bit_field("b", 3, 5, signed(4)),
                bit_field("c", 8, 24, unsigned(4)),
                bit_field("d", 64, 40, unsigned(8)),
            ],
        );
        let mut bytes = [0; 16];
        bytes[0] = 5 | (0b11110 << 3);
        bytes[1..4].copy_from_slice(&[0x56, 0x34, 0x12]);
        bytes[8..13].copy_from_slice(&[1, 2, 3, 4, 5]);
        bytes[13] = 0xff;
        assert_eq!(
            json(&layout, &bytes),
            format!(r#"{{"a":5,"b":-2,"c":{},"d":{}}}"#, 0x12_3456, 0x05_0403_0201_u64)
        );
    }

    #[test]
    fn a_short_record_leaves_later_fields_out() {
        let layout = structure(
            280,
            vec![
                field("time_ns", 0, unsigned(8)),
                field("nr", 8, unsigned(4)),
                field("comm", 12, chars(4)),
                field("path", 16, chars(264)),
            ],
        );
        let mut record = vec![7, 0, 0, 0, 0, 0, 0, 0, 59, 0, 0, 0];
        assert_eq!(json(&layout, &record), r#"{"nr":59,"time_ns":7}"#);
        assert_eq!(json(&layout, &record[..10]), r#"{"time_ns":7}"#);
        record.extend_from_slice(b"sh\0\0/bin");
        assert_eq!(json(&layout, &record), r#"{"comm":"sh","nr":59,"path":"/bin","time_ns":7}"#);
        assert_eq!(decode(&layout, &[]), None);
    }

    #[test]
    fn a_flexible_array_takes_the_rest() {
        let layout = structure(
            4,
            vec![field("len", 0, unsigned(4)), field("data", 4, array(unsigned(2), 0))],
        );
        assert_eq!(json(&layout, &[1, 0, 0, 0, 1, 0, 2, 0, 3]), r#"{"data":[1,2],"len":1}"#);
        assert_eq!(json(&layout, &[1, 0, 0, 0]), r#"{"data":[],"len":1}"#);
    }

    #[test]
    fn layouts_that_no_compiler_makes_do_no_harm() {
        let far = structure(
            4,
            vec![
                field("far", u32::MAX / 8, unsigned(4)),
                bit_field("wide", 1, 128, unsigned(16)),
                bit_field("none", 0, 0, unsigned(4)),
                bit_field("struct", 0, 9, structure(64, Vec::new())),
                field("empty", 0, array(structure(0, Vec::new()), u32::MAX)),
            ],
        );
        assert_eq!(json(&far, &[0xff; 32]), r#"{"empty":[]}"#);
        assert_eq!(json(&unsigned(3), &[1, 0, 0]), "1");
        assert_eq!(decode(&unsigned(40), &[0; 64]), Some(Value::Bytes(vec![0; 40])));
    }
}
