//! Source files and positions in them.

use crate::text::terminal::escape;
use std::ops::Range;

/// A stretch of a source file in bytes, end excluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands in its file.
    pub span: Span,
}

/// Names one file of a [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(usize);

/// A file's path, as messages show it, and its text.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as the user named it.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// All files of one run.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Span {
    /// The span as a range of bytes.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl<T> At<T> {
    /// A value at a position.
    pub fn new(value: T, span: Span) -> At<T> {
        At { value, span }
    }

    /// Another value at the same position.
    pub fn with<U>(&self, value: U) -> At<U> {
        At::new(value, self.span)
    }
}

impl Sources {
    /// Adds a file.
    pub fn add(&mut self, path: String, text: String) -> SourceId {
        self.0.push(Source { path: escape(&path).into_owned(), text });
        SourceId(self.0.len() - 1)
    }

    /// The file of an id that [`Sources::add`] gave.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.0[id.0]
    }
}

impl Source {
    /// Line and column (in characters) of a byte position, both counted from 1.
    pub fn line_column(&self, position: usize) -> (usize, usize) {
        let position = self.text.floor_char_boundary(position);
        let before = &self.text[..position];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// Line and column as [`Source::line_column`], the column in UTF-16 code units, which editors and
    /// SARIF count.
    pub fn line_column_utf16(&self, position: usize) -> (usize, usize) {
        let position = self.text.floor_char_boundary(position);
        let line_start = self.text[..position].rfind('\n').map_or(0, |newline| newline + 1);
        let column = self.text[line_start..position].encode_utf16().count() + 1;
        (self.line_column(position).0, column)
    }

    /// The bytes of the whole lines that a stretch touches, without the last one's line break.
    pub fn lines_around(&self, stretch: Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(stretch.start);
        let end = self.text.floor_char_boundary(stretch.end).max(start);
        let before = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let after = self.text[end..].find('\n').map_or(self.text.len(), |length| end + length);
        before..after
    }

    /// Byte position of a line and column (in characters), both counted from 1.
    pub fn position(&self, line: usize, column: usize) -> usize {
        let mut start = 0;
        for _ in 1..line {
            match self.text[start..].find('\n') {
                Some(newline) => start += newline + 1,
                None => return self.text.len(),
            }
        }
        self.text[start..]
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(self.text.len(), |(offset, _)| start + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, Span};

    #[test]
    fn positions_count_characters_not_bytes() {
        let source = Source { path: "x".into(), text: "a: é\nb: ü x\n".into() };
        let x = source.text.find('x').expect("there is an x");
        assert_eq!(source.line_column(x), (2, 6));
        assert_eq!(source.position(2, 6), x);
        assert_eq!(Span { start: x, end: x + 1 }.range(), x..x + 1);
    }

    #[test]
    fn a_character_beyond_the_first_plane_is_two_columns_in_utf16() {
        let source = Source { path: "x".into(), text: "a: 😀 x\n".into() };
        let x = source.text.find('x').expect("there is an x");
        assert_eq!(source.line_column(x), (1, 6));
        assert_eq!(source.line_column_utf16(x), (1, 7));
    }

    #[test]
    fn lines_around_a_stretch_are_whole() {
        let source = Source { path: "x".into(), text: "one\ntwo\nthree\n".into() };
        assert_eq!(&source.text[source.lines_around(5..9)], "two\nthree");
        assert_eq!(&source.text[source.lines_around(0..0)], "one");
        assert_eq!(&source.text[source.lines_around(99..99)], "");
    }

    #[test]
    fn a_position_beyond_the_end_is_the_end() {
        let source = Source { path: "x".into(), text: "a\n".into() };
        assert_eq!(source.position(9, 1), 2);
        assert_eq!(source.line_column(99), (2, 1));
    }
}
