//! Prometheus's text formats: a metric for each number of a map, its other columns as labels.

mod family;
mod names;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::io;

use crate::btf::{Layout, ScalarKind};
use crate::desired::{Decoder, Metric, Plot, Scale};
use crate::read::columns::{Column, Columns, Source};
use crate::read::decoders::Lookups;
use crate::read::loss::Loss;
use crate::read::rows::Row;
use crate::read::sinks::Sheets;
use crate::read::table::Table;
use crate::read::value::Value;
use family::{Buckets, Family, Sample, Shown};
use names::{in_base_units, label, labels, sanitised, unused};

pub use family::Kind;
pub use text::Format;

/// How many series a metric has at most; what is more is added up in one whose labels are all `other`.
pub const SERIES: usize = 10_000;

/// The label that says which probe a series is of.
const PROBE: &str = "probe";

/// Gathers the metrics of probes, and writes each with all its series behind one heading.
#[derive(Debug)]
pub struct Metrics {
    limit: usize,
    known: Known,
    families: BTreeMap<String, Family>,
    /// Names of samples, and the metric that has each.
    taken: HashMap<String, String>,
    /// By metric that couldn't have its name: how many series were left out.
    conflicts: BTreeMap<String, usize>,
    undecoded: BTreeMap<(String, String), u64>,
    probe: String,
    description: Option<String>,
    map: String,
    sheet: Sheet,
}

/// The series that were shown before. Where there are too many, they go before those that are new.
#[derive(Debug, Default)]
pub struct Known(HashMap<String, Shown>);

/// A number of the product's own.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// The metric, without `_total`.
    pub name: &'static str,
    /// What its numbers are.
    pub kind: Kind,
    /// What it says.
    pub help: &'static str,
}

/// What the columns of the map at hand become.
#[derive(Debug, Default)]
struct Sheet {
    /// Positions of columns and their labels.
    labels: Vec<(usize, String)>,
    numbers: Vec<Number>,
}

/// A column, or two, that become a metric.
#[derive(Debug)]
struct Number {
    position: usize,
    base: String,
    help: String,
    meaning: Meaning,
    divisor: f64,
}

#[derive(Clone, Copy, Debug)]
enum Meaning {
    Plain(Kind),
    /// All buckets are in the column.
    Buckets(Scale),
    /// The column at this position has the number of the bucket.
    OneBucket(Scale, usize),
}

/// What is missing from a probe's numbers.
const LOST: Own = Own {
    name: "probe_runner_lost",
    kind: Kind::Counter,
    help: "Events or entries that are missing from the probe's numbers",
};

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new(SERIES, Known::default())
    }
}

impl Metrics {
    /// Metrics of so many series each.
    pub fn new(limit: usize, known: Known) -> Metrics {
        let (families, taken, conflicts, undecoded) = Default::default();
        let (probe, description, map, sheet) = Default::default();
        Metrics {
            limit,
            known,
            families,
            taken,
            conflicts,
            undecoded,
            probe,
            description,
            map,
            sheet,
        }
    }

    /// What follows is of this probe.
    pub fn probe(&mut self, probe: &str, description: Option<&str>) {
        probe.clone_into(&mut self.probe);
        self.description = description.map(str::to_owned);
    }

    /// Leaves out what there is of the probe at hand.
    pub fn forget(&mut self) {
        let prefix = labels([(PROBE, &self.probe)]);
        for family in self.families.values_mut() {
            family.forget(&prefix);
        }
        self.families.retain(|_, family| !family.series.is_empty() || !family.overflow.is_empty());
        let families = &self.families;
        self.taken.retain(|_, family| families.contains_key(family));
        let probe = &self.probe;
        self.undecoded.retain(|(other, _), _| other != probe);
    }

    /// Adds what is missing from the numbers of the probe at hand; also where that is nothing.
    pub fn lost(&mut self, losses: &[Loss]) {
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for loss in losses {
            let count = counts.entry((&loss.what, &loss.place)).or_default();
            *count = count.saturating_add(loss.count);
        }
        for ((what, place), count) in counts {
            self.own(LOST, &[("what", what), ("where", place)], count as f64);
        }
    }

    /// Adds one number about the probe at hand.
    pub fn own(&mut self, own: Own, more: &[(&str, &str)], value: f64) {
        let probe = self.probe.clone();
        let all = [(PROBE, probe.as_str())].into_iter().chain(more.iter().copied());
        self.set(own, labels(all), value);
    }

    /// Adds one number about none of the probes.
    pub fn of_all(&mut self, own: Own, more: &[(&str, &str)], value: f64) {
        self.set(own, labels(more.iter().copied()), value);
    }

    fn set(&mut self, own: Own, labels: Box<str>, value: f64) {
        if let Some(family) = self.family(own.name, own.kind, || own.help.to_owned()) {
            family.set(labels, value);
        }
    }

    /// Metrics that have more series than the limit, and how many were added up.
    pub fn overflows(&self) -> impl Iterator<Item = (&str, usize)> {
        let families = self.families.iter();
        families
            .map(|(name, family)| (name.as_str(), family.overflowed()))
            .filter(|(_, series)| *series > 0)
    }

    /// Metrics that can't have their names because something else has them, and how many series were left out.
    pub fn conflicts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.conflicts.iter().map(|(name, series)| (name.as_str(), *series))
    }

    /// Maps by probe, and how many of their numbers and labels were missing.
    pub fn undecoded(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        let all = self.undecoded.iter();
        all.map(|((probe, map), count)| (probe.as_str(), map.as_str(), *count))
    }

    /// How many series there are in all.
    pub fn series(&self) -> usize {
        self.families.values().map(|family| family.series.len() + family.overflow.len()).sum()
    }

    /// Writes everything.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, out: &mut impl io::Write, format: Format) -> io::Result<()> {
        for (name, family) in &self.families {
            text::write(out, name, family, format)?;
        }
        match format {
            Format::Text => Ok(()),
            Format::OpenMetrics => writeln!(out, "# EOF"),
        }
    }

    /// What was shown, for the next time.
    pub fn into_known(self) -> Known {
        let families = self.families.into_iter();
        Known(families.map(|(name, family)| (name, family.into_shown())).collect())
    }

    /// The metric of this name; none if another has one of the names that it needs.
    fn family(
        &mut self,
        name: &str,
        kind: Kind,
        help: impl FnOnce() -> String,
    ) -> Option<&mut Family> {
        let is_taken = match self.families.get(name) {
            Some(family) => family.kind != kind,
            None => kind.names(name).iter().any(|name| self.taken.contains_key(name)),
        };
        if is_taken {
            *self.conflicts.entry(name.to_owned()).or_default() += 1;
            return None;
        }
        if !self.families.contains_key(name) {
            let names = kind.names(name).into_iter();
            self.taken.extend(names.map(|sample| (sample, name.to_owned())));
            let shown = self.known.0.remove(name).unwrap_or_default();
            let family = Family::new(help(), kind, self.limit, shown);
            self.families.insert(name.to_owned(), family);
        }
        self.families.get_mut(name)
    }

    fn row(&mut self, sheet: &Sheet, row: &Row) {
        let mut missing = 0;
        let mut all = Vec::with_capacity(sheet.labels.len() + 1);
        all.push((PROBE, self.probe.clone()));
        for (position, name) in &sheet.labels {
            match &row.cells[*position] {
                Some(cell) => all.push((name, label(cell.shown()))),
                None => missing += 1,
            }
        }
        for number in &sheet.numbers {
            let Some(sample) = number.sample(row) else {
                missing += 1;
                continue;
            };
            let kind = match number.meaning {
                Meaning::Plain(kind) => kind,
                Meaning::Buckets(_) | Meaning::OneBucket(..) => Kind::Histogram,
            };
            let Some(family) = self.family(&number.base, kind, || number.help.clone()) else {
                continue;
            };
            let other = || {
                let all = all.iter().map(|(name, text)| match *name {
                    PROBE => (*name, text.as_str()),
                    name => (name, "other"),
                });
                labels(all)
            };
            family.add(labels(all.iter().map(|(name, text)| (*name, text))), sample, other);
        }
        if missing > 0 {
            self.missing(missing);
        }
    }

    /// Counts what of the map at hand isn't understood.
    fn missing(&mut self, count: u64) {
        *self.undecoded.entry((self.probe.clone(), self.map.clone())).or_default() += count;
    }
}

impl Sheet {
    fn new(map: &str, description: Option<&str>, columns: &Columns) -> Sheet {
        let mut sheet = Sheet::default();
        let bucket = match &columns.plot {
            Some(Plot::Histogram { bucket, value, scale }) => {
                let find = |name: &str| columns.shown.iter().position(|column| column.name == name);
                find(bucket).zip(find(value)).map(|(bucket, value)| (bucket, value, *scale))
            }
            _ => None,
        };
        for (position, column) in columns.shown.iter().enumerate() {
            let is_bucket = bucket.is_some_and(|(bucket, _, _)| bucket == position);
            let of_bucket = bucket.filter(|(_, value, _)| *value == position);
            if is_bucket {
                continue;
            }
            if of_bucket.is_none() && !is_metric(column) {
                let name = sanitised(&column.name);
                let name = unused(name, |name| sheet.labels.iter().any(|(_, own)| own == name));
                sheet.labels.push((position, name));
                continue;
            }
            // A histogram is of what its buckets bound.
            let measured = of_bucket.map_or(column, |(bucket, _, _)| &columns.shown[bucket]);
            let meaning = match (of_bucket, column.kind) {
                (Some((bucket, _, scale)), _) => Meaning::OneBucket(scale, bucket),
                (None, Some(Metric::Histogram(scale))) => Meaning::Buckets(scale),
                (None, Some(Metric::Counter)) => Meaning::Plain(Kind::Counter),
                (None, Some(Metric::Gauge) | None) => Meaning::Plain(Kind::Gauge),
            };
            let base = format!("probe_runner_{}_{}", sanitised(map), sanitised(&measured.name));
            let (mut base, divisor) = in_base_units(base, measured);
            if matches!(meaning, Meaning::Plain(Kind::Counter)) {
                base.truncate(base.trim_end_matches("_total").len());
            }
            let base = unused(base, |base| sheet.numbers.iter().any(|own| own.base == base));
            let help = column.description.clone().unwrap_or_else(|| {
                let what = format!("`{}` of map `{map}`", measured.name);
                description.map_or(what.clone(), |text| format!("{what}: {text}"))
            });
            sheet.numbers.push(Number { position, base, help, meaning, divisor });
        }
        sheet
    }
}

impl Number {
    /// What a row has of it; `None` if its bytes aren't there.
    fn sample(&self, row: &Row) -> Option<Sample> {
        let cell = row.cells[self.position].as_ref()?;
        match self.meaning {
            Meaning::Plain(_) => Some(Sample::Number(number(&cell.raw)? / self.divisor)),
            Meaning::Buckets(scale) => {
                let Value::List(counts) = &cell.raw else { return None };
                let counts = counts.iter().map(|count| number(count).unwrap_or(0.0));
                Some(Sample::Buckets(Buckets::of(counts, scale, self.divisor)))
            }
            Meaning::OneBucket(scale, bucket) => {
                let bucket = row.cells[bucket].as_ref()?.raw.as_integer()?;
                let bucket = usize::try_from(bucket).ok()?;
                let count = number(&cell.raw)?;
                Some(Sample::Buckets(Buckets::of_one(bucket, count, scale, self.divisor)))
            }
        }
    }
}

impl Sheets for Metrics {
    fn begin(&mut self, map: &str, columns: &Columns) -> io::Result<()> {
        map.clone_into(&mut self.map);
        self.sheet = Sheet::new(map, self.description.as_deref(), columns);
        // So that it is told also where it is none.
        self.missing(u64::from(!columns.fits_view));
        Ok(())
    }

    fn part(&mut self, table: &Table, lookups: &mut Lookups) -> io::Result<()> {
        let sheet = std::mem::take(&mut self.sheet);
        for row in table.rows(lookups) {
            self.row(&sheet, &row);
        }
        self.sheet = sheet;
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn losses(&mut self, table: &Table) -> io::Result<()> {
        self.lost(&Loss::counters(table));
        Ok(())
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

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Unsigned(number) => Some(*number as f64),
        Value::Signed(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::desired::{Column as Wish, Decoder, Metric, Plot, Scale};
    use crate::read::sample::{array, column, field, of_key, rps_key, structure, unsigned, view};
    use crate::read::sinks::Sheets;
    use crate::read::sinks::prometheus::{Format, Known, Metrics, SERIES};
    use crate::read::{Columns, Lookups, Loss, Table, Zeros, table};

    fn gather(metrics: &mut Metrics, tables: &[Table]) {
        for table in tables {
            metrics.begin(&table.map, &table.columns).expect("memory takes everything");
            metrics.part(table, &mut Lookups::default()).expect("memory takes everything");
            metrics.end().expect("memory takes everything");
        }
    }

    fn written(metrics: &Metrics, format: Format) -> String {
        let mut out = Vec::new();
        metrics.write(&mut out, format).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    fn text(tables: &[Table], losses: &[Loss], format: Format) -> String {
        let mut metrics = Metrics::default();
        metrics.probe("rps", Some("Counts packets"));
        gather(&mut metrics, tables);
        metrics.lost(losses);
        written(&metrics, format)
    }

    /// A map from a number to a number.
    fn counts(wish: Wish, entries: impl IntoIterator<Item = (u32, u64)>) -> Table {
        let mut view = view("counts");
        view.columns = vec![wish];
        let columns = Columns::new(Some(&unsigned(4)), &unsigned(8), Some(&view)).expect("it fits");
        let entries =
            entries.into_iter().map(|(key, value)| (key.to_le_bytes(), [value.to_le_bytes()]));
        table("counts", columns, Zeros::Kept, entries, &mut Lookups::default())
    }

    fn counter() -> Wish {
        Wish { kind: Some(Metric::Counter), ..column("value", None, None) }
    }

    fn sizes_and_packets() -> Table {
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
            Wish {
                kind: Some(Metric::Counter),
                description: Some("All \"packets\"\nthat moved".into()),
                ..column("packets", None, None)
            },
            Wish { kind: Some(Metric::Histogram(Scale::Log2)), ..column("sizes", None, None) },
        ];
        let columns = Columns::new(Some(&rps_key()), &value, Some(&view)).expect("it fits");
        let mut bytes = [7_u64.to_le_bytes(), 1_500_000_000_u64.to_le_bytes()].concat();
        bytes.extend([3_u32, 0, 5, 0].map(u32::to_le_bytes).concat());
        let entries = [(of_key([1, 0, 2, -1]), [bytes])];
        table("rps_record", columns, Zeros::Kept, entries, &mut Lookups::default())
    }

    fn loss() -> Loss {
        Loss { what: "missed".into(), place: "rps_entry".into(), count: 3, meaning: "calls".into() }
    }

    #[test]
    fn names_are_labels_and_amounts_are_metrics() {
        let labels = r#"probe="rps",device="a\"b\\c\n",curr_cpu="2",targ_cpu="-1""#;
        assert_eq!(
            text(&[sizes_and_packets()], &[loss(), loss()], Format::Text),
            format!(
                "\
# HELP probe_runner_lost_total Events or entries that are missing from the probe's numbers
# TYPE probe_runner_lost_total counter
probe_runner_lost_total{{probe=\"rps\",what=\"missed\",where=\"rps_entry\"}} 6
# HELP probe_runner_rps_record_packets_total All \"packets\"\\nthat moved
# TYPE probe_runner_rps_record_packets_total counter
probe_runner_rps_record_packets_total{{{labels}}} 7
# HELP probe_runner_rps_record_sizes `sizes` of map `rps_record`: Counts packets
# TYPE probe_runner_rps_record_sizes histogram
probe_runner_rps_record_sizes_bucket{{{labels},le=\"1.0\"}} 3
probe_runner_rps_record_sizes_bucket{{{labels},le=\"3.0\"}} 3
probe_runner_rps_record_sizes_bucket{{{labels},le=\"7.0\"}} 8
probe_runner_rps_record_sizes_bucket{{{labels},le=\"15.0\"}} 8
probe_runner_rps_record_sizes_bucket{{{labels},le=\"+Inf\"}} 8
probe_runner_rps_record_sizes_count{{{labels}}} 8
# HELP probe_runner_rps_record_spent_seconds `spent_ns` of map `rps_record`: Counts packets
# TYPE probe_runner_rps_record_spent_seconds gauge
probe_runner_rps_record_spent_seconds{{{labels}}} 1.5
"
            )
        );
    }

    #[test]
    fn open_metrics_has_the_same_series() {
        let labels = r#"probe="rps",device="a\"b\\c\n",curr_cpu="2",targ_cpu="-1""#;
        assert_eq!(
            text(&[sizes_and_packets()], &[loss()], Format::OpenMetrics),
            format!(
                "\
# HELP probe_runner_lost Events or entries that are missing from the probe's numbers
# TYPE probe_runner_lost counter
probe_runner_lost_total{{probe=\"rps\",what=\"missed\",where=\"rps_entry\"}} 3
# HELP probe_runner_rps_record_packets All \\\"packets\\\"\\nthat moved
# TYPE probe_runner_rps_record_packets counter
probe_runner_rps_record_packets_total{{{labels}}} 7
# HELP probe_runner_rps_record_sizes `sizes` of map `rps_record`: Counts packets
# TYPE probe_runner_rps_record_sizes histogram
probe_runner_rps_record_sizes_bucket{{{labels},le=\"1.0\"}} 3
probe_runner_rps_record_sizes_bucket{{{labels},le=\"3.0\"}} 3
probe_runner_rps_record_sizes_bucket{{{labels},le=\"7.0\"}} 8
probe_runner_rps_record_sizes_bucket{{{labels},le=\"15.0\"}} 8
probe_runner_rps_record_sizes_bucket{{{labels},le=\"+Inf\"}} 8
# HELP probe_runner_rps_record_spent_seconds `spent_ns` of map `rps_record`: Counts packets
# TYPE probe_runner_rps_record_spent_seconds gauge
probe_runner_rps_record_spent_seconds{{{labels}}} 1.5
# EOF
"
            )
        );
    }

    #[test]
    fn series_beyond_the_limit_are_one() {
        let table = counts(counter(), (0..SERIES as u32 + 3).map(|key| (key, 2)));
        let text = text(&[table], &[], Format::Text);
        assert!(text.ends_with(
            "probe_runner_counts_value_total{probe=\"rps\",key=\"9999\"} 2\n\
             probe_runner_counts_value_total{probe=\"rps\",key=\"other\"} 6\n"
        ));
        assert_eq!(text.lines().count(), SERIES + 3);
    }

    #[test]
    fn rows_with_the_same_labels_are_added_up() {
        let mut view = view("rps_record");
        view.columns = ["ifindex", "curr_node_id", "curr_cpu"]
            .map(|name| Wish { hide: true, ..column(name, None, None) })
            .to_vec();
        let columns = Columns::new(Some(&rps_key()), &unsigned(8), Some(&view)).expect("it fits");
        let keys = [[1, 0, 0, 1], [2, 0, 0, 1], [1, 0, 0, 0]];
        let entries = keys.map(|key| (of_key(key), [5_u64.to_le_bytes()]));
        let table = table("rps_record", columns, Zeros::Kept, entries, &mut Lookups::default());
        let text = text(&[table], &[], Format::Text);
        let series: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            series,
            [
                "probe_runner_rps_record_value{probe=\"rps\",targ_cpu=\"0\"} 5",
                "probe_runner_rps_record_value{probe=\"rps\",targ_cpu=\"1\"} 10"
            ]
        );
    }

    #[test]
    fn a_map_whose_key_is_the_bucket_is_a_histogram() {
        let key = structure(8, vec![field("nr", 0, unsigned(4)), field("slot", 4, unsigned(4))]);
        let mut view = view("gaps");
        view.columns = vec![column("slot", Some("gap_us"), None), column("value", Some("n"), None)];
        view.plot = Some(Plot::Histogram {
            bucket: "gap_us".into(),
            value: "n".into(),
            scale: Scale::Log2,
        });
        let columns = Columns::new(Some(&key), &unsigned(8), Some(&view)).expect("it fits");
        let entries = [([222_u32, 2], 3_u64), ([222, 0], 4), ([59, 70], 1)];
        let entries =
            entries.map(|(key, count)| (key.map(u32::to_le_bytes).concat(), [count.to_le_bytes()]));
        let table = table("gaps", columns, Zeros::Kept, entries, &mut Lookups::default());
        let text = text(&[table], &[], Format::Text);
        for line in [
            "# TYPE probe_runner_gaps_gap_seconds histogram",
            "probe_runner_gaps_gap_seconds_bucket{probe=\"rps\",nr=\"222\",le=\"0.000001\"} 4",
            "probe_runner_gaps_gap_seconds_bucket{probe=\"rps\",nr=\"222\",le=\"0.000003\"} 4",
            "probe_runner_gaps_gap_seconds_bucket{probe=\"rps\",nr=\"222\",le=\"0.000007\"} 7",
            "probe_runner_gaps_gap_seconds_bucket{probe=\"rps\",nr=\"222\",le=\"+Inf\"} 7",
            "probe_runner_gaps_gap_seconds_count{probe=\"rps\",nr=\"222\"} 7",
            "probe_runner_gaps_gap_seconds_bucket{probe=\"rps\",nr=\"59\",le=\"0.000001\"} 0",
            "probe_runner_gaps_gap_seconds_bucket{probe=\"rps\",nr=\"59\",le=\"+Inf\"} 1",
        ] {
            assert!(text.lines().any(|own| own == line), "{line} in\n{text}");
        }
        assert_eq!(text.lines().count(), 2 + 2 * 66);
    }

    #[test]
    fn a_name_belongs_to_one_metric() {
        let gauge = column("value", None, None);
        let mut metrics = Metrics::default();
        metrics.probe("a", None);
        gather(&mut metrics, &[counts(counter(), [(1, 7)])]);
        metrics.probe("b", None);
        gather(&mut metrics, &[counts(gauge.clone(), [(1, 7), (2, 7)])]);
        let text = written(&metrics, Format::Text);
        assert!(text.contains("value_total{probe=\"a\",key=\"1\"} 7"), "{text}");
        assert!(!text.contains("probe=\"b\""), "{text}");
        let conflicts: Vec<(&str, usize)> = metrics.conflicts().collect();
        assert_eq!(conflicts, [("probe_runner_counts_value", 2)]);

        // Another takes the name when its owner is gone.
        metrics.probe("a", None);
        metrics.forget();
        metrics.probe("b", None);
        gather(&mut metrics, &[counts(gauge, [(1, 7)])]);
        let text = written(&metrics, Format::Text);
        assert!(text.contains("value{probe=\"b\",key=\"1\"} 7"), "{text}");
        assert!(!text.contains("probe=\"a\""), "{text}");
    }

    #[test]
    fn what_was_shown_is_shown_again() {
        let shown = |known: Known, keys: std::ops::Range<u32>| {
            let mut metrics = Metrics::new(2, known);
            metrics.probe("rps", None);
            gather(&mut metrics, &[counts(counter(), keys.map(|key| (key, 1)))]);
            let text = written(&metrics, Format::Text);
            (text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>(), metrics.into_known())
        };
        let line = |key: &str, value: u32| {
            format!("probe_runner_counts_value_total{{probe=\"rps\",key=\"{key}\"}} {value}")
        };
        let (first, known) = shown(Known::default(), 5..7);
        assert_eq!(first, [line("5", 1), line("6", 1)]);
        let (second, _) = shown(known, 0..7);
        assert_eq!(second, [line("5", 1), line("6", 1), line("other", 5)]);
    }

    #[test]
    fn what_the_map_does_not_hold_is_counted() {
        let mut metrics = Metrics::default();
        metrics.probe("rps", None);
        let columns = Columns::new(Some(&unsigned(4)), &unsigned(8), None).expect("no view");
        let entries = [(1_u32.to_le_bytes(), [[7_u8; 4]])];
        let short = table("short", columns, Zeros::Kept, entries, &mut Lookups::default());
        let unfit = Table::new("unfit", Columns::plain_instead(None, &unsigned(8)), Zeros::Kept);
        gather(&mut metrics, &[counts(counter(), [(1, 1)]), short, unfit]);
        let counted: Vec<_> = metrics.undecoded().collect();
        assert_eq!(counted, [("rps", "counts", 0), ("rps", "short", 1), ("rps", "unfit", 1)]);
    }
}
