//! Entries that are put in order while they come.
//!
//! The kernel takes its time for each batch of a large map. Sorting a piece whenever there is one, and making one of
//! two sorted ones that are as long as each other, is done meanwhile: in the end there is little left to do.

use crate::read::columns::{Columns, Entry};
use crate::read::order::numbers::{Numbers, Sortable};
use crate::read::permute::permute;

/// How many entries are sorted at once: at the end half of what may be left, but no less than the last ones, for which
/// nobody waits any more.
const RUN: usize = 4096;
const LAST: usize = 1024;

/// Pieces don't get longer than this while more than this may come: making one of two takes memory for half of it.
const LONG: usize = 4 * RUN;

/// The order of a table's entries so far, by keys that are integers.
#[derive(Clone, Debug)]
pub(in crate::read) struct Runs {
    numbers: Numbers,
    /// Of all entries, in the order of the bytes until they are sorted.
    rows: Vec<Sortable>,
    /// Where each of the sorted pieces begins.
    begins: Vec<usize>,
    /// Where the last one ends.
    sorted: usize,
    /// How many entries there may be.
    expected: usize,
}

impl Runs {
    /// `None` where entries are ordered by something else.
    pub fn new(columns: &Columns) -> Option<Runs> {
        let numbers = Numbers::of(columns)?;
        Some(Runs { numbers, rows: Vec::new(), begins: Vec::new(), sorted: 0, expected: 0 })
    }

    /// Takes the memory for so many entries.
    pub fn reserve(&mut self, entries: usize) {
        self.rows.reserve(entries);
        self.expected = entries;
    }

    /// How many entries it knows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many of the first entries lie where they do for good.
    pub fn sorted(&self) -> usize {
        self.sorted
    }

    /// Adds the last entry so far by its key; `false` where not all of that is there, or not all before it were added.
    #[must_use]
    pub fn add(&mut self, key: &[u8], index: u32) -> bool {
        if index as usize != self.rows.len() {
            return false;
        }
        let Some(prefix) = self.numbers.prefix(Entry { key, value: &[] }) else { return false };
        self.rows.push(Sortable::new(prefix, index));
        true
    }

    /// Sorts the last entries when there are enough of them. `bytes` has all of them, `stride` each.
    pub fn sort_some(&mut self, bytes: &mut [u8], stride: usize) {
        let count = self.rows.len();
        let run = match self.left() {
            None => RUN,
            Some(left) => (left / 2).clamp(LAST, RUN),
        };
        if count < self.sorted + run {
            return;
        }
        self.sort_rest(bytes, stride);
        // Of two that are as long as each other one is made, which may be as long as the one before.
        while let [.., left, right] = self.begins[..]
            && right - left == count - right
            && count - left <= LONG
        {
            self.begins.pop();
            merge(&mut self.rows[left..]);
        }
        // The last time that there is something to wait for.
        let has_no_long_one = self.begins.get(1).is_some_and(|&second| second < count / 2);
        if has_no_long_one && self.left().is_some_and(|left| left <= LONG) {
            self.begins.truncate(1);
            merge(&mut self.rows);
        }
    }

    /// How many entries may come after those that are sorted, where more are expected.
    fn left(&self) -> Option<usize> {
        self.expected.checked_sub(self.sorted).filter(|&left| left > 0)
    }

    /// Puts the numbers of all entries into `order`, and forgets everything: tables may be kept for long.
    pub fn finish(&mut self, bytes: &mut [u8], stride: usize, order: &mut Vec<u32>) {
        self.sort_rest(bytes, stride);
        merge(&mut self.rows);
        order.clear();
        order.extend(self.rows.iter().map(|row| row.index));
        self.clear();
    }

    /// Forgets all entries, and gives their memory back.
    pub fn clear(&mut self) {
        self.rows = Vec::new();
        self.begins.clear();
        self.sorted = 0;
    }

    /// Sorts the entries that aren't yet. Their bytes are moved too: rows that are in a few pieces are
    /// found sooner when they are written than rows that are anywhere in a map.
    fn sort_rest(&mut self, bytes: &mut [u8], stride: usize) {
        let begin = self.sorted;
        let run = &mut self.rows[begin..];
        run.sort_unstable_by_key(Sortable::prefix);
        let mut order: Vec<u32> = run.iter().map(|row| row.index - begin as u32).collect();
        permute(&mut bytes[begin * stride..], stride, &mut order);
        for (index, row) in (begin as u32..).zip(run) {
            row.index = index;
        }
        self.begins.push(begin);
        self.sorted = self.rows.len();
    }
}

/// Makes one sorted piece of several that follow each other: this sort finds them, and takes steps without branches where
/// what is compared is one number.
fn merge(rows: &mut [Sortable]) {
    rows.sort_by_key(Sortable::prefix);
}
