//! The page of a map.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use crate::text::template::Filter;
use crate::watch::key::Key;
use crate::watch::sample::Sheet;
use crate::watch::state::prompt::Typed;
use crate::watch::state::{History, Order, Reaction, Wish, scroll};

/// A row's counter: the row's key and the column's place.
type Counter = (Box<[u8]>, usize);

/// What a page shows of its map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// The rows, and below them what is drawn.
    #[default]
    Both,
    /// The rows alone.
    Rows,
    /// What is drawn alone.
    Drawings,
}

/// A map.
pub struct Table {
    /// Its symbol.
    pub map: String,
    /// What was read last.
    pub sheet: Option<Sheet>,
    /// What of it is shown.
    pub shown: Shown,
    /// Another order than the view's.
    pub order: Option<Order>,
    /// Only these rows.
    pub filter: Typed,
    /// How many rows are above the screen.
    pub skipped: usize,
    /// How many columns are to the left of the screen.
    pub shifted: usize,
    /// How fast counters grew, by row.
    histories: HashMap<Counter, History>,
    /// How fast all counters of a column grew together.
    totals: Vec<History>,
}

impl Table {
    /// A map that was not read yet.
    pub fn new(map: &str) -> Table {
        Table {
            map: map.to_owned(),
            sheet: None,
            shown: Shown::default(),
            order: None,
            filter: None,
            skipped: 0,
            shifted: 0,
            histories: HashMap::new(),
            totals: Vec::new(),
        }
    }

    /// How fast a row's counter grew.
    pub fn history(&self, key: &[u8], column: usize) -> Option<&History> {
        self.histories.get(&(key.into(), column))
    }

    /// How fast all counters of a column grew together.
    pub fn total(&self, column: usize) -> Option<&History> {
        self.totals.get(column)
    }

    /// The names that a filter can use.
    pub fn names(&self) -> &[String] {
        self.sheet.as_ref().map_or(&[], |sheet| &sheet.names)
    }

    pub(super) fn filter_text(&self) -> &str {
        self.filter.as_ref().map_or("", |(text, _)| text)
    }

    pub(super) fn wish(&self) -> Wish {
        let filter = self.filter.as_ref().map(|(_, filter): &(_, Rc<Filter>)| filter.clone());
        Wish { map: self.map.clone(), order: self.order.clone(), filter }
    }

    pub(super) fn take(&mut self, mut sheet: Sheet) {
        let is_same = self.sheet.as_ref().is_some_and(|before| before.heads == sheet.heads);
        if !is_same {
            self.histories.clear();
            self.totals = vec![History::default(); sheet.heads.len()];
            self.order = None;
        }
        // A row that isn't shown any more may come back as another.
        let mut histories = HashMap::new();
        for row in &sheet.rows {
            for (column, rate) in row.rates.iter().enumerate() {
                let Some(rate) = rate else { continue };
                let counter = (row.key.clone(), column);
                let mut history = self.histories.remove(&counter).unwrap_or_default();
                history.push(*rate);
                histories.insert(counter, history);
            }
        }
        self.histories = histories;
        for (history, total) in self.totals.iter_mut().zip(&sheet.totals) {
            if let Some(rate) = total.and_then(|total| total.rate) {
                history.push(rate);
            }
        }
        if let Some(order) = &self.order {
            order.arrange(&mut sheet);
        }
        self.sheet = Some(sheet);
    }

    pub(super) fn press(&mut self, key: Key, page: usize) -> Reaction {
        let Some(sheet) = &mut self.sheet else { return Reaction::Draw };
        match key {
            Key::Char(direction @ ('s' | 'S')) => {
                self.order = Order::next(self.order.as_ref(), &sheet.heads, direction == 's');
            }
            Key::Char('r') => {
                let first = || Order::next(None, &sheet.heads, true);
                self.order = self.order.take().or_else(first);
                if let Some(order) = &mut self.order {
                    order.descending = !order.descending;
                }
            }
            Key::Char('p') => {
                self.shown = match self.shown {
                    _ if sheet.drawings.is_empty() => Shown::Both,
                    Shown::Both => Shown::Rows,
                    Shown::Rows => Shown::Drawings,
                    Shown::Drawings => Shown::Both,
                };
                return Reaction::Draw;
            }
            Key::Char('<') => {
                self.shifted = self.shifted.saturating_sub(1);
                return Reaction::Draw;
            }
            Key::Char('>') => {
                // As far as the last one.
                self.shifted = (self.shifted + 1).min(sheet.heads.len().saturating_sub(1));
                return Reaction::Draw;
            }
            key => {
                // Rows, or those of a drawing; the view doesn't go beyond the last.
                let total = sheet.rows.len().max(page + 128);
                self.skipped = scroll(self.skipped, key, page, total);
                return Reaction::Draw;
            }
        }
        // It is put in order anew among all rows when it is read; until then among these.
        if let Some(order) = &self.order {
            order.arrange(sheet);
        }
        self.skipped = 0;
        Reaction::Sample
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("map", &self.map).field("order", &self.order).finish()
    }
}
