//! Entries of a map and event records to rows of cells, in their order.

use std::cmp::Ordering;

use crate::read::columns::{Column, Columns};
use crate::read::decode::decode;
use crate::read::decoders::{self, Lookups};
use crate::read::merge;
use crate::read::value::Value;

/// What one map holds.
#[derive(Clone, Debug)]
pub struct Table {
    /// The map's symbol.
    pub map: String,
    /// What the cells of each row are.
    pub columns: Columns,
    /// All rows in the order in which they are shown.
    pub rows: Vec<Row>,
}

/// A cell for each shown column.
#[derive(Clone, Debug)]
pub struct Row {
    /// `None` where a record ends before the field.
    pub cells: Vec<Option<Cell>>,
}

/// One value.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What the bytes hold.
    pub raw: Value,
    /// What the column's decoder makes of it, if it has one.
    pub decoded: Option<Value>,
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

/// Makes the table of a map's entries.
///
/// An entry is its key and its value's bytes, once, or once for each possible CPU: those are added
/// up field by field. Rows come in the order that the view asks for, and in that of their keys.
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
    let mut entries: Vec<(K, Vec<u8>)> =
        entries.into_iter().map(|(key, cpus)| (key, sum(&columns, cpus))).collect();
    if zeros == Zeros::LeftOut && entries.iter().any(|(_, value)| !is_zero(value)) {
        entries.retain(|(_, value)| !is_zero(value));
    }
    let mut rows: Vec<(Vec<Option<Value>>, Row)> = entries
        .iter()
        .map(|(key, value)| {
            let key = key.as_ref();
            let order = columns.key.iter().map(|column| raw(column, key, value)).collect();
            (order, row(&columns, key, value, lookups))
        })
        .collect();
    rows.sort_by(|(left_key, left), (right_key, right)| {
        sorted(&columns, left, right).then_with(|| keys(left_key, right_key))
    });
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Table { map: map.into(), columns, rows }
}

/// Makes the row of an event record.
pub fn record(columns: &Columns, bytes: &[u8], lookups: &mut Lookups) -> Row {
    row(columns, &[], bytes, lookups)
}

/// The values of one entry of a per-CPU map, one for each possible CPU, in the bytes that the kernel
/// gives for it: there each begins at a multiple of 8 bytes.
pub fn per_cpu(entry: &[u8], value_size: usize) -> impl Iterator<Item = &[u8]> {
    let stride = value_size.next_multiple_of(8).max(8);
    entry.chunks(stride).map(move |value| &value[..value_size.min(value.len())])
}

fn row(columns: &Columns, key: &[u8], value: &[u8], lookups: &mut Lookups) -> Row {
    let cells = columns.shown.iter().map(|column| cell(column, key, value, lookups));
    Row { cells: cells.collect() }
}

fn cell(column: &Column, key: &[u8], value: &[u8], lookups: &mut Lookups) -> Option<Cell> {
    let bytes = column.bytes(key, value)?;
    let raw = decode(column.layout(), &bytes)?;
    let decoded = column
        .decoder
        .as_ref()
        .and_then(|decoder| decoders::apply(decoder, column.layout(), &bytes, lookups));
    Some(Cell { raw, decoded })
}

fn raw(column: &Column, key: &[u8], value: &[u8]) -> Option<Value> {
    decode(column.layout(), &column.bytes(key, value)?)
}

fn sum<V>(columns: &Columns, cpus: V) -> Vec<u8>
where
    V: IntoIterator<Item: AsRef<[u8]>>,
{
    let mut cpus = cpus.into_iter();
    let Some(first) = cpus.next() else {
        return Vec::new();
    };
    let mut sum = first.as_ref().to_vec();
    for cpu in cpus {
        merge::add(&columns.value, &mut sum, cpu.as_ref());
    }
    sum
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

fn sorted(columns: &Columns, left: &Row, right: &Row) -> Ordering {
    let Some((position, descending)) = columns.sort else {
        return Ordering::Equal;
    };
    let quantity = columns.shown[position].is_quantity();
    let (left, right) = (left.cells[position].as_ref(), right.cells[position].as_ref());
    let order = match quantity {
        true => optional(left.map(|cell| &cell.raw), right.map(|cell| &cell.raw)),
        false => optional(left.map(Cell::shown), right.map(Cell::shown)),
    };
    if descending { order.reverse() } else { order }
}

fn keys(left: &[Option<Value>], right: &[Option<Value>]) -> Ordering {
    left.iter()
        .zip(right)
        .map(|(left, right)| optional(left.as_ref(), right.as_ref()))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// What isn't there comes before everything.
fn optional(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => left.order(right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}

impl Cell {
    /// The decoded value, or the raw one where there is no decoder.
    pub fn shown(&self) -> &Value {
        self.decoded.as_ref().unwrap_or(&self.raw)
    }
}

#[cfg(test)]
mod tests {
    use crate::desired::{Column, Decoder, View};
    use crate::read::columns::Columns;
    use crate::read::rows::{Table, Zeros, per_cpu, record, table};
    use crate::read::sample::{
        chars, column, field, of_key, rps_key, sort, structure, unsigned, view,
    };
    use crate::read::{Lookups, Value};

    fn counts(zeros: Zeros, entries: &[(u32, &[u64])]) -> Table {
        let columns = Columns::new(Some(&unsigned(4)), &unsigned(8), None).expect("no view");
        let entries = entries
            .iter()
            .map(|(key, cpus)| (key.to_le_bytes(), cpus.iter().map(|count| count.to_le_bytes())));
        table("counts", columns, zeros, entries, &mut Lookups::default())
    }

    /// The shown cells, row by row, as JSON.
    fn cells(table: &Table) -> Vec<String> {
        let rows = table.rows.iter();
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
    fn each_cpus_values_add_up() {
        let table = counts(Zeros::Kept, &[(1, &[1, 2, 0, 40]), (2, &[u64::MAX, 2])]);
        assert_eq!(cells(&table), ["1 43", "2 1"]);
    }

    #[test]
    fn the_kernels_bytes_hold_a_value_every_eight_bytes() {
        let entry: Vec<u8> = (0..24).collect();
        let values: Vec<&[u8]> = per_cpu(&entry, 4).collect();
        assert_eq!(values, [[0, 1, 2, 3], [8, 9, 10, 11], [16, 17, 18, 19]]);
        assert_eq!(per_cpu(&entry, 12).map(<[u8]>::len).collect::<Vec<_>>(), [12, 8]);
        assert_eq!(per_cpu(&entry, 0).count(), 3);
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

    #[test]
    fn a_record_has_no_cells_beyond_its_end() {
        let layout = structure(
            280,
            vec![
                field("nr", 0, unsigned(4)),
                field("comm", 4, chars(4)),
                field("path", 8, chars(256)),
            ],
        );
        let columns = Columns::new(None, &layout, None).expect("no view");
        let row = record(&columns, b"\x3b\0\0\0ls\0\0", &mut Lookups::default());
        let raw: Vec<Option<Value>> =
            row.cells.into_iter().map(|cell| cell.map(|cell| cell.raw)).collect();
        assert_eq!(raw, [Some(Value::Unsigned(59)), Some(Value::Text("ls".into())), None]);
    }
}
