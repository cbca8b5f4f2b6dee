//! Adds up what each CPU holds of one entry.

use crate::btf::{Field, Layout, Scalar, ScalarKind};
use crate::read::bits::{read_bits, write_bits};
use crate::read::decode::Place;

/// Adds `from` to `into`, both bytes of a value of this layout, field by field.
///
/// Integers add in their own width and wrap there, as they would have on one CPU. What can't be
/// added keeps what `into` has: text, enumerated values, addresses, unions (which member counts is
/// not known) and arrays of single bytes, which hold addresses or text rather than counters.
pub(super) fn add(layout: &Layout, into: &mut [u8], from: &[u8]) {
    match layout {
        Layout::Scalar(Scalar { kind: ScalarKind::Integer, size, .. }) => {
            let size = (*size as usize).min(into.len());
            add_integer(&mut into[..size], from);
        }
        Layout::Struct { fields, .. } => {
            for field in fields {
                add_field(field, into, from);
            }
        }
        Layout::Array { element, .. } => {
            let size = element.size() as usize;
            if size > 1 {
                for (into, from) in into.chunks_exact_mut(size).zip(from.chunks_exact(size)) {
                    add(element, into, from);
                }
            }
        }
        Layout::Scalar(_) | Layout::Union { .. } | Layout::Pointer | Layout::Opaque { .. } => {}
    }
}

fn add_field(field: &Field, into: &mut [u8], from: &[u8]) {
    let place = Place::of(field, 0);
    if let Some(width) = place.bit_width {
        add_bit_field(field, width, into, from);
        return;
    }
    let offset = (place.bit_offset / 8) as usize;
    let end = offset.saturating_add(field.layout.size() as usize);
    if let (Some(into), Some(from)) = (into.get_mut(offset..end), from.get(offset..end)) {
        add(&field.layout, into, from);
    }
}

fn add_bit_field(field: &Field, width: u32, into: &mut [u8], from: &[u8]) {
    let Layout::Scalar(Scalar { kind: ScalarKind::Integer, .. }) = field.layout else {
        return;
    };
    let offset = u64::from(field.bit_offset);
    let (left, right) = (read_bits(into, offset, width), read_bits(from, offset, width));
    if let (Some(left), Some(right)) = (left, right) {
        write_bits(into, offset, width, left.wrapping_add(right));
    }
}

/// Little-endian addition with a carry: right for every size and sign.
fn add_integer(into: &mut [u8], from: &[u8]) {
    // What counters mostly are.
    if let (Ok(left), Ok(right)) = (<[u8; 8]>::try_from(&*into), <[u8; 8]>::try_from(from)) {
        let sum = u64::from_le_bytes(left).wrapping_add(u64::from_le_bytes(right));
        into.copy_from_slice(&sum.to_le_bytes());
        return;
    }
    let mut carry = 0;
    for (into, from) in into.iter_mut().zip(from) {
        let sum = u16::from(*into) + u16::from(*from) + carry;
        *into = sum as u8;
        carry = sum >> 8;
    }
}

#[cfg(test)]
mod tests {
    use crate::btf::{Layout, ScalarKind};
    use crate::read::merge::add;
    use crate::read::sample::{
        array, bit_field, chars, field, scalar, signed, structure, unsigned,
    };

    #[test]
    fn integers_wrap_at_their_width() {
        let layout = structure(
            8,
            vec![
                field("wide", 0, unsigned(4)),
                field("narrow", 4, unsigned(2)),
                field("signed", 6, signed(2)),
            ],
        );
        let mut sum = [0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
        add(&layout, &mut sum, &[1, 0, 0, 0, 2, 0, 0xfe, 0xff]);
        assert_eq!(sum, [0, 1, 0, 0, 1, 0, 0xfd, 0xff]);
    }

    #[test]
    fn bit_fields_add_without_touching_their_neighbours() {
        let layout = structure(
            4,
            vec![bit_field("low", 0, 3, unsigned(4)), bit_field("high", 3, 7, unsigned(4))],
        );
        // low 7 + 2 wraps to 1; high 65 + 2 is 67.
        let mut sum = [7 | (65 << 3) as u8, (65 >> 5) as u8, 0xaa, 0xbb];
        add(&layout, &mut sum, &[2 | 2 << 3, 0, 1, 1]);
        assert_eq!(sum, [1 | (67 << 3) as u8, (67 >> 5) as u8, 0xaa, 0xbb]);
    }

    #[test]
    fn what_is_no_counter_keeps_the_first_cpus() {
        let layout = structure(
            28,
            vec![
                field("comm", 0, chars(4)),
                field("address", 4, array(unsigned(1), 4)),
                field("colour", 8, scalar(ScalarKind::Enum(Vec::new()), 4)),
                field("at", 12, Layout::Pointer),
                field("buckets", 20, array(unsigned(4), 2)),
            ],
        );
        let mut sum = [1_u8; 28];
        add(&layout, &mut sum, &[2; 28]);
        assert_eq!(sum[..20], [1; 20]);
        assert_eq!(sum[20..], [3; 8]);
    }
}
