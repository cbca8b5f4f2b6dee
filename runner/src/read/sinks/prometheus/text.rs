//! Families as text: what scrapers read.

use std::fmt::Write as _;
use std::io;

use crate::read::sinks::prometheus::family::{Buckets, Family, Kind, Sample};

/// Which of the two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Prometheus's own, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// Writes a metric: its heading and all its series.
pub fn write(
    out: &mut impl io::Write,
    name: &str,
    family: &Family,
    format: Format,
) -> io::Result<()> {
    let ending = if family.kind == Kind::Counter { "_total" } else { "" };
    let heading = if format == Format::Text { ending } else { "" };
    let help = help(&family.help, format);
    writeln!(out, "# HELP {name}{heading} {help}")?;
    writeln!(out, "# TYPE {name}{heading} {}", family.kind.name())?;
    let overflow = family.overflow.iter().map(|(labels, (sample, _))| (labels, sample));
    let mut line = String::new();
    for (labels, sample) in family.series.iter().chain(overflow) {
        line.clear();
        match sample {
            Sample::Number(value) => add(&mut line, (name, ending), (labels, ""), *value),
            Sample::Buckets(buckets) => histogram(&mut line, name, labels, buckets, format),
        }
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// Cumulative buckets by their upper bound. There is no sum: the map doesn't have it. OpenMetrics
/// wants both the sum and the count, or neither.
fn histogram(out: &mut String, name: &str, labels: &str, buckets: &Buckets, format: Format) {
    let mut all = 0.0;
    let comma = if labels.is_empty() { "" } else { "," };
    for (bucket, count) in buckets.counts.iter().enumerate() {
        all += count;
        let le = format!("{comma}le=\"{}\"", float(buckets.bound(bucket)));
        add(out, (name, "_bucket"), (labels, &le), all);
    }
    all += buckets.beyond;
    add(out, (name, "_bucket"), (labels, &format!("{comma}le=\"+Inf\"")), all);
    if format == Format::Text {
        add(out, (name, "_count"), (labels, ""), all);
    }
}

fn add(out: &mut String, name: (&str, &str), labels: (&str, &str), value: f64) {
    out.extend([name.0, name.1]);
    if !labels.0.is_empty() || !labels.1.is_empty() {
        out.extend(["{", labels.0, labels.1, "}"]);
    }
    // Writing to a String can't fail.
    let _ = writeln!(out, " {}", number(value));
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}

/// Bounds are written alike in both texts, so that a series is the same in both.
fn float(value: f64) -> String {
    let text = number(value);
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_whole { format!("{text}.0") } else { text }
}

fn help(text: &str, format: Format) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if format == Format::OpenMetrics { text.replace('"', "\\\"") } else { text }
}
