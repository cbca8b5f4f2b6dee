//! How fast counters grow from one reading to the next.

use std::collections::HashMap;
use std::time::Duration;

use crate::desired::Metric;
use crate::read::columns::{Column, Entry};
use crate::read::decode::decode;
use crate::read::table::Table;

/// Values by key.
type Values = HashMap<Box<[u8]>, Box<[u8]>>;

/// What the counters of the reading before were, by map.
#[derive(Debug, Default)]
pub struct Rates {
    before: HashMap<String, Values>,
    now: HashMap<String, Values>,
    between: Duration,
}

impl Rates {
    /// Remembers what a table holds, for the next reading.
    pub fn note(&mut self, table: &Table) {
        let entries = table.entries().map(|entry| (entry.key.into(), entry.value.into()));
        self.now.insert(table.map.clone(), entries.collect());
    }

    /// What was noted is from now on the reading before; the next one is this much later.
    pub fn turn(&mut self, between: Duration) {
        self.before = std::mem::take(&mut self.now);
        self.between = between;
    }

    /// Whether there was a reading of this map before.
    pub fn knows(&self, map: &str) -> bool {
        self.before.contains_key(map)
    }

    /// How much a counter has grown a second. An entry that is new began at 0, and so did one that
    /// is smaller than it was.
    pub fn of(&self, map: &str, column: &Column, entry: Entry<'_>) -> Option<f64> {
        let before = self.before.get(map)?;
        let number = |entry: Entry<'_>| column.number(entry);
        let now = number(entry)?;
        let then = before
            .get(entry.key)
            .and_then(|value| number(Entry { key: entry.key, value }))
            .filter(|then| *then <= now)
            .unwrap_or(0);
        let seconds = self.between.as_secs_f64();
        (seconds > 0.0).then(|| (now - then) as f64 / seconds)
    }
}

impl Column {
    /// The whole number that an entry holds in it.
    pub fn number(&self, entry: Entry<'_>) -> Option<i128> {
        decode(self.layout(), &self.bytes(entry.key, entry.value)?)?.as_integer()
    }

    /// Whether it is worth saying how fast it grows.
    pub fn is_counter(&self) -> bool {
        self.kind == Some(Metric::Counter)
    }
}
