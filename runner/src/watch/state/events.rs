//! The page of records as they come.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::watch::key::Key;
use crate::watch::sample::Taken;
use crate::watch::state::prompt::Typed;
use crate::watch::state::{History, Reaction, scroll};

/// Lines that are kept.
pub const KEPT: usize = 1000;

/// The records of a ring buffer or perf buffer.
#[derive(Default)]
pub struct Events {
    /// The map's symbol.
    pub map: String,
    /// The last records, the newest last.
    pub lines: VecDeque<String>,
    /// Whether records are taken out of the buffer: from when somebody looks.
    pub is_open: bool,
    /// How many were taken.
    pub count: u64,
    /// How many found no room, as far as the kernel tells.
    pub lost: u64,
    /// How many came a second.
    pub rate: Option<f64>,
    /// The same of the last readings.
    pub history: History,
    /// How many lines are below the screen; 0 follows the newest.
    pub behind: usize,
    /// Only these records.
    pub filter: Typed,
    /// The names that a filter can use.
    pub names: Vec<String>,
    /// Why there is nothing to see.
    pub remark: Option<String>,
    /// How many had been taken at the reading before.
    counted: Option<u64>,
}

impl Events {
    pub(super) fn new(map: &str) -> Events {
        Events { map: map.to_owned(), ..Events::default() }
    }

    pub(super) fn filter_text(&self) -> &str {
        self.filter.as_ref().map_or("", |(text, _)| text)
    }

    pub(super) fn take(&mut self, taken: Taken) {
        self.count += taken.count;
        self.lost = taken.lost;
        let is_following = self.behind == 0;
        for line in taken.lines {
            if self.lines.len() == KEPT {
                self.lines.pop_front();
            }
            self.lines.push_back(line);
            // Who looks back goes on seeing the same lines.
            if !is_following {
                self.behind = (self.behind + 1).min(self.lines.len().saturating_sub(1));
            }
        }
    }

    /// A reading was made, so much later than the one before.
    pub(super) fn tick(&mut self, between: Duration) {
        if !self.is_open {
            return;
        }
        if let Some(counted) = self.counted {
            let rate = (self.count - counted) as f64 / between.as_secs_f64();
            self.rate = Some(rate);
            self.history.push(rate);
        }
        self.counted = Some(self.count);
    }

    pub(super) fn press(&mut self, key: Key, page: usize) -> Reaction {
        match key {
            Key::Char('c') => {
                self.lines.clear();
                self.behind = 0;
            }
            key => {
                let above = self.lines.len().saturating_sub(page + self.behind);
                let above = scroll(above, key, page, self.lines.len());
                self.behind = self.lines.len().saturating_sub(page + above);
            }
        }
        Reaction::Draw
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("map", &self.map).field("count", &self.count).finish()
    }
}
