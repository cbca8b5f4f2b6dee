//! What makes the numbers short.

use std::cmp::Reverse;

use serde::Serialize;

use crate::read::columns::Source;
use crate::read::decoders::Lookups;
use crate::read::rows::Row;
use crate::read::table::Table;
use crate::read::value::Value;

/// Events or entries that are missing from what was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Name of the counter: a field of a map, or the kernel's own such as `recursion_misses`.
    pub what: String,
    /// The map, program or ring buffer that counted.
    #[serde(rename = "where")]
    pub place: String,
    /// How many; where it is shown to people never 0.
    pub count: u64,
    /// What is missing, in words.
    pub meaning: String,
}

impl Loss {
    /// As they are shown: the largest first.
    pub fn largest_first(losses: &[Loss]) -> Vec<&Loss> {
        let mut losses: Vec<&Loss> = losses.iter().collect();
        losses.sort_by_key(|loss| Reverse(loss.count));
        losses
    }

    /// The numbers of a map that the probe counts its own losses in: one loss for each field of the
    /// value that isn't 0, over all rows. A hidden field is left out.
    pub fn from_table(table: &Table) -> Vec<Loss> {
        Loss::counters(table).into_iter().filter(|loss| loss.count > 0).collect()
    }

    /// The same with those that are 0.
    pub fn counters(table: &Table) -> Vec<Loss> {
        let mut losses = Vec::new();
        let mut lookups = Lookups::default();
        let rows: Vec<Row> = table.rows(&mut lookups).collect();
        for (position, column) in table.columns.shown.iter().enumerate() {
            if column.source == Source::Key {
                continue;
            }
            let cells = rows.iter().filter_map(|row| row.cells[position].as_ref());
            let count = cells.fold(0_u128, |sum, cell| sum.saturating_add(total(&cell.raw)));
            losses.push(Loss {
                what: column.name.clone(),
                place: table.map.clone(),
                count: u64::try_from(count).unwrap_or(u64::MAX),
                meaning: "what the probe itself counted as missing from its data".into(),
            });
        }
        losses
    }
}

/// The sum of all whole numbers in a value; a negative one is no loss.
fn total(value: &Value) -> u128 {
    match value {
        Value::Unsigned(number) => *number,
        Value::Signed(number) => u128::try_from(*number).unwrap_or(0),
        Value::List(values) => values.iter().fold(0, |sum, value| sum.saturating_add(total(value))),
        Value::Fields(fields) => {
            fields.iter().fold(0, |sum, (_, value)| sum.saturating_add(total(value)))
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use crate::read::sample::{array, column, field, signed, structure, unsigned, view};
    use crate::read::{Columns, Lookups, Loss, Zeros, table};

    #[test]
    fn every_field_that_is_not_zero_is_a_loss() {
        let layout = structure(
            40,
            vec![
                field("overwritten", 0, unsigned(8)),
                field("orphaned", 8, unsigned(8)),
                field("full", 16, unsigned(8)),
                field("by_reason", 24, array(unsigned(4), 2)),
                field("odd", 32, signed(8)),
            ],
        );
        let mut view = view("rps_loss");
        view.columns = vec![column("full", Some("map_full"), None)];
        let columns = Columns::new(Some(&unsigned(4)), &layout, Some(&view)).expect("it fits");
        let cpu = |orphaned: u64, full: u64, reasons: [u32; 2], odd: i64| {
            let mut value = [0; 40];
            value[8..16].copy_from_slice(&orphaned.to_le_bytes());
            value[16..24].copy_from_slice(&full.to_le_bytes());
            value[24..28].copy_from_slice(&reasons[0].to_le_bytes());
            value[28..32].copy_from_slice(&reasons[1].to_le_bytes());
            value[32..].copy_from_slice(&odd.to_le_bytes());
            value
        };
        let entries = [
            (0_u32.to_le_bytes(), vec![cpu(0, 3, [1, 0], -4), cpu(0, 4, [0, 1], 0)]),
            (1_u32.to_le_bytes(), vec![cpu(0, u64::MAX, [0, 0], 0)]),
        ];
        let table = table("rps_loss", columns, Zeros::LeftOut, entries, &mut Lookups::default());
        let losses: Vec<(String, String, u64)> = Loss::from_table(&table)
            .into_iter()
            .map(|loss| (loss.what, loss.place, loss.count))
            .collect();
        let in_map = |what: &str, count| (what.to_owned(), "rps_loss".to_owned(), count);
        assert_eq!(losses, [in_map("map_full", u64::MAX), in_map("by_reason", 2)]);
    }
}
