//! Prometheus's text format: a metric for each number of a map, its other columns as labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use crate::btf::{Layout, ScalarKind};
use crate::desired::{Decoder, Metric, Scale};
use crate::read::columns::{Column, Columns, Source};
use crate::read::decoders::Lookups;
use crate::read::loss::Loss;
use crate::read::rows::Row;
use crate::read::sinks::Sheets;
use crate::read::table::Table;
use crate::read::value::Value;

/// How many series a metric has at most; what is more is added up in one whose labels are all `other`.
pub const SERIES: usize = 10_000;

/// Gathers the metrics of probes, and writes each with all its series behind one heading.
#[derive(Debug, Default)]
pub struct Metrics {
    probe: String,
    map: String,
    families: BTreeMap<String, Family>,
}

/// The sum of the series beyond the limit, and how many there were.
#[derive(Debug)]
struct Overflow {
    labels: Vec<(String, String)>,
    sum: f64,
    series: usize,
}

#[derive(Debug)]
struct Family {
    help: String,
    kind: &'static str,
    lines: String,
    series: usize,
    /// What is beyond the limit.
    overflow: Option<Overflow>,
}

impl Metrics {
    /// What follows is of this probe.
    pub fn probe(&mut self, probe: &str) {
        probe.clone_into(&mut self.probe);
    }

    /// Adds what is missing from the numbers of the probe at hand.
    pub fn losses(&mut self, losses: &[Loss]) {
        for loss in losses {
            let labels = [
                ("probe".to_owned(), self.probe.clone()),
                ("what".to_owned(), loss.what.clone()),
                ("where".to_owned(), loss.place.clone()),
            ];
            let family = self.family(
                "probe_runner_lost_total".to_owned(),
                "counter",
                "Events or entries that are missing from the probe's numbers".to_owned(),
            );
            family.sample("probe_runner_lost_total", &labels, loss.count as f64);
        }
    }

    /// Adds one number of the product's own.
    pub fn own(
        &mut self,
        name: &str,
        kind: &'static str,
        help: &str,
        labels: &[(String, String)],
        value: f64,
    ) {
        self.family(name.to_owned(), kind, help.to_owned()).sample(name, labels, value);
    }

    /// Metrics that have more series than the limit, and how many were added up.
    pub fn overflows(&self) -> impl Iterator<Item = (&str, usize)> {
        self.families
            .iter()
            .filter_map(|(name, family)| Some((name.as_str(), family.overflow.as_ref()?.series)))
    }

    /// Writes everything.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, out: &mut impl io::Write) -> io::Result<()> {
        for (name, family) in &self.families {
            writeln!(out, "# HELP {name} {}", escape(&family.help, false))?;
            writeln!(out, "# TYPE {name} {}", family.kind)?;
            out.write_all(family.lines.as_bytes())?;
            if let Some(overflow) = &family.overflow {
                let mut line = String::new();
                sample(&mut line, name, &overflow.labels, overflow.sum);
                out.write_all(line.as_bytes())?;
            }
        }
        Ok(())
    }

    fn family(&mut self, name: String, kind: &'static str, help: String) -> &mut Family {
        self.families.entry(name).or_insert_with(|| Family {
            help,
            kind,
            lines: String::new(),
            series: 0,
            overflow: None,
        })
    }

    fn row(&mut self, columns: &Columns, row: &Row) {
        let mut labels = vec![("probe".to_owned(), self.probe.clone())];
        for (column, cell) in columns.shown.iter().zip(&row.cells) {
            if let (false, Some(cell)) = (is_metric(column), cell) {
                labels.push((sanitised(&column.name), label(cell.shown())));
            }
        }
        for (column, cell) in columns.shown.iter().zip(&row.cells) {
            let (true, Some(cell)) = (is_metric(column), cell) else { continue };
            let base = format!("probe_runner_{}_{}", sanitised(&self.map), sanitised(&column.name));
            let help = format!("`{}` of map `{}`", column.name, self.map);
            match column.kind {
                Some(Metric::Histogram(scale)) => {
                    let (base, divisor) = in_base_units(base, column);
                    let family = self.family(base.clone(), "histogram", help);
                    family.histogram(&base, &labels, &cell.raw, scale, divisor);
                }
                Some(Metric::Counter) => {
                    let (base, divisor) = in_base_units(base, column);
                    let name = format!("{}_total", base.trim_end_matches("_total"));
                    let family = self.family(name.clone(), "counter", help);
                    family.sample(&name, &labels, number(&cell.raw) / divisor);
                }
                Some(Metric::Gauge) | None => {
                    let (name, divisor) = in_base_units(base, column);
                    let family = self.family(name.clone(), "gauge", help);
                    family.sample(&name, &labels, number(&cell.raw) / divisor);
                }
            }
        }
    }
}

impl Sheets for Metrics {
    fn begin(&mut self, map: &str, _: &Columns) -> io::Result<()> {
        map.clone_into(&mut self.map);
        Ok(())
    }

    fn part(&mut self, table: &Table, lookups: &mut Lookups) -> io::Result<()> {
        for row in table.rows(lookups) {
            self.row(&table.columns, &row);
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Family {
    fn sample(&mut self, name: &str, labels: &[(String, String)], value: f64) {
        if self.series >= SERIES {
            let overflow = self.overflow.get_or_insert_with(|| {
                let other = labels.iter().map(|(name, value)| match name.as_str() {
                    "probe" => (name.clone(), value.clone()),
                    _ => (name.clone(), "other".to_owned()),
                });
                Overflow { labels: other.collect(), sum: 0.0, series: 0 }
            });
            overflow.sum += value;
            overflow.series += 1;
            return;
        }
        self.series += 1;
        sample(&mut self.lines, name, labels, value);
    }

    /// Cumulative buckets by their upper bound. There is no sum: the map doesn't have it.
    fn histogram(
        &mut self,
        name: &str,
        labels: &[(String, String)],
        buckets: &Value,
        scale: Scale,
        divisor: f64,
    ) {
        let Value::List(counts) = buckets else { return };
        let mut all = 0.0;
        let last = counts.iter().rposition(|count| number(count) > 0.0).unwrap_or(0);
        let mut labels = labels.to_vec();
        labels.push(("le".to_owned(), String::new()));
        let bucket = format!("{name}_bucket");
        for (position, count) in counts.iter().enumerate().take(last + 1) {
            all += number(count);
            let bound = match scale {
                Scale::Log2 => 2_f64.powi(position as i32 + 1) - 1.0,
                Scale::Linear(width) => (position as f64 + 1.0) * width as f64 - 1.0,
            };
            if let Some((_, le)) = labels.last_mut() {
                *le = (bound / divisor).to_string();
            }
            sample(&mut self.lines, &bucket, &labels, all);
        }
        if let Some((_, le)) = labels.last_mut() {
            "+Inf".clone_into(le);
        }
        sample(&mut self.lines, &bucket, &labels, all);
        labels.pop();
        sample(&mut self.lines, &format!("{name}_count"), &labels, all);
        self.series += 1;
    }
}

/// Prometheus wants seconds; nanoseconds are what programs count.
fn in_base_units(name: String, column: &Column) -> (String, f64) {
    if let Some(stem) = name.strip_suffix("_ns") {
        return (format!("{stem}_seconds"), 1e9);
    }
    match column.decoder {
        Some(Decoder::Duration) => (format!("{name}_seconds"), 1e9),
        Some(Decoder::Bytes) if !name.ends_with("_bytes") => (format!("{name}_bytes"), 1.0),
        _ => (name, 1.0),
    }
}

/// Numbers of the value are metrics, unless a decoder gives them names; the key's are labels.
fn is_metric(column: &Column) -> bool {
    if column.source == Source::Key {
        return false;
    }
    let is_amount = match column.layout() {
        Layout::Scalar(scalar) => matches!(scalar.kind, ScalarKind::Integer | ScalarKind::Float),
        _ => column.buckets().is_some(),
    };
    is_amount && matches!(column.decoder, None | Some(Decoder::Duration | Decoder::Bytes))
}

fn sample(out: &mut String, name: &str, labels: &[(String, String)], value: f64) {
    out.push_str(name);
    for (position, (label, text)) in labels.iter().enumerate() {
        out.push(if position == 0 { '{' } else { ',' });
        // Writing to a String can't fail.
        let _ = write!(out, "{label}=\"{}\"", escape(text, true));
    }
    if !labels.is_empty() {
        out.push('}');
    }
    let _ = writeln!(out, " {value}");
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Unsigned(number) => *number as f64,
        Value::Signed(number) => *number as f64,
        Value::Float(number) => *number,
        _ => 0.0,
    }
}

fn label(value: &Value) -> String {
    match value.to_json() {
        serde_json::Value::String(text) => text,
        json => json.to_string(),
    }
}

/// `[a-zA-Z0-9_]`, as names of metrics and labels have to be.
fn sanitised(name: &str) -> String {
    let character = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = name.chars().map(character).collect();
    let name = name.trim_matches('_');
    // `le` and `probe` are ours.
    if matches!(name, "le" | "probe")
        || name.starts_with(|c: char| c.is_ascii_digit())
        || name.is_empty()
    {
        return format!("x_{name}");
    }
    name.to_owned()
}

fn escape(text: &str, is_label: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if is_label { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use crate::desired::{Column as Wish, Decoder, Metric, Scale};
    use crate::read::sample::{array, column, field, of_key, rps_key, structure, unsigned, view};
    use crate::read::sinks::Sheets;
    use crate::read::sinks::prometheus::{Metrics, SERIES};
    use crate::read::{Columns, Lookups, Loss, Table, Zeros, table};

    fn text(tables: &[Table], losses: &[Loss]) -> String {
        let mut metrics = Metrics::default();
        metrics.probe("rps");
        for table in tables {
            metrics.begin(&table.map, &table.columns).expect("memory takes everything");
            metrics.part(table, &mut Lookups::default()).expect("memory takes everything");
            metrics.end().expect("memory takes everything");
        }
        metrics.losses(losses);
        let mut out = Vec::new();
        metrics.write(&mut out).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn names_are_labels_and_amounts_are_metrics() {
        let value = structure(
            32,
            vec![
                field("packets", 0, unsigned(8)),
                field("spent_ns", 8, unsigned(8)),
                field("sizes", 16, array(unsigned(4), 4)),
            ],
        );
        let mut view = view("rps_record");
        view.columns = vec![
            column("ifindex", Some("device"), Some(Decoder::Static(vec![(1, "a\"b\\c\n".into())]))),
            Wish { hide: true, ..column("curr_node_id", None, None) },
            Wish { kind: Some(Metric::Counter), ..column("packets", None, None) },
            Wish { kind: Some(Metric::Histogram(Scale::Log2)), ..column("sizes", None, None) },
        ];
        let columns = Columns::new(Some(&rps_key()), &value, Some(&view)).expect("it fits");
        let mut bytes = [7_u64.to_le_bytes(), 1_500_000_000_u64.to_le_bytes()].concat();
        bytes.extend([3_u32, 0, 5, 0].map(u32::to_le_bytes).concat());
        let entries = [(of_key([1, 0, 2, -1]), [bytes])];
        let table = table("rps_record", columns, Zeros::Kept, entries, &mut Lookups::default());
        let loss = Loss {
            what: "full_map".into(),
            place: "rps_record".into(),
            count: 3,
            meaning: "entries".into(),
        };
        let labels = r#"probe="rps",device="a\"b\\c\n",curr_cpu="2",targ_cpu="-1""#;
        assert_eq!(
            text(&[table], &[loss]),
            format!(
                "\
# HELP probe_runner_lost_total Events or entries that are missing from the probe's numbers
# TYPE probe_runner_lost_total counter
probe_runner_lost_total{{probe=\"rps\",what=\"full_map\",where=\"rps_record\"}} 3
# HELP probe_runner_rps_record_packets_total `packets` of map `rps_record`
# TYPE probe_runner_rps_record_packets_total counter
probe_runner_rps_record_packets_total{{{labels}}} 7
# HELP probe_runner_rps_record_sizes `sizes` of map `rps_record`
# TYPE probe_runner_rps_record_sizes histogram
probe_runner_rps_record_sizes_bucket{{{labels},le=\"1\"}} 3
probe_runner_rps_record_sizes_bucket{{{labels},le=\"3\"}} 3
probe_runner_rps_record_sizes_bucket{{{labels},le=\"7\"}} 8
probe_runner_rps_record_sizes_bucket{{{labels},le=\"+Inf\"}} 8
probe_runner_rps_record_sizes_count{{{labels}}} 8
# HELP probe_runner_rps_record_spent_seconds `spent_ns` of map `rps_record`
# TYPE probe_runner_rps_record_spent_seconds gauge
probe_runner_rps_record_spent_seconds{{{labels}}} 1.5
"
            )
        );
    }

    #[test]
    fn series_beyond_the_limit_are_one() {
        let mut view = view("counts");
        view.columns = vec![Wish { kind: Some(Metric::Counter), ..column("value", None, None) }];
        let columns = Columns::new(Some(&unsigned(4)), &unsigned(8), Some(&view)).expect("it fits");
        let entries = (0..SERIES as u32 + 3).map(|key| (key.to_le_bytes(), [2_u64.to_le_bytes()]));
        let table = table("counts", columns, Zeros::Kept, entries, &mut Lookups::default());
        let text = text(&[table], &[]);
        assert!(text.ends_with(
            "probe_runner_counts_value_total{probe=\"rps\",key=\"9999\"} 2\n\
             probe_runner_counts_value_total{probe=\"rps\",key=\"other\"} 6\n"
        ));
        assert_eq!(text.lines().count(), SERIES + 3);
    }
}
