//! What may reach a terminal: whoever writes a file, names a program or starts a process chooses text
//! that is shown to people.

use std::borrow::Cow;
use std::io::{self, Write};

/// Characters of somebody else's text that one message shows at most.
const MOST: usize = 1024;

/// Makes characters visible that a terminal acts on or that reorder or hide the text around them.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match is_unsafe(character) {
            true => escaped.extend(character.escape_default()),
            false => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

/// Controls (also the 8-bit ones), line separators, and the characters that Unicode uses to direct
/// writing or to take no room.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Text in which places are marked by bytes: what a terminal acts on and takes several bytes becomes
/// something visible of as many. Whoever renders it makes the others, of one byte, visible.
pub fn of_same_length(text: &str) -> Cow<'_, str> {
    if !text.contains(|character: char| is_unsafe(character) && !character.is_ascii()) {
        return Cow::Borrowed(text);
    }
    let replaced = text.chars().map(|character| match character.len_utf8() {
        _ if !is_unsafe(character) => character,
        1 => character,
        2 => '\u{b7}',
        3 => char::REPLACEMENT_CHARACTER,
        _ => '\u{10101}',
    });
    Cow::Owned(replaced.collect())
}

/// Escapes text of several lines, as our own messages are.
pub fn lines(text: &str) -> String {
    text.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}

/// Writes text of several lines to `W` as [`lines`] does. Each write has to be whole characters, as
/// those of `write!` are.
pub struct Escaping<W>(pub W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(lines(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Text for a message: escaped, and cut in the middle where it is too long to be read anyway.
pub fn presentable(text: &str) -> String {
    if text.len() <= MOST {
        return escape(text).into_owned();
    }
    let start = text.floor_char_boundary(MOST / 2);
    let end = text.ceil_char_boundary(text.len() - MOST / 2);
    format!("{}…{}", escape(&text[..start]), escape(&text[end..]))
}

#[cfg(test)]
mod tests {
    use super::{escape, lines, of_same_length, presentable};

    #[test]
    fn what_a_terminal_acts_on_is_made_visible() {
        assert_eq!(escape("a\x1b[31mred\x07"), "a\\u{1b}[31mred\\u{7}");
        assert_eq!(escape("two\nlines\r\t"), "two\\nlines\\r\\t");
        assert_eq!(escape("\u{9b}2J"), "\\u{9b}2J");
        assert_eq!(escape("\u{202e}fdp.exe"), "\\u{202e}fdp.exe");
        assert_eq!(escape("zero\u{200b}width"), "zero\\u{200b}width");
    }

    #[test]
    fn other_text_stays() {
        for text in ["", "bash", "C:\\x", "naïve 日本 \u{fffd}", "\"quoted\""] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn places_stay_where_they_are() {
        let text = "a\u{9b}2J\u{202e}é\u{e0001}z";
        let shown = of_same_length(text);
        assert_eq!(shown, "a\u{b7}2J\u{fffd}é\u{10101}z");
        assert_eq!(shown.len(), text.len());
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(lines("a\nb"), "a\nb");
        assert_eq!(lines("a\n\x1bb\n"), "a\n\\u{1b}b\n");
    }

    #[test]
    fn long_text_is_cut_in_the_middle() {
        let long = format!("a{}\u{1b}z", "é".repeat(1000));
        let shown = presentable(&long);
        assert!(shown.len() < 1100, "{}", shown.len());
        assert!(shown.starts_with("aéé") && shown.ends_with("\\u{1b}z"), "{shown}");
    }
}
