//! What the numbers of a histogram's buckets stand for, in text.

use crate::desired::{Decoder, Scale};
use crate::read::decoders::{bytes_text, duration_text};

/// The bounds of the buckets from `first` to before `end`: the least value, and the least one beyond.
pub(super) fn bounds(first: u64, end: u64, scale: Scale, unit: Option<&Decoder>) -> String {
    format!("[{}, {})", least(first, scale, unit), least(end, scale, unit))
}

/// The least value of a bucket.
fn least(number: u64, scale: Scale, unit: Option<&Decoder>) -> String {
    let bound = match scale {
        // Bucket 0 also holds 0.
        Scale::Log2 if number == 0 => 0,
        Scale::Log2 => 1_u128.checked_shl(number.min(200) as u32).unwrap_or(u128::MAX),
        Scale::Linear(width) => u128::from(number) * u128::from(width),
    };
    let signed = i128::try_from(bound).unwrap_or(i128::MAX);
    match unit {
        Some(Decoder::Duration) => duration_text(signed),
        Some(Decoder::Bytes) => bytes_text(signed),
        _ => bound.to_string(),
    }
}
