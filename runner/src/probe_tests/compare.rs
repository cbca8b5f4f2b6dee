//! Expected rows against those that there are. Pure: no kernel, no files.

use crate::model::{ExpectedField, ExpectedRows};
use crate::read::columns::Source;
use crate::read::{Cell, Columns, Row, Value, sinks};
use crate::text::source::{At, Span};

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// Whose line it is.
    pub sign: Sign,
    /// The row, `name=value` for each field.
    pub text: String,
}

/// Whose line of a difference it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Expected, as written here, and not there.
    Missing(Span),
    /// There, and not expected.
    Extra,
}

/// Whether entries of nothing but zeros need be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blanks {
    /// They are entries like any other.
    Counted,
    /// They need not: an array has all its entries from the beginning.
    Ignored,
}

/// Compares a map's entries: each expected one is another of those there are, in any order, and none
/// is left over.
pub fn entries(expected: &ExpectedRows, rows: &[Row], blanks: Blanks) -> Vec<DiffLine> {
    let columns = &expected.columns;
    let owners = assign(expected, rows);
    let found = |index: usize| owners.contains(&Some(index));
    let missing = expected.rows.iter().enumerate().filter(|(index, _)| !found(*index));
    let extra = rows.iter().zip(&owners).filter(|(row, owner)| {
        owner.is_none() && !(blanks == Blanks::Ignored && is_blank(columns, row))
    });
    let mut diff: Vec<DiffLine> = missing.map(|(_, row)| wanted(row)).collect();
    diff.extend(extra.map(|(row, _)| there(columns, row)));
    diff
}

/// Compares a ring buffer's records one by one. `rows` are the first of `count`.
pub fn records(expected: &ExpectedRows, rows: &[Row], count: usize) -> Vec<DiffLine> {
    let columns = &expected.columns;
    let mut diff = Vec::new();
    for index in 0..expected.rows.len().max(rows.len()) {
        let (want, got) = (expected.rows.get(index), rows.get(index));
        let is_right = match (want, got) {
            (Some(want), Some(got)) => fits(columns, &want.value, got),
            _ => false,
        };
        if !is_right {
            diff.extend(want.map(wanted));
            diff.extend(got.map(|got| there(columns, got)));
        }
    }
    let more = count.saturating_sub(rows.len());
    if more > 0 {
        diff.push(DiffLine { sign: Sign::Extra, text: format!("… {more} more") });
    }
    diff
}

/// Which expected row each row is, so that as many as possible are found. Expected rows give only
/// some of their fields, so one may fit several rows: an earlier choice is changed when a later row
/// needs it (augmenting paths).
fn assign(expected: &ExpectedRows, rows: &[Row]) -> Vec<Option<usize>> {
    let columns = &expected.columns;
    let candidates: Vec<Vec<usize>> = expected
        .rows
        .iter()
        .map(|want| {
            let fitting =
                rows.iter().enumerate().filter(|(_, row)| fits(columns, &want.value, row));
            fitting.map(|(index, _)| index).collect()
        })
        .collect();
    let mut owners = vec![None; rows.len()];
    for wanted in 0..candidates.len() {
        let mut seen = vec![false; rows.len()];
        find_row(wanted, &candidates, &mut owners, &mut seen);
    }
    owners
}

/// Gives an expected row one of its candidates, others moving to make room.
fn find_row(
    wanted: usize,
    candidates: &[Vec<usize>],
    owners: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for &row in &candidates[wanted] {
        if std::mem::replace(&mut seen[row], true) {
            continue;
        }
        let is_free = match owners[row] {
            None => true,
            Some(owner) => find_row(owner, candidates, owners, seen),
        };
        if is_free {
            owners[row] = Some(wanted);
            return true;
        }
    }
    false
}

/// Whether a row has every field's value. A field that a record ends before has none.
fn fits(columns: &Columns, fields: &[ExpectedField], row: &Row) -> bool {
    fields.iter().all(|field| {
        let mut cells = columns.shown.iter().zip(&row.cells);
        let cell = cells.find(|(column, _)| column.field == field.field);
        matches!(cell, Some((_, Some(Cell { raw, .. }))) if *raw == field.value)
    })
}

fn is_blank(columns: &Columns, row: &Row) -> bool {
    let mut values =
        columns.shown.iter().zip(&row.cells).filter(|(column, _)| column.source == Source::Value);
    values.all(|(_, cell)| cell.as_ref().is_none_or(|cell| is_zero(&cell.raw)))
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Float(number) => *number == 0.0,
        Value::Text(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.iter().all(|byte| *byte == 0),
        Value::List(values) => values.iter().all(is_zero),
        Value::Fields(fields) => fields.iter().all(|(_, value)| is_zero(value)),
        number => number.as_integer() == Some(0),
    }
}

fn wanted(row: &At<Vec<ExpectedField>>) -> DiffLine {
    let fields: Vec<String> =
        row.value.iter().map(|field| format!("{}={}", field.field, field.written)).collect();
    DiffLine { sign: Sign::Missing(row.span), text: fields.join(" ") }
}

fn there(columns: &Columns, row: &Row) -> DiffLine {
    DiffLine { sign: Sign::Extra, text: sinks::line::text(columns, row) }
}

#[cfg(test)]
mod tests {
    use super::{Blanks, DiffLine, Sign, entries, records};
    use crate::btf::Layout;
    use crate::model::{ExpectedField, ExpectedRows, MapId};
    use crate::read::{Columns, Lookups, Row, Value, record};
    use crate::text::source::{At, Span};

    const HERE: Span = Span { start: 3, end: 7 };

    /// Rows of a map from a number to a number.
    fn rows(pairs: &[(u32, u32)]) -> Vec<Row> {
        let table = crate::read::table(
            "map",
            columns(),
            crate::read::Zeros::Kept,
            pairs.iter().map(|(key, value)| (key.to_le_bytes(), [value.to_le_bytes()])),
            &mut Lookups::default(),
        );
        table.rows(&mut Lookups::default()).collect()
    }

    fn columns() -> Columns {
        Columns::plain(Some(&Layout::untyped(4)), &Layout::untyped(4))
    }

    fn expect(columns: Columns, wanted: &[&[(&str, u128)]]) -> ExpectedRows {
        let row = |fields: &&[(&str, u128)]| {
            let fields = fields.iter().map(|(field, value)| ExpectedField {
                field: (*field).to_owned(),
                value: Value::Unsigned(*value),
                written: value.to_string(),
            });
            At::new(fields.collect(), HERE)
        };
        let map = At::new(MapId { object: 0, map: 0 }, HERE);
        ExpectedRows { map, columns, rows: wanted.iter().map(row).collect() }
    }

    fn diff(wanted: &[&[(&str, u128)]], there: &[(u32, u32)], blanks: Blanks) -> Vec<String> {
        shown(&entries(&expect(columns(), wanted), &rows(there), blanks))
    }

    fn shown(diff: &[DiffLine]) -> Vec<String> {
        diff.iter()
            .map(|line| match line.sign {
                Sign::Missing(span) => {
                    assert_eq!(span, HERE);
                    format!("- {}", line.text)
                }
                Sign::Extra => format!("+ {}", line.text),
            })
            .collect()
    }

    #[test]
    fn entries_come_in_any_order_and_all_of_them() {
        let wanted: [&[(&str, u128)]; 2] = [&[("key", 2), ("value", 20)], &[("key", 1)]];
        assert_eq!(diff(&wanted, &[(1, 10), (2, 20)], Blanks::Counted), [""; 0]);
        assert_eq!(
            diff(&wanted, &[(1, 10), (2, 21)], Blanks::Counted),
            ["- key=2 value=20", "+ key=2 value=21"]
        );
        assert_eq!(
            diff(&wanted, &[(1, 10), (2, 20), (3, 0)], Blanks::Counted),
            ["+ key=3 value=0"]
        );
        assert_eq!(diff(&wanted, &[(2, 20)], Blanks::Counted), ["- key=1"]);
        assert_eq!(diff(&[], &[], Blanks::Counted), [""; 0]);
    }

    #[test]
    fn an_expected_entry_is_found_once() {
        let twice: [&[(&str, u128)]; 2] = [&[("value", 5)], &[("value", 5)]];
        assert_eq!(diff(&twice, &[(1, 5)], Blanks::Counted), ["- value=5"]);
        assert_eq!(diff(&twice, &[(1, 5), (2, 5)], Blanks::Counted), [""; 0]);
    }

    #[test]
    fn a_vague_expectation_makes_room_for_a_definite_one() {
        let wanted: [&[(&str, u128)]; 3] = [&[("value", 5)], &[("key", 1)], &[]];
        assert_eq!(diff(&wanted, &[(1, 5), (2, 5), (3, 9)], Blanks::Counted), [""; 0]);
        // Only one of the first two can be this entry.
        assert_eq!(diff(&wanted[..2], &[(1, 5)], Blanks::Counted), ["- key=1"]);
    }

    #[test]
    fn an_array_needs_no_zeros() {
        let wanted: [&[(&str, u128)]; 1] = [&[("key", 1), ("value", 7)]];
        let there = [(0, 0), (1, 7), (2, 0)];
        assert_eq!(diff(&wanted, &there, Blanks::Ignored), [""; 0]);
        assert_eq!(diff(&wanted, &there, Blanks::Counted), ["+ key=0 value=0", "+ key=2 value=0"]);
        // But they may be asked for.
        assert_eq!(diff(&[&[("key", 2), ("value", 0)]], &there[2..], Blanks::Ignored), [""; 0]);
        assert_eq!(
            diff(&[&[("key", 2), ("value", 1)]], &there[2..], Blanks::Ignored),
            ["- key=2 value=1"]
        );
    }

    #[test]
    fn records_come_in_order() {
        let columns = Columns::plain(None, &Layout::untyped(4));
        let sent: Vec<Row> = [1u32, 2]
            .iter()
            .map(|value| record(&columns, &value.to_le_bytes(), &mut Lookups::default()))
            .collect();
        let wanted = |values: &[u128]| {
            let rows: Vec<Vec<(&str, u128)>> =
                values.iter().map(|value| vec![("value", *value)]).collect();
            let rows: Vec<&[(&str, u128)]> = rows.iter().map(Vec::as_slice).collect();
            expect(columns.clone(), &rows)
        };
        assert_eq!(shown(&records(&wanted(&[1, 2]), &sent, 2)), [""; 0]);
        assert_eq!(
            shown(&records(&wanted(&[2, 1]), &sent, 2)),
            ["- value=2", "+ value=1", "- value=1", "+ value=2"]
        );
        assert_eq!(shown(&records(&wanted(&[1]), &sent, 2)), ["+ value=2"]);
        assert_eq!(shown(&records(&wanted(&[1, 2, 3]), &sent, 2)), ["- value=3"]);
        assert_eq!(shown(&records(&wanted(&[1, 2]), &sent, 5)), ["+ … 3 more"]);
    }
}
