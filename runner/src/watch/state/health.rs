//! The page of what the kernel runs.

use crate::watch::key::Key;
use crate::watch::state::{Reaction, scroll};

/// The probe's status.
#[derive(Debug, Default)]
pub struct Health {
    /// Its lines.
    pub lines: Vec<String>,
    /// How many are above the screen.
    pub skipped: usize,
    /// Whether the kernel is to count and time the programs' runs.
    pub measures: bool,
}

impl Health {
    /// Its tab; no map is called so.
    pub const NAME: &str = "slots and health";

    pub(super) fn press(&mut self, key: Key, page: usize) -> Reaction {
        if key == Key::Char('m') {
            self.measures = !self.measures;
            return Reaction::Sample;
        }
        self.skipped = scroll(self.skipped, key, page, self.lines.len());
        Reaction::Draw
    }
}
