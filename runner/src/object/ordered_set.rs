//! Values in the order in which they were first seen, each once.

use std::collections::HashSet;
use std::hash::Hash;

/// A set that remembers the order.
pub(super) struct OrderedSet<T> {
    seen: HashSet<T>,
    order: Vec<T>,
}

impl<T: Clone + Eq + Hash> OrderedSet<T> {
    pub(super) fn insert(&mut self, value: T) {
        if self.seen.insert(value.clone()) {
            self.order.push(value);
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.order.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn into_vec(self) -> Vec<T> {
        self.order
    }
}

impl<T> Default for OrderedSet<T> {
    fn default() -> OrderedSet<T> {
        OrderedSet { seen: HashSet::new(), order: Vec::new() }
    }
}
