//! The order of a table's rows.
//!
//! What a row is ordered by becomes bytes that compare as the values do, once a row: comparing
//! decoded values pair by pair took longer than reading the map.

mod numbers;
pub(super) mod runs;

use std::cmp::Ordering;

use crate::btf::{Field, Layout, Scalar, ScalarKind};
use crate::read::bits::little_endian;
use crate::read::columns::{Column, Columns, Entry, Integer};
use crate::read::decode::Place;
use crate::read::decoders::Lookups;
use crate::read::order::numbers::{Numbers, PREFIX, Sortable, ascending};
use crate::read::rows::{Cell, cell};
use crate::read::value::Value;

/// Puts the numbers of entries, counted from 0, into `order`: as the view asks for, and then by the keys.
pub(super) fn sort<'a>(
    columns: &Columns,
    entries: impl Iterator<Item = Entry<'a>>,
    lookups: &mut Lookups,
    order: &mut Vec<u32>,
) {
    let integers: Vec<Option<Integer>> = columns.key.iter().map(Column::integer).collect();
    let numbers = Numbers::of(columns);
    let mut names = Vec::new();
    let mut rests = Vec::new();
    let mut own = Vec::new();
    let mut sortable: Vec<Sortable> = Vec::with_capacity(entries.size_hint().0);
    // Numbers of entries fit 32 bits.
    for (index, entry) in (0..).zip(entries) {
        if let Some(prefix) = numbers.as_ref().and_then(|numbers| numbers.prefix(entry)) {
            sortable.push(Sortable::new(prefix, index));
            continue;
        }
        own.clear();
        if let Some((column, descending)) = columns.sort {
            let column = &columns.shown[column];
            if column.is_quantity() {
                part(column, entry, &mut own);
            } else {
                // Names have no order as bytes that a decoder can't change.
                names.push(cell(column, entry.key, entry.value, lookups));
            }
            if descending {
                own.iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        for (column, integer) in columns.key.iter().zip(&integers) {
            match integer.and_then(|integer| Some((integer, integer.of(entry)?))) {
                Some((integer, bits)) => {
                    let bytes = ascending(integer, bits).to_be_bytes();
                    own.extend_from_slice(&bytes[8 - integer.size..]);
                }
                None => part(column, entry, &mut own),
            }
        }
        let mut prefix = [0; PREFIX];
        let (first, rest) = own.split_at(own.len().min(PREFIX));
        prefix[..first.len()].copy_from_slice(first);
        rests.extend_from_slice(rest);
        sortable.push(Sortable::new(u128::from_be_bytes(prefix), index));
    }
    let length = rests.len().checked_div(sortable.len()).unwrap_or(0);
    let rest = |row: &Sortable| &rests[row.index as usize * length..][..length];
    let by_keys = |left: &Sortable, right: &Sortable| {
        left.prefix().cmp(&right.prefix()).then_with(|| rest(left).cmp(rest(right)))
    };
    match columns.sort {
        Some((_, descending)) if !names.is_empty() => sortable.sort_by(|left, right| {
            let name = |row: &Sortable| names[row.index as usize].as_ref().map(Cell::shown);
            let order = optional(name(left), name(right));
            let order = if descending { order.reverse() } else { order };
            order.then_with(|| by_keys(left, right))
        }),
        // What has no order but its place keeps it.
        _ if length > 0 || columns.key.is_empty() => sortable.sort_by(by_keys),
        _ => sortable.sort_by_key(Sortable::prefix),
    }
    order.clear();
    order.extend(sortable.iter().map(|row| row.index));
}

/// What isn't there comes before everything.
fn optional(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => left.order(right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}

/// Adds a column's bytes, always as many for one column.
fn part(column: &Column, entry: Entry<'_>, out: &mut Vec<u8>) {
    // As many bytes as there are, which is the same for all entries of a table.
    let Some(bytes) = column.bytes(entry.key, entry.value) else { return };
    let end = out.len() + bytes.len();
    comparable(column.layout(), &bytes, out);
    out.resize(end, 0);
}

/// Bytes that compare as the values of the type do: the highest byte first, negative numbers below
/// the others.
fn comparable(layout: &Layout, bytes: &[u8], out: &mut Vec<u8>) {
    match layout {
        Layout::Scalar(scalar) => number(scalar, bytes, out),
        Layout::Pointer => out.extend(bytes.iter().rev()),
        Layout::Opaque { .. } => out.extend_from_slice(bytes),
        Layout::Array { element, .. } if is_character(element) => {
            // Nothing behind the end of the text counts.
            let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
            out.extend_from_slice(&bytes[..end]);
        }
        Layout::Array { element, .. } => {
            let size = (element.size() as usize).max(1);
            for bytes in bytes.chunks_exact(size) {
                let end = out.len() + size;
                comparable(element, bytes, out);
                out.resize(end, 0);
            }
        }
        Layout::Struct { fields, .. } => {
            for field in fields {
                member(field, bytes, out);
            }
        }
        Layout::Union { fields, .. } => {
            if let Some(field) = fields.first() {
                member(field, bytes, out);
            }
        }
    }
}

fn member(field: &Field, bytes: &[u8], out: &mut Vec<u8>) {
    let Some(bytes) = Place::of(field, 0).bytes(bytes) else { return };
    let end = out.len() + bytes.len();
    comparable(&field.layout, &bytes, out);
    out.resize(end, 0);
}

fn is_character(element: &Layout) -> bool {
    matches!(element, Layout::Scalar(Scalar { kind: ScalarKind::Char, size: 1, .. }))
}

fn number(scalar: &Scalar, bytes: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    if bytes.len() > PREFIX {
        out.extend_from_slice(bytes);
        return;
    }
    out.extend(bytes.iter().rev());
    let Some(first) = out.get_mut(begin) else { return };
    let is_negative = *first & 0x80 != 0;
    match scalar.kind {
        // IEEE: without the sign they compare as integers, and backwards below 0.
        ScalarKind::Float if is_negative => {
            out[begin..].iter_mut().for_each(|byte| *byte = !*byte);
        }
        ScalarKind::Float => *first |= 0x80,
        // Every bit pattern but zero is true.
        ScalarKind::Bool => {
            let truth = u8::from(little_endian(bytes) != 0);
            out.truncate(begin);
            out.push(truth);
        }
        _ if scalar.signed => *first ^= 0x80,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::btf::{Layout, ScalarKind};
    use crate::read::order::comparable;
    use crate::read::sample::{array, chars, field, scalar, signed, structure, unsigned};
    use crate::read::{Value, decode};

    fn bytes(layout: &Layout, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        comparable(layout, value, &mut out);
        out.resize(layout.size() as usize, 0);
        out
    }

    /// The order of bytes is the order of values, for every pair of some values.
    fn agrees(layout: &Layout, values: &[Vec<u8>]) {
        let decoded = |value: &[u8]| decode(layout, value).expect("all bytes are there");
        for left in values {
            for right in values {
                assert_eq!(
                    bytes(layout, left).cmp(&bytes(layout, right)),
                    Value::order(&decoded(left), &decoded(right)),
                    "{layout:?} {left:?} {right:?}"
                );
            }
        }
    }

    #[test]
    fn bytes_compare_as_values_do() {
        let words = [0_u32, 1, 2, 255, 256, 0x7fff_ffff, 0x8000_0000, 0xffff_ff00, u32::MAX];
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_le_bytes().to_vec()).collect();
        for layout in [unsigned(4), signed(4), scalar(ScalarKind::Bool, 4), chars(4)] {
            if layout != chars(4) {
                agrees(&layout, &words);
            }
        }
        let pairs: Vec<Vec<u8>> = words
            .iter()
            .flat_map(|left| words.iter().map(|right| [&left[..], right].concat()))
            .collect();
        agrees(&structure(8, vec![field("a", 0, signed(4)), field("b", 4, unsigned(4))]), &pairs);
        agrees(&array(signed(2), 4), &pairs);
        agrees(&Layout::Pointer, &pairs);
        agrees(&Layout::Opaque { size: 8 }, &pairs);
        let numbers = [0.0_f64, -0.0, 1.5, -1.5, f64::INFINITY, f64::NEG_INFINITY, 1e-300, -7e200];
        let numbers: Vec<Vec<u8>> = numbers.iter().map(|n| n.to_le_bytes().to_vec()).collect();
        agrees(&scalar(ScalarKind::Float, 8), &numbers);
        let names = ["", "a", "ab", "b", "\u{e9}"].map(|name| {
            let mut bytes = name.as_bytes().to_vec();
            bytes.resize(4, 0);
            bytes
        });
        agrees(&chars(4), &names);
    }
}
