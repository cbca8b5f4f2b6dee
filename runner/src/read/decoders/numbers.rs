//! Numbers in another form.

use std::time::Duration;

use crate::btf::Layout;
use crate::read::decode::decode;
use crate::read::decoders::{Field, Lookups, is_integer, plain};
use crate::read::value::{Value, hex_digits};

const SECOND: u64 = 1_000_000_000;

/// Integers, pointers, arrays of integers, unknown bytes; not structures, whose members have columns.
pub(super) fn has_digits(layout: &Layout) -> bool {
    match layout {
        Layout::Array { element, .. } => is_integer(element),
        Layout::Pointer | Layout::Opaque { .. } => true,
        Layout::Scalar(_) => is_integer(layout),
        Layout::Struct { .. } | Layout::Union { .. } => false,
    }
}

/// An integer as `0x1f`, a negative one in two's complement of its width; bytes in their order
/// without a prefix.
pub(super) fn hex(field: Field<'_>, _: &mut Lookups) -> Option<Value> {
    let Field { layout, bytes, .. } = field;
    if let Layout::Array { .. } | Layout::Opaque { .. } = layout {
        return Some(Value::Text(hex_digits(bytes)));
    }
    let mut number = [0; 16];
    number.get_mut(..bytes.len())?.copy_from_slice(bytes);
    decode(layout, bytes)?;
    Some(Value::Text(format!("{:#x}", u128::from_le_bytes(number))))
}

/// The number as it is.
pub(super) fn unchanged(field: Field<'_>, _: &mut Lookups) -> Option<Value> {
    decode(field.layout, field.bytes)
}

/// Anything but 0 is true.
pub(super) fn truth(number: i128, _: &mut Lookups) -> Value {
    Value::Bool(number != 0)
}

/// The name that the probe file gives a number.
pub(super) fn named(names: &[(i128, String)], number: i128) -> Value {
    let found = names.iter().find(|(value, _)| *value == number);
    found.map_or(plain(number), |(_, name)| Value::Text(name.clone()))
}

/// Nanoseconds as a duration of at most four to six digits: `17ns`, `1.235ms`, `2m 5s`.
pub(super) fn duration(nanoseconds: i128, _: &mut Lookups) -> Value {
    match u64::try_from(nanoseconds.unsigned_abs()) {
        Ok(_) => Value::Text(duration_text(nanoseconds)),
        Err(_) => plain(nanoseconds),
    }
}

/// See [`duration`]; the number itself beyond 64 bits.
pub(super) fn duration_text(nanoseconds: i128) -> String {
    let Ok(magnitude) = u64::try_from(nanoseconds.unsigned_abs()) else {
        return nanoseconds.to_string();
    };
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let text = match magnitude {
        0..1_000 => format!("{magnitude}ns"),
        1_000..1_000_000 => rounded(magnitude, 1),
        1_000_000..SECOND => rounded(magnitude, 1_000),
        _ if magnitude < 60 * SECOND => rounded(magnitude, 1_000_000),
        _ => {
            let seconds = Duration::from_secs(magnitude.saturating_add(SECOND / 2) / SECOND);
            humantime::format_duration(seconds).to_string()
        }
    };
    format!("{sign}{text}")
}

/// `Duration` writes the unit and all digits that aren't zero: round before.
fn rounded(nanoseconds: u64, to: u64) -> String {
    let steps = (nanoseconds + to / 2) / to;
    format!("{:?}", Duration::from_nanos(steps * to))
}

/// Bytes with a binary unit and one decimal: `512 B`, `1.5 KiB`.
pub(super) fn size(bytes: i128, _: &mut Lookups) -> Value {
    Value::Text(size_text(bytes))
}

/// See [`size`].
pub(super) fn size_text(bytes: i128) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let sign = if bytes < 0 { "-" } else { "" };
    let magnitude = bytes.unsigned_abs();
    if magnitude < 1024 {
        return format!("{bytes} B");
    }
    let mut amount = magnitude as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be written as 1024.0.
    while amount >= 1023.95 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{sign}{amount:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use crate::btf::Layout;
    use crate::desired::Decoder;
    use crate::read::Value;
    use crate::read::sample::{array, decoded, signed, unsigned};

    fn of_u64(decoder: &Decoder, number: u64) -> String {
        match decoded(decoder, &unsigned(8), &number.to_le_bytes()) {
            Value::Text(text) => text,
            other => panic!("not text: {other:?}"),
        }
    }

    #[test]
    fn durations_keep_few_digits() {
        let cases = [
            (0, "0ns"),
            (17, "17ns"),
            (1_500, "1.5µs"),
            (999_999, "999.999µs"),
            (1_234_567, "1.235ms"),
            (10_000_000, "10ms"),
            (999_999_999, "1s"),
            (2_500_400_000, "2.5s"),
            (60_000_000_000, "1m"),
            (125_400_000_000, "2m 5s"),
            (3_600_000_000_000, "1h"),
        ];
        for (nanoseconds, text) in cases {
            assert_eq!(of_u64(&Decoder::Duration, nanoseconds), text);
        }
        assert_eq!(of_u64(&Decoder::Duration, 59_999_900_000), "60s");
        assert!(of_u64(&Decoder::Duration, u64::MAX).starts_with("584years"));
        assert_eq!(
            decoded(&Decoder::Duration, &signed(8), &(-1_500_i64).to_le_bytes()),
            Value::Text("-1.5µs".into())
        );
    }

    #[test]
    fn sizes_have_binary_units() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(of_u64(&Decoder::Bytes, bytes), text);
        }
        assert_eq!(
            decoded(&Decoder::Bytes, &signed(8), &(-2048_i64).to_le_bytes()),
            Value::Text("-2.0 KiB".into())
        );
    }

    #[test]
    fn hexadecimal_of_numbers_and_of_bytes() {
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(of_u64(&Decoder::Hex, 0xdead_beef), "0xdeadbeef");
        assert_eq!(
            decoded(&Decoder::Hex, &signed(4), &[0xfe, 0xff, 0xff, 0xff]),
            text("0xfffffffe")
        );
        assert_eq!(decoded(&Decoder::Hex, &array(unsigned(1), 3), &[1, 0xab, 0]), text("01ab00"));
        assert_eq!(
            decoded(&Decoder::Hex, &Layout::Pointer, &[0, 0x10, 0, 0, 0, 0, 0, 0]),
            text("0x1000")
        );
    }

    #[test]
    fn fixed_names_and_truth() {
        let names = Decoder::Static(vec![(4, "IPv4".into()), (-1, "none".into())]);
        assert_eq!(decoded(&names, &unsigned(1), &[4]), Value::Text("IPv4".into()));
        assert_eq!(decoded(&names, &unsigned(1), &[7]), Value::Unsigned(7));
        assert_eq!(decoded(&names, &signed(4), &[0xff; 4]), Value::Text("none".into()));
        assert_eq!(decoded(&Decoder::Bool, &unsigned(4), &[0, 1, 0, 0]), Value::Bool(true));
        assert_eq!(decoded(&Decoder::Bool, &unsigned(4), &[0; 4]), Value::Bool(false));
    }
}
