//! What is drawn of a table.

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

/// One drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// Amounts by two numbers.
    Heatmap(Heatmap),
    /// Bars.
    Histogram(Histogram),
}

/// Whether something is drawn of a table.
fn has_any(columns: &Columns) -> bool {
    columns.plot.is_some() || columns.shown.iter().any(|column| column.buckets().is_some())
}

/// Draws what the view asks for, an empty line before each.
pub(super) fn write(
    out: &mut impl io::Write,
    table: &Table,
    colours: Colours,
    lookups: &mut Lookups,
) -> io::Result<()> {
    for drawing in of(table, lookups) {
        writeln!(out)?;
        match drawing {
            Drawing::Heatmap(heatmap) => heatmap.write(out, colours)?,
            Drawing::Histogram(histogram) => histogram.write(out)?,
        }
    }
    Ok(())
}

/// What the view asks to have drawn: the histograms that the first rows hold, then its plot of all rows.
pub fn of(table: &Table, lookups: &mut Lookups) -> Vec<Drawing> {
    if !has_any(&table.columns) {
        return Vec::new();
    }
    let rows: Vec<Row> = table.rows(lookups).collect();
    let first = rows.iter().take(table.columns.top.unwrap_or(usize::MAX));
    let mut drawings: Vec<Drawing> =
        first.flat_map(|row| of_arrays(&table.columns, row)).map(Drawing::Histogram).collect();
    let plot = table.columns.plot.as_ref();
    drawings.extend(plot.map(|plot| of_rows(plot, &table.columns, &rows)));
    drawings
}

fn of_rows(plot: &Plot, columns: &Columns, rows: &[Row]) -> Drawing {
    match plot {
        Plot::Heatmap { x, y, value } => {
            let mut cells = BTreeMap::new();
            for row in rows {
                let number = |name: &str| number(columns, row, name);
                if let (Some(x), Some(y), Some(value)) = (number(x), number(y), number(value)) {
                    let amount: &mut u128 = cells.entry((x, y)).or_default();
                    *amount = amount.saturating_add(u128::try_from(value).unwrap_or(0));
                }
            }
            let names = [x, y, value].map(|name| escape(name).into_owned());
            Drawing::Heatmap(Heatmap { names, cells })
        }
        Plot::Histogram { bucket, value, scale } => {
            let mut buckets: BTreeMap<u64, u128> = BTreeMap::new();
            for row in rows {
                let bucket = number(columns, row, bucket).and_then(|n| u64::try_from(n).ok());
                let count = number(columns, row, value).and_then(|n| u128::try_from(n).ok());
                if let (Some(bucket), Some(count)) = (bucket, count) {
                    let sum = buckets.entry(bucket).or_default();
                    *sum = sum.saturating_add(count);
                }
            }
            let unit = columns.find(bucket).and_then(|column| column.decoder.clone());
            let title = format!("{} by {}", escape(value), escape(bucket));
            let buckets = buckets.into_iter().collect();
            Drawing::Histogram(Histogram { title, buckets, scale: *scale, unit })
        }
    }
}

/// The histograms of a row whose columns hold them whole, under the row's key.
fn of_arrays(columns: &Columns, row: &Row) -> Vec<Histogram> {
    let mut histograms = Vec::new();
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
        let unit = column.decoder.clone();
        histograms.push(Histogram { title: title.join("  "), buckets, scale, unit });
    }
    histograms
}

fn number(columns: &Columns, row: &Row, name: &str) -> Option<i128> {
    let position = columns.shown.iter().position(|column| column.name == name)?;
    row.cells[position].as_ref()?.raw.as_integer()
}
