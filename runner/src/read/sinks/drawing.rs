//! What a drawing is made of: lines of pieces, each with a colour behind it or none. Whoever shows one
//! says how much room there is.

use std::io;

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its text; nothing in it acts on a terminal.
    pub text: String,
    /// The colour behind it, of the 256 that terminals share.
    pub colour: Option<u8>,
}

/// One line.
pub type Line = Vec<Piece>;

/// How much of a drawing is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Characters in a line.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// How many rows and columns of the field are left out before the first that is shown.
    pub skipped: (usize, usize),
}

impl Room {
    /// Any size.
    pub const ENOUGH: Room = Room { width: usize::MAX, height: usize::MAX, skipped: (0, 0) };
}

impl Piece {
    /// Text without a colour.
    pub fn plain(text: impl Into<String>) -> Piece {
        Piece { text: text.into(), colour: None }
    }

    /// A place of so many characters in a colour.
    pub fn coloured(width: usize, colour: u8) -> Piece {
        Piece { text: " ".repeat(width), colour: Some(colour) }
    }
}

/// Writes lines to a terminal, or to a file if there are no colours.
pub(super) fn write(out: &mut impl io::Write, lines: &[Line]) -> io::Result<()> {
    for line in lines {
        for piece in line {
            match piece.colour {
                Some(colour) => write!(out, "\u{1b}[48;5;{colour}m{}\u{1b}[0m", piece.text)?,
                None => write!(out, "{}", piece.text)?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}
