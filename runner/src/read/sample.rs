//! Layouts and views made by hand, for tests.

use crate::btf::{Field, Layout, Scalar, ScalarKind};
use crate::desired::{Column, Decoder, Sort, View};
use crate::read::Value;
use crate::read::decoders::{self, Context, Lookups};

pub fn scalar(kind: ScalarKind, size: u32) -> Layout {
    let name = match kind {
        ScalarKind::Integer => format!("__u{}", 8 * size),
        ScalarKind::Char => "char".into(),
        ScalarKind::Bool => "bool".into(),
        ScalarKind::Float => "double".into(),
        ScalarKind::Enum(_) => "enum colour".into(),
    };
    Layout::Scalar(Scalar { name, size, signed: false, kind })
}

pub fn unsigned(size: u32) -> Layout {
    scalar(ScalarKind::Integer, size)
}

pub fn signed(size: u32) -> Layout {
    let name = format!("__s{}", 8 * size);
    Layout::Scalar(Scalar { name, size, signed: true, kind: ScalarKind::Integer })
}

pub fn array(element: Layout, len: u32) -> Layout {
    Layout::Array { element: Box::new(element), len }
}

pub fn chars(len: u32) -> Layout {
    array(scalar(ScalarKind::Char, 1), len)
}

pub fn structure(size: u32, fields: Vec<Field>) -> Layout {
    Layout::Struct { name: "sample".into(), size, fields }
}

pub fn union(size: u32, fields: Vec<Field>) -> Layout {
    Layout::Union { name: String::new(), size, fields }
}

/// A member at an offset in bytes.
pub fn field(name: &str, offset: u32, layout: Layout) -> Field {
    Field { name: name.into(), bit_offset: 8 * offset, bit_width: None, layout }
}

/// A bit-field at an offset in bits.
pub fn bit_field(name: &str, bit_offset: u32, width: u32, layout: Layout) -> Field {
    Field { name: name.into(), bit_offset, bit_width: Some(width), layout }
}

/// The key of the RPS probe's map: four words, the last one signed.
pub fn rps_key() -> Layout {
    structure(
        16,
        vec![
            field("ifindex", 0, unsigned(4)),
            field("curr_node_id", 4, unsigned(4)),
            field("curr_cpu", 8, unsigned(4)),
            field("targ_cpu", 12, signed(4)),
        ],
    )
}

/// The bytes of a key of words.
pub fn of_key(words: [i32; 4]) -> Vec<u8> {
    words.into_iter().flat_map(i32::to_le_bytes).collect()
}

/// A view that changes nothing.
pub fn view(map: &str) -> View {
    View::plain(map)
}

pub fn column(field: &str, name: Option<&str>, decoder: Option<Decoder>) -> Column {
    Column { field: field.into(), name: name.map(str::to_owned), decoder, ..Column::default() }
}

pub fn sort(column: &str, descending: bool) -> Option<Sort> {
    Some(Sort { column: column.into(), descending })
}

/// An event of a system call whose path is its last field.
pub fn event() -> Layout {
    structure(
        288,
        vec![
            field("nr", 0, unsigned(4)),
            field("comm", 4, chars(16)),
            field("time_ns", 24, unsigned(8)),
            field("path", 32, chars(256)),
        ],
    )
}

/// Such an event's bytes, at 1.5 seconds of the monotonic clock; without a path it ends before it.
pub fn event_record(nr: u32, comm: &str, path: Option<&str>) -> Vec<u8> {
    let mut bytes = nr.to_le_bytes().to_vec();
    bytes.extend_from_slice(comm.as_bytes());
    bytes.resize(24, 0);
    bytes.extend_from_slice(&1_500_000_000_u64.to_le_bytes());
    if let Some(path) = path {
        bytes.extend_from_slice(path.as_bytes());
        bytes.resize(288, 0);
    }
    bytes
}

/// What a decoder that fits shows for these bytes.
pub fn decoded(decoder: &Decoder, layout: &Layout, bytes: &[u8]) -> Value {
    decoders::fits(decoder, layout).expect("the decoder fits");
    decoders::apply(decoder, layout, bytes, Context::default(), &mut Lookups::default())
        .expect("the bytes are there")
}
