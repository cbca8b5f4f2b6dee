//! `probe-runner read`: what an applied probe's maps hold, once or again and again.

use crate::commands::stop::StopSignals;
use crate::commands::{Outcome, applied, attached, colours, duration, report};
use crate::desired::{Sort, View};
use crate::kernel::PinDir;
use crate::live::Live;
use crate::metrics;
use crate::read::sinks::csv::Sheet;
use crate::read::sinks::json::{Document, Style};
use crate::read::sinks::prometheus::{self, Metrics};
use crate::read::sinks::{listing, table};
use crate::read::{Listing, Rates};
use crate::readout::{self, Wanted};
use crate::text::suggest::listed;
use crate::text::template::Filter;
use anyhow::{anyhow, bail};
use std::io::Write;
use std::time::{Duration, Instant, SystemTime};

/// How the data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs; with --every a document a line.
    Json,
    /// For spreadsheets; with a map, or for a probe that shows one.
    Csv,
    /// Prometheus's text format, for the node exporter's textfile collector.
    Prometheus,
}

// What to read and how.
#[expect(missing_docs, reason = "clap would say it instead of what it says of the command")]
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An applied probe
    probe: String,
    /// One of its maps; those that its file shows if none is named
    map: Option<String>,
    /// How results are written
    #[arg(short, long, value_enum, default_value = "table")]
    output: Format,
    /// Show only the rows for which this holds, such as `device == "eth0" and packets > 10`
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Sort by this column: `NAME`, `NAME asc` or `NAME desc`
    #[arg(long, value_name = "COLUMN", value_parser = sort)]
    sort: Option<Sort>,
    /// Show at most so many rows of each table
    #[arg(long, value_name = "ROWS")]
    top: Option<usize>,
    /// Read again after each such time, until Ctrl-C; tables then say how fast counters grow
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    every: Option<Duration>,
}

fn sort(text: &str) -> Result<Sort, String> {
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(column), None | Some("asc"), None) => {
            Ok(Sort { column: column.to_owned(), descending: false })
        }
        (Some(column), Some("desc"), None) => {
            Ok(Sort { column: column.to_owned(), descending: true })
        }
        _ => Err("write `COLUMN`, `COLUMN asc` or `COLUMN desc`".to_owned()),
    }
}

/// Reads the maps that the probe shows, or the one that is named.
///
/// # Errors
/// The probe isn't applied, the map isn't there, or it can't be read.
pub fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let filter = args.filter.as_deref().map(Filter::parse).transpose();
    let filter = filter.map_err(|error| anyhow!("--filter: {}", error.message))?;
    let wanted = Wanted {
        filter: filter.as_ref(),
        sort: args.sort.as_ref(),
        top: args.top,
        ..Wanted::default()
    };
    let Some(every) = args.every else {
        read(args, wanted, None, out)?;
        return Ok(Outcome::Done);
    };
    if matches!(args.output, Format::Csv | Format::Prometheus) {
        bail!("--every writes tables or JSON: leave it out, or use `-o json`");
    }
    let stop = StopSignals::block()?;
    let mut rates = Rates::default();
    let mut next = Instant::now();
    loop {
        let began = Instant::now();
        read(args, wanted, Some(&mut rates), out)?;
        out.flush()?;
        // A reading that takes longer than the time between two is followed by the next at once.
        next = (next + every).max(Instant::now());
        let left = next.saturating_duration_since(Instant::now());
        if stop.within(Some(left))? {
            return Ok(Outcome::Done);
        }
        rates.turn(began.elapsed());
    }
}

fn read(
    args: &Args,
    wanted: Wanted<'_>,
    rates: Option<&mut Rates>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (probe, map) = (args.probe.as_str(), args.map.as_deref());
    let live = applied::find(probe)?;
    let views = views(&live, map)?;
    let pins = PinDir::persistent(probe);
    // Who asks for one map wants nothing else.
    let listings = || if map.is_none() { readout::listings(&pins) } else { Ok(Vec::new()) };
    match args.output {
        Format::Table => {
            let readout = readout::read(&pins, &views, &live, wanted)?;
            write_tables(out, readout, &listings()?, rates)?;
            attached::warn(&live.probe, live.attachments());
        }
        Format::Json => {
            let style = if rates.is_some() { Style::Line } else { Style::Lines };
            let mut document = Document::new(out, probe, style)?;
            let remarks = readout::stream(&pins, &views, &live, wanted, &mut document)?;
            document.finish(&listings()?, &remarks.loss)?;
            unordered(probe, &remarks.unordered);
        }
        Format::Csv => {
            let shown = views.iter().filter(|view| !view.is_events() && !view.loss);
            let names: Vec<&str> = shown.map(|view| view.map.as_str()).collect();
            if names.len() > 1 {
                bail!("CSV has one table: name a map; maps: {}", listed(names.into_iter(), 16));
            }
            let mut sheet = Sheet::new(&mut *out);
            let remarks = readout::stream(&pins, &views, &live, wanted, &mut sheet)?;
            drop(sheet);
            out.flush()?;
            report::loss(&remarks.loss)?;
            unordered(probe, &remarks.unordered);
        }
        Format::Prometheus => {
            let mut written = Metrics::default();
            let remarks = metrics::data(&live, &views, wanted, &mut written)?;
            if map.is_none() {
                metrics::health(&live, &mut written);
                metrics::rest(&live, &remarks, &mut written);
            }
            written.write(out, prometheus::Format::Text)?;
            for (_, text) in metrics::warnings(&written) {
                report::warning(probe, &text);
            }
        }
    }
    Ok(())
}

fn write_tables(
    out: &mut impl Write,
    mut readout: readout::Readout,
    listings: &[Listing],
    rates: Option<&mut Rates>,
) -> anyhow::Result<()> {
    if rates.is_some() {
        writeln!(out, "{}", humantime::format_rfc3339_millis(SystemTime::now()))?;
    }
    let style = table::Style { colours: colours(), rates: rates.as_deref() };
    table::write(out, &readout.tables, style, &mut readout.lookups)?;
    listing::write(out, listings, readout.tables.is_empty())?;
    if let Some(rates) = rates {
        writeln!(out)?;
        readout.tables.iter().for_each(|table| rates.note(table));
    }
    out.flush()?;
    report::loss(&readout.loss)?;
    Ok(())
}

fn unordered(probe: &str, maps: &[String]) {
    for map in maps {
        let text = "it is too large to be put in order: its rows come as the kernel has them";
        report::note(probe, &format!("{map}: {text}"));
    }
}

/// The probe's views; for one map its view, or the plain one.
fn views(live: &Live, map: Option<&str>) -> anyhow::Result<Vec<View>> {
    let known: &[View] = live.record.as_ref().map_or(&[], |record| &record.desired.views);
    let Some(map) = map else {
        return Ok(known.to_vec());
    };
    if !live.maps.iter().any(|known| known.name == map) {
        let names = live.maps.iter().map(|map| map.name.as_str());
        bail!("probe/{} has no map `{map}`; maps: {}", live.probe, listed(names, 16));
    }
    let view = known.iter().find(|view| view.map == map).cloned();
    if view.as_ref().is_some_and(|view| view.is_events()) {
        bail!("`{map}` is a stream of records: `probe-runner run` shows them as they come");
    }
    // A map that is asked for by name is shown, even one of losses.
    let view = View { loss: false, ..view.unwrap_or_else(|| View::plain(map)) };
    Ok(vec![view])
}
