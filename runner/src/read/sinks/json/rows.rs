//! One row as a JSON object.

use std::borrow::Cow;
use std::io;

use crate::read::columns::{Column, Columns, Entry, Integer};
use crate::read::decoders::Lookups;
use crate::read::rows::{Row, cell};
use crate::read::value::Value;

/// A row's names and values in the order of the columns, without the fields that it doesn't have.
pub fn pairs<'a>(
    columns: &'a Columns,
    row: &'a Row,
) -> impl Iterator<Item = (Cow<'a, str>, &'a Value)> {
    columns.shown.iter().zip(&row.cells).flat_map(|(column, cell)| {
        let shown = cell.as_ref().map(|cell| (Cow::Borrowed(column.name.as_str()), cell.shown()));
        let raw = cell
            .as_ref()
            .filter(|_| column.is_decoded())
            .map(|cell| (Cow::Owned(column.raw_name()), &cell.raw));
        shown.into_iter().chain(raw)
    })
}

/// Writes entries as objects, names quoted once for all rows.
#[derive(Default)]
pub(super) struct RowWriter {
    /// What stands before each object, and its brace.
    begin: Vec<u8>,
    columns: Vec<Names>,
}

/// A column's members up to their values: `,"name":`.
struct Names {
    shown: Vec<u8>,
    raw: Vec<u8>,
    /// Where its number is, if it is one and shown as it is.
    integer: Option<Integer>,
}

impl RowWriter {
    /// `before` stands before each object.
    pub fn new(before: &str, columns: &Columns) -> RowWriter {
        let quoted = |name: &str| format!(",{}:", serde_json::Value::from(name)).into_bytes();
        let names = |column: &Column| Names {
            shown: quoted(&column.name),
            raw: quoted(&column.raw_name()),
            integer: column.integer().filter(|_| !column.is_decoded()),
        };
        let begin = format!("{before}{{").into_bytes();
        RowWriter { begin, columns: columns.shown.iter().map(names).collect() }
    }

    pub fn write(
        &self,
        columns: &Columns,
        entry: Entry<'_>,
        lookups: &mut Lookups,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        out.extend_from_slice(&self.begin);
        let begin = out.len();
        // The first has no comma before it.
        let name = |name: &[u8], out: &mut Vec<u8>| {
            out.extend_from_slice(&name[usize::from(out.len() == begin)..]);
        };
        for (column, names) in columns.shown.iter().zip(&self.columns) {
            // What most cells are needs no value in between.
            if let Some(integer) = names.integer
                && let Some(bits) = integer.of(entry)
            {
                name(&names.shown, out);
                match integer.is_signed {
                    true => serde_json::to_writer(&mut *out, &bits.cast_signed())?,
                    false => serde_json::to_writer(&mut *out, &bits)?,
                }
                continue;
            }
            let Some(cell) = cell(column, entry.key, entry.value, lookups) else { continue };
            name(&names.shown, out);
            serde_json::to_writer(&mut *out, cell.shown())?;
            if column.is_decoded() {
                name(&names.raw, out);
                serde_json::to_writer(&mut *out, &cell.raw)?;
            }
        }
        out.push(b'}');
        Ok(())
    }
}
