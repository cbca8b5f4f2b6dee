//! What rows are ordered by, as numbers.

use crate::read::columns::{Column, Columns, Entry, Integer};

/// How many bytes of what is compared lie beside a row's number.
pub(super) const PREFIX: usize = 16;

/// A row while it is put in order.
#[derive(Clone, Debug)]
pub(super) struct Sortable {
    /// The first bytes of what it is ordered by, as a number: its higher and its lower half, since the whole
    /// would take a third more room.
    high: u64,
    low: u64,
    /// Which of the rows it is, by which its name and the other bytes are found.
    pub index: u32,
}

impl Sortable {
    pub fn new(prefix: u128, index: u32) -> Sortable {
        Sortable { high: (prefix >> 64) as u64, low: prefix as u64, index }
    }

    pub fn prefix(&self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }
}

/// A key of integers alone that fits beside the row's number, which most are: its order is a number.
#[derive(Clone, Debug)]
pub(super) struct Numbers(Vec<Integer>);

impl Numbers {
    /// `None` where rows are ordered by something else.
    pub fn of(columns: &Columns) -> Option<Numbers> {
        let integers: Vec<Integer> =
            columns.key.iter().map(Column::integer).collect::<Option<_>>()?;
        let size: usize = integers.iter().map(|integer| integer.size).sum();
        (columns.sort.is_none() && size <= PREFIX).then_some(Numbers(integers))
    }

    /// `None` where not all of the key is there.
    pub fn prefix(&self, entry: Entry<'_>) -> Option<u128> {
        let mut prefix = 0_u128;
        let mut left = 8 * PREFIX;
        for &integer in &self.0 {
            left -= 8 * integer.size;
            prefix |= u128::from(ascending(integer, integer.of(entry)?)) << left;
        }
        Some(prefix)
    }
}

/// An integer's bits, such that they ascend as it does; nothing above them.
pub(super) fn ascending(integer: Integer, bits: u64) -> u64 {
    let unused = 64 - 8 * integer.size;
    let sign = if integer.is_signed { 1 << (8 * integer.size - 1) } else { 0 };
    (bits ^ sign) << unused >> unused
}
