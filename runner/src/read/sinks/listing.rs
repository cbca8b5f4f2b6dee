//! What iterators write: text whose shape is their programs' business.

use std::io;

use serde::Serialize;

use crate::text::terminal::escape;

/// The output of one iterator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The program that wrote it.
    pub program: String,
    /// What it wrote; bytes that are no text are replaced.
    pub text: String,
}

/// Writes the listings for people, each below the name of its program. Nothing in them can act on a
/// terminal but line feeds and tabs.
///
/// # Errors
/// The writer's.
pub fn write(out: &mut impl io::Write, listings: &[Listing], is_first: bool) -> io::Result<()> {
    for (position, listing) in listings.iter().enumerate() {
        if !is_first || position > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", escape(&listing.program))?;
        for line in lines(&listing.text) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// The lines of a listing, in which nothing acts but tabs.
pub(super) fn lines(text: &str) -> Vec<String> {
    let line = |line: &str| line.split('\t').map(escape).collect::<Vec<_>>().join("\t");
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{Listing, write};

    #[test]
    fn lines_stay_lines_and_nothing_else_acts() {
        let listing =
            |text: &str| Listing { program: "each_task".to_owned(), text: text.to_owned() };
        let mut out = Vec::new();
        write(&mut out, &[listing("1\tinit\n2\t\x1b[2J\n"), listing("")], true)
            .expect("memory takes everything");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "each_task\n1\tinit\n2\t\\u{1b}[2J\n\neach_task\n"
        );
    }
}
