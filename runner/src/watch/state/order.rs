//! In which order rows are shown, where it isn't the view's.

use std::cmp::Ordering;

use crate::read::Value;
use crate::watch::sample::{Head, Row, Sheet};

/// An order of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub by: By,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// What rows are ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// What a column shows.
    Cell(String),
    /// How fast a column's counters grow.
    Rate(String),
}

impl Order {
    /// All orders of these columns in turn: each column, and behind a counter how fast it grows.
    fn all(heads: &[Head]) -> Vec<Order> {
        let orders = heads.iter().flat_map(|head| {
            let cell = Order { by: By::Cell(head.name.clone()), descending: head.is_quantity };
            let rate = Order { by: By::Rate(head.name.clone()), descending: true };
            [Some(cell), head.is_counter.then_some(rate)]
        });
        orders.flatten().collect()
    }

    /// The order after this one, or before it; `None` is the view's own.
    pub fn next(now: Option<&Order>, heads: &[Head], forward: bool) -> Option<Order> {
        let mut ring: Vec<Option<Order>> = vec![None];
        ring.extend(Order::all(heads).into_iter().map(Some));
        let is_now = |order: &Option<Order>| order.as_ref().map(|o| &o.by) == now.map(|o| &o.by);
        let position = ring.iter().position(is_now).unwrap_or(0);
        let step = if forward { 1 } else { ring.len() - 1 };
        ring.swap_remove((position + step) % ring.len())
    }

    /// Puts rows in this order; those that are equal stay as they are.
    pub fn arrange(&self, sheet: &mut Sheet) {
        let (By::Cell(name) | By::Rate(name)) = &self.by;
        let Some(column) = sheet.heads.iter().position(|head| head.name == *name) else { return };
        sheet.rows.sort_by(|left, right| {
            let order = match self.by {
                By::Cell(_) => cells(left, right, column),
                By::Rate(_) => {
                    let rate = |row: &Row| row.rates[column].unwrap_or(0.0);
                    rate(left).total_cmp(&rate(right))
                }
            };
            if self.descending { order.reverse() } else { order }
        });
    }
}

/// What isn't there comes first.
fn cells(left: &Row, right: &Row, column: usize) -> Ordering {
    match (&left.ranks[column], &right.ranks[column]) {
        (Some(left), Some(right)) => Value::order(left, right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}
