//! Whole numbers as people write them.

/// Reads a decimal, `0x`, `0o` or `0b` number, signed or not, `_` between digits allowed.
pub fn parse(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let number = i128::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn numbers_of_every_base() {
        let cases =
            [("59", 59), ("-1", -1), ("0x1F", 31), ("0o17", 15), ("0b11", 3), ("65_536", 65536)];
        for (text, number) in cases {
            assert_eq!(parse(text), Some(number), "{text}");
        }
        for text in ["", "-", "0x", "1.5", "ten", "_1", "--1", "0x-1", "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
