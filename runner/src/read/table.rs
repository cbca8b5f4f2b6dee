//! What a map holds, as bytes in the order in which they are shown.
//!
//! Bytes and not values: an entry costs what the kernel's own copy costs, and is decoded when it is
//! written. Nothing here asks the machine for names but to sort by them.

use std::collections::HashMap;

use crate::read::columns::{Columns, Entry};
use crate::read::decoders::Lookups;
use crate::read::merge;
use crate::read::order;
use crate::read::order::runs::Runs;
use crate::read::permute::permute;
use crate::read::rows::{self, Row};

/// How many bytes of entries memory is taken for before they come.
const RESERVED: usize = 8 << 20;

/// What one map holds, or a part of a map that holds much.
#[derive(Clone, Debug)]
pub struct Table {
    /// The map's symbol.
    pub map: String,
    /// What the cells of each row are.
    pub columns: Columns,
    zeros: Zeros,
    expected: usize,
    key_size: usize,
    value_size: usize,
    /// Keys and values in turn.
    bytes: Vec<u8>,
    /// Positions of entries, in the order in which they are shown.
    order: Vec<u32>,
    /// Positions by the part of the key that tells rows apart, where some of it doesn't.
    groups: HashMap<Vec<u8>, u32>,
    /// The order as far as it is known before all entries are there, where it can be.
    runs: Option<Runs>,
    is_ordered: bool,
    settled: usize,
}

/// Whether entries of nothing but zeros are rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zeros {
    /// They are: somebody stored them.
    Kept,
    /// They are left out, unless there are no others: an array has all its entries from the
    /// beginning.
    LeftOut,
}

/// Makes the table of a map's entries: [`Table::push`] for each, then [`Table::arrange`].
pub fn table<K, V>(
    map: impl Into<String>,
    columns: Columns,
    zeros: Zeros,
    entries: impl IntoIterator<Item = (K, V)>,
    lookups: &mut Lookups,
) -> Table
where
    K: AsRef<[u8]>,
    V: IntoIterator<Item: AsRef<[u8]>>,
{
    let mut table = Table::new(map, columns, zeros);
    for (key, cpus) in entries {
        table.push(key.as_ref(), cpus);
    }
    table.arrange(lookups);
    table
}

impl Table {
    /// A table without entries.
    pub fn new(map: impl Into<String>, columns: Columns, zeros: Zeros) -> Table {
        // Entries that may go, or that are added to, stay where they are until all are there.
        let stay = zeros == Zeros::Kept && columns.mask.is_none();
        let runs = stay.then(|| Runs::new(&columns)).flatten();
        Table {
            map: map.into(),
            columns,
            zeros,
            expected: 0,
            key_size: 0,
            value_size: 0,
            bytes: Vec::new(),
            order: Vec::new(),
            groups: HashMap::new(),
            runs,
            is_ordered: true,
            settled: 0,
        }
    }

    /// For good: what it is a part of is too large. Its entries stay as they came, and zeros are left out even where a
    /// part has nothing else.
    pub fn give_up_order(&mut self) {
        self.is_ordered = false;
        self.runs = None;
    }

    /// How many entries there may be.
    pub fn expect(&mut self, entries: usize) {
        self.expected = entries;
    }

    /// Adds an entry: its key and its value's bytes, once, or once for each possible CPU; those are
    /// added up field by field. All keys of a table are as long as the first, and so are all values.
    pub fn push(&mut self, key: &[u8], cpus: impl IntoIterator<Item: AsRef<[u8]>>) {
        if self.columns.by_cpu {
            for (cpu, value) in cpus.into_iter().enumerate() {
                // Most CPUs have nothing of most keys.
                if !is_zero(value.as_ref()) {
                    let cpu = u32::try_from(cpu).unwrap_or(u32::MAX);
                    self.group(&[key, &cpu.to_le_bytes()].concat(), [value]);
                }
            }
        } else {
            self.group(key, cpus);
        }
    }

    /// Adds an entry to those that the view shows as one with it.
    fn group(&mut self, key: &[u8], cpus: impl IntoIterator<Item: AsRef<[u8]>>) {
        let Some(mask) = &self.columns.mask else { return self.add(key, cpus) };
        let key: Vec<u8> = key.iter().zip(mask).map(|(byte, mask)| byte & mask).collect();
        let Some(&position) = self.groups.get(&key) else {
            let Ok(position) = u32::try_from(self.order.len()) else { return };
            self.add(&key, cpus);
            self.groups.insert(key, position);
            return;
        };
        let stride = self.key_size + self.value_size;
        let begin = position as usize * stride + self.key_size;
        for cpu in cpus {
            let own = &mut self.bytes[begin..][..self.value_size];
            merge::add(&self.columns.value, own, cpu.as_ref());
        }
    }

    fn add(&mut self, key: &[u8], cpus: impl IntoIterator<Item: AsRef<[u8]>>) {
        let mut cpus = cpus.into_iter();
        let first = cpus.next();
        let first = first.as_ref().map_or(&[][..], AsRef::as_ref);
        if self.order.is_empty() {
            (self.key_size, self.value_size) = (key.len(), first.len());
            self.reserve();
        }
        let Ok(position) = u32::try_from(self.order.len()) else { return };
        fill(&mut self.bytes, key, self.key_size);
        let begin = self.bytes.len();
        fill(&mut self.bytes, first, self.value_size);
        for cpu in cpus {
            merge::add(&self.columns.value, &mut self.bytes[begin..], cpu.as_ref());
        }
        self.order.push(position);
        let Some(runs) = &mut self.runs else { return };
        if runs.add(&self.bytes[begin - self.key_size..begin], position) {
            runs.sort_some(&mut self.bytes, self.key_size + self.value_size);
            self.settled = runs.sorted();
        } else {
            self.runs = None;
        }
    }

    /// Takes the memory for all entries that are expected. It is only there once it is written to; what grows by and
    /// by is copied, and leaves holes.
    fn reserve(&mut self) {
        let stride = self.key_size + self.value_size;
        let entries = self.expected.min(RESERVED / stride.max(1));
        self.bytes.reserve(entries * stride);
        self.order.reserve(entries);
        self.runs.iter_mut().for_each(|runs| runs.reserve(entries));
    }

    /// Leaves out what isn't shown and puts the rest in order, unless that was given up: what the view asks for, then that
    /// of the keys.
    pub fn arrange(&mut self, lookups: &mut Lookups) {
        // They know nothing of entries that were arranged before.
        if let Some(runs) = &mut self.runs
            && runs.len() == self.order.len()
        {
            runs.finish(&mut self.bytes, self.key_size + self.value_size, &mut self.order);
            self.settled = self.order.len();
            return;
        }
        if self.zeros == Zeros::LeftOut {
            let mut order = std::mem::take(&mut self.order);
            let is_other = |place: &u32| !is_zero(self.entry(*place).value);
            if !self.is_ordered || order.iter().any(is_other) {
                order.retain(is_other);
            }
            self.order = order;
        }
        if !self.is_ordered {
            return;
        }
        self.settled = 0;
        self.close_up();
        let stride = self.key_size + self.value_size;
        let mut order = std::mem::take(&mut self.order);
        let entries = (0..).take(order.len()).map(|position| self.entry(position));
        order::sort(&self.columns, entries, lookups, &mut order);
        self.order = order;
        permute(&mut self.bytes, stride, &mut self.order);
    }

    /// Moves entries together, over those that are not in the order. Positions ascend until here but where the entries
    /// were arranged before.
    fn close_up(&mut self) {
        if !self.order.is_sorted() {
            self.bytes = self
                .entries()
                .flat_map(|entry| [entry.key, entry.value])
                .flatten()
                .copied()
                .collect();
            self.order = (0..).take(self.order.len()).collect();
            return;
        }
        let stride = self.key_size + self.value_size;
        for (to, from) in (0..).zip(&mut self.order) {
            if *from != to {
                let begin = *from as usize * stride;
                self.bytes.copy_within(begin..begin + stride, to as usize * stride);
                *from = to;
            }
        }
        self.bytes.truncate(self.order.len() * stride);
    }

    /// Removes all entries and keeps the memory that they took.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.order.clear();
        self.groups.clear();
        self.settled = 0;
        self.runs.iter_mut().for_each(Runs::clear);
    }

    /// Leaves out the rows that `keep` doesn't want.
    ///
    /// # Errors
    /// What `keep` returns.
    pub fn retain<E>(
        &mut self,
        lookups: &mut Lookups,
        mut keep: impl FnMut(&Columns, &Row) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut kept = Vec::new();
        for &position in &self.order {
            let entry = self.entry(position);
            let row = rows::row(&self.columns, entry.key, entry.value, lookups);
            if keep(&self.columns, &row)? {
                kept.push(position);
            }
        }
        self.order = kept;
        Ok(())
    }

    /// Whether its rows can be handed on in parts: those that are sums of entries are known at the
    /// end alone.
    pub fn is_divisible(&self) -> bool {
        self.columns.mask.is_none()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// How much memory the entries take, in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The entries in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.places().map(|place| self.entry(place))
    }

    /// Where the entries are, in order.
    pub fn places(&self) -> impl Iterator<Item = u32> {
        self.order.iter().copied()
    }

    /// How many of the first places have entries that are as they will be when the table is in order, though others
    /// may yet come between them: what is made of these is of use then. Less than before once that was wrong.
    pub fn settled(&self) -> usize {
        self.settled
    }

    /// The entries that are settled, by their places, from one on.
    pub fn settled_from(&self, place: usize) -> impl Iterator<Item = Entry<'_>> {
        (place..self.settled).map(|place| self.entry(place as u32))
    }

    /// The rows in order.
    pub fn rows<'a>(&'a self, lookups: &'a mut Lookups) -> impl Iterator<Item = Row> + 'a {
        self.entries().map(|entry| rows::row(&self.columns, entry.key, entry.value, lookups))
    }

    /// The row of one of the entries, counted in their order.
    pub fn row(&self, index: usize, lookups: &mut Lookups) -> Option<(Entry<'_>, Row)> {
        let entry = self.entry(*self.order.get(index)?);
        Some((entry, rows::row(&self.columns, entry.key, entry.value, lookups)))
    }

    /// The entry at a place, one of [`Table::places`].
    pub fn entry(&self, place: u32) -> Entry<'_> {
        let stride = self.key_size + self.value_size;
        let bytes = &self.bytes[place as usize * stride..][..stride];
        let (key, value) = bytes.split_at(self.key_size);
        Entry { key, value }
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// Adds so many bytes: those that there are, then zeros.
fn fill(into: &mut Vec<u8>, from: &[u8], size: usize) {
    let end = into.len() + size;
    into.extend_from_slice(&from[..from.len().min(size)]);
    into.resize(end, 0);
}

#[cfg(test)]
mod tests {
    use crate::desired::{Column, Decoder, View};
    use crate::read::Lookups;
    use crate::read::columns::{Columns, Entry};
    use crate::read::sample::{column, of_key, rps_key, sort, unsigned, view};
    use crate::read::table::{Table, Zeros, table};

    fn counts(zeros: Zeros, entries: &[(u32, &[u64])]) -> Table {
        let columns = Columns::new(Some(&unsigned(4)), &unsigned(8), None).expect("no view");
        let entries = entries
            .iter()
            .map(|(key, cpus)| (key.to_le_bytes(), cpus.iter().map(|count| count.to_le_bytes())));
        table("counts", columns, zeros, entries, &mut Lookups::default())
    }

    /// The shown cells, row by row, as JSON.
    fn cells(table: &Table) -> Vec<String> {
        let mut lookups = Lookups::default();
        let rows = table.rows(&mut lookups);
        rows.map(|row| {
            let cells = row.cells.iter().flatten();
            let cells: Vec<String> = cells.map(|cell| cell.shown().to_json().to_string()).collect();
            cells.join(" ")
        })
        .collect()
    }

    #[test]
    fn rows_come_in_the_order_of_their_keys_as_numbers() {
        let table = counts(Zeros::Kept, &[(10, &[1]), (9, &[2]), (256, &[0]), (0, &[4])]);
        assert_eq!(cells(&table), ["0 4", "9 2", "10 1", "256 0"]);
    }

    #[test]
    fn every_entry_moves_with_its_value() {
        // Every order of five, and longer ones of a step that visits all.
        let mut orders = vec![Vec::new()];
        for next in 0..5_u32 {
            orders = orders
                .iter()
                .flat_map(|order: &Vec<u32>| {
                    (0..=order.len()).map(|at| {
                        let mut order = order.clone();
                        order.insert(at, next);
                        order
                    })
                })
                .collect();
        }
        orders.extend([1, 3, 7, 50].map(|step| (0..101).map(|n| n * step % 101).collect()));
        for keys in orders {
            let entries: Vec<(u32, [u64; 1])> =
                keys.iter().map(|&key| (key, [u64::from(key) % 3])).collect();
            let entries: Vec<(u32, &[u64])> =
                entries.iter().map(|(key, value)| (*key, &value[..])).collect();
            let count = keys.len() as u32;
            let all = (0..count).map(|key| format!("{key} {}", key % 3));
            assert_eq!(cells(&counts(Zeros::Kept, &entries)), all.collect::<Vec<_>>(), "{keys:?}");
            let some = (0..count).filter(|key| key % 3 > 0);
            let some = some.map(|key| format!("{key} {}", key % 3));
            assert_eq!(cells(&counts(Zeros::LeftOut, &entries)), some.collect::<Vec<_>>());
        }
    }

    #[test]
    fn many_entries_are_in_order_whether_they_came_in_it_or_not() {
        let columns = Columns::new(Some(&unsigned(4)), &unsigned(8), None).expect("no view");
        let mut table = Table::new("counts", columns, Zeros::Kept);
        // Around what is sorted at once, and more than is put together while entries come.
        for count in [0_u32, 1, 1023, 1024, 1025, 4095, 4096, 4097, 12_288, 151_557, 20_000] {
            // Coprime to all of them but 0 and 1: each key comes once.
            for step in [1, 99_991, count.max(1) - 1] {
                table.clear();
                table.expect(count as usize);
                for n in 0..count {
                    let key = (u64::from(n) * u64::from(step) % u64::from(count)) as u32;
                    table.push(&key.to_le_bytes(), [(u64::from(key) * 3).to_le_bytes()]);
                }
                table.arrange(&mut Lookups::default());
                let entry = |key: u32| (key.to_le_bytes(), (u64::from(key) * 3).to_le_bytes());
                let are_right = table.entries().zip((0..).map(entry)).all(|(found, right)| {
                    found.key == right.0.as_slice() && found.value == right.1.as_slice()
                });
                assert!(are_right && table.len() == count as usize, "{count} by {step}");
            }
        }
    }

    #[test]
    fn without_order_everything_stays_as_it_came_but_for_zeros() {
        let columns = Columns::new(Some(&unsigned(4)), &unsigned(8), None).expect("no view");
        let mut table = Table::new("counts", columns, Zeros::LeftOut);
        table.give_up_order();
        for (counts, shown) in
            [(&[5, 0, 3][..], &["9 5", "7 3"][..]), (&[0, 0], &[]), (&[1], &["9 1"])]
        {
            table.clear();
            for (key, count) in [9_u32, 8, 7].iter().zip(counts) {
                table.push(&key.to_le_bytes(), [u64::to_le_bytes(*count)]);
            }
            table.arrange(&mut Lookups::default());
            assert_eq!(cells(&table), shown);
        }
    }

    #[test]
    fn no_entry_is_lost_where_order_is_given_up_late() {
        let columns = Columns::new(Some(&unsigned(4)), &unsigned(8), None).expect("no view");
        let mut table = Table::new("counts", columns, Zeros::Kept);
        for key in (0..10_000_u32).rev() {
            table.push(&key.to_le_bytes(), [u64::from(key).to_le_bytes()]);
        }
        let settled: Vec<Vec<u8>> = table.settled_from(0).map(|entry| entry.key.to_vec()).collect();
        table.give_up_order();
        table.arrange(&mut Lookups::default());
        assert_eq!(table.settled(), settled.len());
        assert!(table.settled_from(0).zip(&settled).all(|(entry, key)| entry.key == key));
        let mut keys: Vec<u32> = table
            .entries()
            .map(|entry| u32::from_le_bytes(entry.key.try_into().expect("four bytes")))
            .collect();
        keys.sort_unstable();
        assert!(keys.into_iter().eq(0..10_000));
    }

    #[test]
    fn what_is_settled_stays_where_it_is() {
        let columns = Columns::new(Some(&unsigned(4)), &unsigned(8), None).expect("no view");
        let mut table = Table::new("counts", columns, Zeros::Kept);
        for count in [30_000_u32, 5000] {
            table.clear();
            assert_eq!(table.settled(), 0);
            let mut seen: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
            for n in 0..count {
                table.push(&(n ^ 0x5555).to_be_bytes(), [u64::from(n).to_le_bytes()]);
                let new = table.settled_from(seen.len());
                seen.extend(new.map(|entry| (entry.key.to_vec(), entry.value.to_vec())));
                assert_eq!(seen.len(), table.settled());
            }
            assert!(count as usize - seen.len() < 8192, "most are settled on the way");
            table.arrange(&mut Lookups::default());
            assert_eq!(table.settled(), count as usize);
            let mut places = vec![false; count as usize];
            for place in table.places() {
                let entry = table.entry(place);
                places[place as usize] = true;
                if let Some((key, value)) = seen.get(place as usize) {
                    assert_eq!((entry.key, entry.value), (&key[..], &value[..]));
                }
            }
            assert!(places.iter().all(|&is_there| is_there));
        }
    }

    #[test]
    fn what_is_arranged_can_be_added_to_and_arranged_again() {
        let columns = Columns::new(Some(&unsigned(4)), &unsigned(8), None).expect("no view");
        let mut table = Table::new("counts", columns, Zeros::Kept);
        let mut lookups = Lookups::default();
        // In several pieces, whose rows come in turn, and another time.
        for keys in [2..10_000_u32, 0..1, 1..2] {
            for key in keys {
                let key = key ^ 1;
                table.push(&key.to_be_bytes(), [u64::from(key).to_le_bytes()]);
            }
            table.arrange(&mut lookups);
            let keys =
                table.entries().map(|entry| entry.key.try_into().map_or(0, u32::from_le_bytes));
            assert!(keys.collect::<Vec<_>>().is_sorted());
        }
        let is_right = |entry: Entry<'_>| {
            let key = entry.key.try_into().map_or(0, u32::from_be_bytes);
            entry.value == u64::from(key).to_le_bytes()
        };
        assert!(table.entries().all(is_right));
        let mut keys: Vec<_> = table.entries().map(|entry| entry.key.to_vec()).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 10_000);
    }

    #[test]
    fn each_cpus_values_add_up() {
        let table = counts(Zeros::Kept, &[(1, &[1, 2, 0, 40]), (2, &[u64::MAX, 2])]);
        assert_eq!(cells(&table), ["1 43", "2 1"]);
    }

    #[test]
    fn groups_add_up_and_cpus_come_apart() {
        let mut view = view("rps_record");
        view.group = vec!["targ_cpu".into()];
        let entries: [(_, [u64; 2]); 3] =
            [([2, 0, 0, 1], [3, 0]), ([1, 0, 1, 0], [7, 1]), ([1, 0, 0, 1], [10, 5])];
        let rows = |view: &View| {
            let columns =
                Columns::new(Some(&rps_key()), &unsigned(8), Some(view)).expect("it fits");
            let entries = entries.map(|(key, cpus)| (of_key(key), cpus.map(u64::to_le_bytes)));
            cells(&table("rps_record", columns, Zeros::Kept, entries, &mut Lookups::default()))
        };
        assert_eq!(rows(&view), ["0 8", "1 18"]);
        view.by_cpu = true;
        assert_eq!(rows(&view), ["0 8", "1 18"]);
        view.group.push("cpu".into());
        assert_eq!(rows(&view), ["0 0 7", "0 1 1", "1 0 13", "1 1 5"]);
        view.group.clear();
        assert_eq!(
            rows(&view),
            ["1 0 0 1 0 10", "1 0 0 1 1 5", "1 0 1 0 0 7", "1 0 1 0 1 1", "2 0 0 1 0 3"]
        );
    }

    #[test]
    fn an_array_leaves_zeros_out_unless_there_is_nothing_else() {
        let entries: [(u32, &[u64]); 3] = [(0, &[0, 0]), (1, &[0, 3]), (2, &[0, 0])];
        assert_eq!(cells(&counts(Zeros::LeftOut, &entries)), ["1 3"]);
        assert_eq!(cells(&counts(Zeros::Kept, &entries)), ["0 0", "1 3", "2 0"]);
        assert_eq!(cells(&counts(Zeros::LeftOut, &entries[2..])), ["2 0"]);
    }

    #[test]
    fn a_view_sorts_amounts_as_numbers_and_names_as_text_with_the_key_for_ties() {
        let mut view = view("calls");
        view.columns = vec![
            column(
                "key",
                None,
                Some(Decoder::Static(vec![(1, "zebra".into()), (2, "ant".into())])),
            ),
            column("value", Some("took"), Some(Decoder::Duration)),
        ];
        let sorted = |view: &View| {
            let columns =
                Columns::new(Some(&unsigned(4)), &unsigned(8), Some(view)).expect("it fits");
            let entries = [(3_u32, 9_000_u64), (1, 10_000), (2, 9_000)];
            let entries = entries.map(|(key, value)| (key.to_le_bytes(), [value.to_le_bytes()]));
            table("calls", columns, Zeros::Kept, entries, &mut Lookups::default())
        };
        view.sort = sort("took", true);
        assert_eq!(cells(&sorted(&view)), ["\"zebra\" \"10µs\"", "\"ant\" \"9µs\"", "3 \"9µs\""]);
        view.sort = sort("key", false);
        assert_eq!(cells(&sorted(&view)), ["3 \"9µs\"", "\"ant\" \"9µs\"", "\"zebra\" \"10µs\""]);
    }

    #[test]
    fn hidden_fields_of_the_key_still_order_rows() {
        let mut view = view("rps_record");
        view.columns = vec![
            Column { hide: true, ..column("ifindex", None, None) },
            Column { hide: true, ..column("curr_node_id", None, None) },
        ];
        let columns = Columns::new(Some(&rps_key()), &unsigned(8), Some(&view)).expect("it fits");
        let keys = [of_key([2, 0, 0, 1]), of_key([1, 0, 1, -1]), of_key([1, 0, 0, 1])];
        let entries = keys.into_iter().zip([7_u64, 8, 9].map(|count| [count.to_le_bytes()]));
        let table = table("rps_record", columns, Zeros::Kept, entries, &mut Lookups::default());
        assert_eq!(cells(&table), ["0 1 9", "1 -1 8", "0 1 7"]);
    }
}
