//! Entries of a map and event records to rows of cells.

use crate::read::buckets;
use crate::read::columns::{Column, Columns};
use crate::read::decode::decode;
use crate::read::decoders::{self, Context, Lookups};
use crate::read::value::Value;

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

/// Makes the row of an entry.
pub(super) fn row(columns: &Columns, key: &[u8], value: &[u8], lookups: &mut Lookups) -> Row {
    let cells = columns.shown.iter().map(|column| cell(column, key, value, lookups));
    Row { cells: cells.collect() }
}

/// One column's value in an entry.
pub(super) fn cell(
    column: &Column,
    key: &[u8],
    value: &[u8],
    lookups: &mut Lookups,
) -> Option<Cell> {
    let bytes = column.bytes(key, value)?;
    let raw = decode(column.layout(), &bytes)?;
    if let Some(scale) = column.bucket {
        let number = raw.as_integer().and_then(|number| u64::try_from(number).ok());
        let bounds = number.map(|number| {
            buckets::bounds(number, number.saturating_add(1), scale, column.decoder.as_ref())
        });
        return Some(Cell { raw, decoded: bounds.map(Value::Text) });
    }
    // The decoder of a histogram is for the bounds of its buckets.
    let decoder = column.decoder.as_ref().filter(|_| column.buckets().is_none());
    let decoded = decoder.and_then(|decoder| {
        let process = column.process.as_ref().and_then(|process| {
            decode(process.layout(), &process.bytes(key, value)?)?.as_integer()?.try_into().ok()
        });
        decoders::apply(decoder, column.layout(), &bytes, Context { process }, lookups)
    });
    Some(Cell { raw, decoded })
}

impl Cell {
    /// The decoded value, or the raw one where there is no decoder.
    pub fn shown(&self) -> &Value {
        self.decoded.as_ref().unwrap_or(&self.raw)
    }
}

#[cfg(test)]
mod tests {
    use crate::desired::{Decoder, Plot, Scale};
    use crate::read::columns::Columns;
    use crate::read::rows::{per_cpu, record, row};
    use crate::read::sample::{chars, column, field, structure, unsigned, view};
    use crate::read::{Lookups, Value};

    #[test]
    fn the_kernels_bytes_hold_a_value_every_eight_bytes() {
        let entry: Vec<u8> = (0..24).collect();
        let values: Vec<&[u8]> = per_cpu(&entry, 4).collect();
        assert_eq!(values, [[0, 1, 2, 3], [8, 9, 10, 11], [16, 17, 18, 19]]);
        assert_eq!(per_cpu(&entry, 12).map(<[u8]>::len).collect::<Vec<_>>(), [12, 8]);
        assert_eq!(per_cpu(&entry, 0).count(), 3);
    }

    #[test]
    fn the_bucket_of_what_is_drawn_is_shown_by_its_bounds() {
        let key = structure(8, vec![field("nr", 0, unsigned(4)), field("slot", 4, unsigned(4))]);
        let mut view = view("gaps");
        view.columns = vec![column("slot", Some("gap"), Some(Decoder::Duration))];
        view.plot = Some(Plot::Histogram {
            bucket: "gap".into(),
            value: "value".into(),
            scale: Scale::Log2,
        });
        let columns = Columns::new(Some(&key), &unsigned(8), Some(&view)).expect("it fits");
        assert_eq!(columns.json_names(), ["nr", "gap", "gap_raw", "value"]);
        let key = [7_u32.to_le_bytes(), 10_u32.to_le_bytes()].concat();
        let row = row(&columns, &key, &3_u64.to_le_bytes(), &mut Lookups::default());
        let gap = row.cells[1].as_ref().expect("it is there");
        assert_eq!(gap.shown(), &Value::Text("[1.024µs, 2.048µs)".into()));
        assert_eq!(gap.raw, Value::Unsigned(10));
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
