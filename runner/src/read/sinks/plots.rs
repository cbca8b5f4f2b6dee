//! What is drawn below a table.

use std::collections::BTreeMap;
use std::io;

use crate::desired::Plot;
use crate::read::columns::{Columns, Source};
use crate::read::decoders::Lookups;
use crate::read::rows::Row;
use crate::read::sinks::Colours;
use crate::read::sinks::heatmap::Heatmap;
use crate::read::sinks::histogram::Histogram;
use crate::read::sinks::terminal::plain;
use crate::read::table::Table;
use crate::read::value::Value;
use crate::text::terminal::escape;

/// Whether something is drawn below the table.
pub(super) fn has_any(columns: &Columns) -> bool {
    columns.plot.is_some() || columns.shown.iter().any(|column| column.buckets().is_some())
}

/// Draws what the view asks for, an empty line before each.
pub(super) fn write(
    out: &mut impl io::Write,
    table: &Table,
    colours: Colours,
    lookups: &mut Lookups,
) -> io::Result<()> {
    if !has_any(&table.columns) {
        return Ok(());
    }
    let rows: Vec<Row> = table.rows(lookups).collect();
    for row in rows.iter().take(table.columns.top.unwrap_or(usize::MAX)) {
        of_arrays(out, &table.columns, row)?;
    }
    let Some(plot) = &table.columns.plot else { return Ok(()) };
    writeln!(out)?;
    match plot {
        Plot::Heatmap { x, y, value } => {
            let mut cells = BTreeMap::new();
            for row in &rows {
                let number = |name: &str| number(&table.columns, row, name);
                if let (Some(x), Some(y), Some(value)) = (number(x), number(y), number(value)) {
                    let amount: &mut u128 = cells.entry((x, y)).or_default();
                    *amount = amount.saturating_add(u128::try_from(value).unwrap_or(0));
                }
            }
            let names = [x, y, value].map(|name| escape(name).into_owned());
            Heatmap { names, cells }.write(out, colours)
        }
        Plot::Histogram { bucket, value, scale } => {
            let mut buckets: BTreeMap<u64, u128> = BTreeMap::new();
            for row in &rows {
                let bucket =
                    number(&table.columns, row, bucket).and_then(|n| u64::try_from(n).ok());
                let count = number(&table.columns, row, value).and_then(|n| u128::try_from(n).ok());
                if let (Some(bucket), Some(count)) = (bucket, count) {
                    let sum = buckets.entry(bucket).or_default();
                    *sum = sum.saturating_add(count);
                }
            }
            let unit = table.columns.find(bucket).and_then(|column| column.decoder.as_ref());
            let title = format!("{} by {}", escape(value), escape(bucket));
            let buckets = buckets.into_iter().collect();
            Histogram { title, buckets, scale: *scale, unit }.write(out)
        }
    }
}

/// The histograms of a row whose columns hold them whole, under the row's key.
fn of_arrays(out: &mut impl io::Write, columns: &Columns, row: &Row) -> io::Result<()> {
    for (position, column) in columns.shown.iter().enumerate() {
        let (Some(scale), Some(cell)) = (column.buckets(), &row.cells[position]) else { continue };
        let Value::List(values) = &cell.raw else { continue };
        let key =
            columns.shown.iter().zip(&row.cells).filter(|(column, _)| column.source == Source::Key);
        let mut title: Vec<String> = key
            .filter_map(|(column, cell)| {
                Some(format!("{}={}", escape(&column.name), plain(cell.as_ref()?.shown())))
            })
            .collect();
        title.push(escape(&column.name).into_owned());
        let counts = values.iter().map(|value| {
            value.as_integer().and_then(|count| u128::try_from(count).ok()).unwrap_or(0)
        });
        let buckets = (0..).zip(counts).collect();
        writeln!(out)?;
        let unit = column.decoder.as_ref();
        Histogram { title: title.join("  "), buckets, scale, unit }.write(out)?;
    }
    Ok(())
}

fn number(columns: &Columns, row: &Row, name: &str) -> Option<i128> {
    let position = columns.shown.iter().position(|column| column.name == name)?;
    row.cells[position].as_ref()?.raw.as_integer()
}
