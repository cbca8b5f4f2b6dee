//! Where rows go: tables and lines for people, JSON for programs.
//!
//! A sink writes to whatever it is given and returns that one's errors; a closed pipe is the
//! caller's to judge.

pub mod csv;
pub mod drawing;
mod heatmap;
mod histogram;
pub mod html;
pub mod json;
pub mod line;
pub mod listing;
mod plots;
pub mod prometheus;
pub mod table;
mod terminal;

pub use heatmap::Heatmap;
pub use histogram::Histogram;
pub use plots::{Drawing, of as drawings};
pub use terminal::plain;

use std::io;

use crate::read::columns::Columns;
use crate::read::decoders::Lookups;
use crate::read::table::Table;

/// Whether a drawing may have colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// It may not: the output is no terminal, or its user wants none.
    No,
    /// The 256 colours that terminals share.
    Ansi256,
}

/// What takes the rows of maps one after another, as they are read.
pub trait Sheets {
    /// Begins a map.
    ///
    /// # Errors
    /// The writer's.
    fn begin(&mut self, map: &str, columns: &Columns) -> io::Result<()>;

    /// May look at what is settled of the part that is being read, while there is time: the kernel is
    /// waited for.
    ///
    /// # Errors
    /// The writer's.
    fn ahead(&mut self, _: &Table, _: &mut Lookups) -> io::Result<()> {
        Ok(())
    }

    /// Takes rows of the map at hand; those of a large map come in several parts.
    ///
    /// # Errors
    /// The writer's.
    fn part(&mut self, table: &Table, lookups: &mut Lookups) -> io::Result<()>;

    /// Ends the map.
    ///
    /// # Errors
    /// The writer's.
    fn end(&mut self) -> io::Result<()>;

    /// Takes a map in which the probe counts what is missing from the others.
    ///
    /// # Errors
    /// The writer's.
    fn losses(&mut self, _: &Table) -> io::Result<()> {
        Ok(())
    }
}
