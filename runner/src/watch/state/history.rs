//! What a number was in the last readings.

use std::collections::VecDeque;

/// Readings that are remembered.
pub const LONGEST: usize = 120;

/// Numbers, the newest last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History(VecDeque<f64>);

impl History {
    /// Adds the newest.
    pub fn push(&mut self, number: f64) {
        if self.0.len() == LONGEST {
            self.0.pop_front();
        }
        self.0.push_back(number);
    }

    /// The last so many of them.
    pub fn last(&self, count: usize) -> impl Iterator<Item = f64> {
        self.0.iter().skip(self.0.len().saturating_sub(count)).copied()
    }
}
