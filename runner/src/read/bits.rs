//! Bits within little-endian bytes.

use std::ops::Range;

/// Up to 16 bytes as a number.
pub(super) fn little_endian(bytes: &[u8]) -> u128 {
    // The sizes that integers have: a loop over bytes is what reading a large map would spend its time in.
    match *bytes {
        [a] => u128::from(a),
        [a, b] => u128::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u128::from(u32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => u128::from(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
        _ => bytes.iter().rev().fold(0, |number, &byte| number << 8 | u128::from(byte)),
    }
}

/// `width` bits from `bit_offset` on, the lowest first. `None` where they aren't all there or don't
/// fit 16 bytes.
pub(super) fn read_bits(bytes: &[u8], bit_offset: u64, width: u32) -> Option<u128> {
    let (range, shift) = covering(bytes, bit_offset, width)?;
    Some(little_endian(&bytes[range]) >> shift & mask(width))
}

/// The counterpart of [`read_bits`]; does nothing where that finds nothing.
pub(super) fn write_bits(bytes: &mut [u8], bit_offset: u64, width: u32, bits: u128) {
    let Some((range, shift)) = covering(bytes, bit_offset, width) else {
        return;
    };
    let bytes = &mut bytes[range];
    let kept = little_endian(bytes) & !(mask(width) << shift);
    let merged = kept | (bits & mask(width)) << shift;
    bytes.copy_from_slice(&merged.to_le_bytes()[..bytes.len()]);
}

/// The bytes that the bits are in, and how far above the lowest bit of these they begin.
fn covering(bytes: &[u8], bit_offset: u64, width: u32) -> Option<(Range<usize>, u32)> {
    let first = usize::try_from(bit_offset / 8).ok()?;
    let shift = (bit_offset % 8) as u32;
    let count = shift.checked_add(width)?.div_ceil(8) as usize;
    let end = first.checked_add(count)?;
    let fits = (1..=16).contains(&count) && width > 0 && end <= bytes.len();
    fits.then_some((first..end, shift))
}

fn mask(width: u32) -> u128 {
    u128::MAX >> (128 - width)
}

#[cfg(test)]
mod tests {
    use crate::read::bits::{read_bits, write_bits};

    #[test]
    fn what_is_written_is_read_and_the_rest_stays() {
        for (bit_offset, width) in [(0, 1), (3, 7), (7, 64), (12, 116), (0, 128), (96, 32)] {
            for background in [0, 0xff] {
                let mut bytes = [background; 16];
                let bits = 0x5a5a_5a5a_5a5a_5a5a_5a5a_5a5a_5a5a_5a5b & (u128::MAX >> (128 - width));
                write_bits(&mut bytes, bit_offset, width, bits);
                assert_eq!(read_bits(&bytes, bit_offset, width), Some(bits));
                write_bits(&mut bytes, bit_offset, width, u128::MAX * u128::from(background & 1));
                assert_eq!(bytes, [background; 16]);
            }
        }
    }

    #[test]
    fn bits_that_are_not_there_are_none() {
        let mut bytes = [0xff; 20];
        for (bit_offset, width) in
            [(0, 0), (1, 128), (0, 129), (153, 8), (u64::MAX, 1), (0, u32::MAX)]
        {
            assert_eq!(read_bits(&bytes, bit_offset, width), None);
            write_bits(&mut bytes, bit_offset, width, 0);
        }
        assert_eq!(bytes, [0xff; 20]);
    }
}
