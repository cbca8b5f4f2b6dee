//! A metric with all its series, of which it has a bounded number.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::desired::Scale;

/// How many buckets of a histogram of even steps are told apart.
const BUCKETS: usize = 1024;
/// The same of one by powers of two. One whose map has only the buckets that aren't empty gets all
/// of them: which there are must not change while it is watched.
const POWERS: usize = 64;

/// What the numbers of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They only grow.
    Counter,
    /// They come and go.
    Gauge,
    /// Amounts by upper bounds.
    Histogram,
}

impl Kind {
    /// As `# TYPE` has it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }

    /// The names that a metric of this kind takes for itself.
    pub fn names(self, base: &str) -> Vec<String> {
        let endings: &[&str] = match self {
            Kind::Counter => &["", "_total"],
            Kind::Gauge => &[""],
            Kind::Histogram => &["", "_bucket", "_count", "_sum"],
        };
        endings.iter().map(|ending| format!("{base}{ending}")).collect()
    }
}

/// What a series holds.
#[derive(Clone, Debug)]
pub enum Sample {
    /// One number.
    Number(f64),
    /// Amounts by bucket.
    Buckets(Buckets),
}

/// A histogram's series.
#[derive(Clone, Debug)]
pub struct Buckets {
    /// What is in each bucket alone.
    pub counts: Vec<f64>,
    /// What is in buckets beyond those.
    pub beyond: f64,
    /// What the number of a bucket means.
    pub scale: Scale,
    /// What bounds are divided by, to be in the metric's unit.
    pub divisor: f64,
}

impl Buckets {
    /// A histogram with these counts, bucket 0 first.
    pub fn of(counts: impl IntoIterator<Item = f64>, scale: Scale, divisor: f64) -> Buckets {
        let mut buckets = Buckets { counts: Vec::new(), beyond: 0.0, scale, divisor };
        for (bucket, count) in counts.into_iter().enumerate() {
            buckets.add(bucket, count);
        }
        buckets
    }

    /// A histogram of which one bucket is known, and which others there may be.
    pub fn of_one(bucket: usize, count: f64, scale: Scale, divisor: f64) -> Buckets {
        let least = if scale == Scale::Log2 { POWERS } else { 0 };
        let counts = vec![0.0; least];
        let mut buckets = Buckets { counts, beyond: 0.0, scale, divisor };
        buckets.add(bucket, count);
        buckets
    }

    /// The upper bound of a bucket, which still belongs to it.
    pub fn bound(&self, bucket: usize) -> f64 {
        let next = match self.scale {
            Scale::Log2 => 2_f64.powi(i32::try_from(bucket + 1).unwrap_or(i32::MAX)),
            Scale::Linear(width) => (bucket as f64 + 1.0) * width as f64,
        };
        (next - 1.0) / self.divisor
    }

    fn add(&mut self, bucket: usize, count: f64) {
        let most = if self.scale == Scale::Log2 { POWERS } else { BUCKETS };
        if bucket >= most {
            self.beyond += count;
            return;
        }
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0.0);
        }
        self.counts[bucket] += count;
    }
}

impl Sample {
    /// How many lines it takes.
    fn cost(&self) -> usize {
        match self {
            Sample::Number(_) => 1,
            // One for everything, one for how many there are.
            Sample::Buckets(buckets) => buckets.counts.len() + 2,
        }
    }

    fn add(&mut self, other: Sample) {
        match (self, other) {
            (Sample::Number(own), Sample::Number(other)) => *own += other,
            (Sample::Buckets(own), Sample::Buckets(other)) => {
                own.beyond += other.beyond;
                for (bucket, count) in other.counts.into_iter().enumerate() {
                    own.add(bucket, count);
                }
            }
            // A family has samples of one kind.
            _ => {}
        }
    }
}

/// The series that a metric had, and what each took: they go before those that are new.
pub type Shown = HashMap<u64, usize>;

/// A metric.
#[derive(Debug)]
pub struct Family {
    /// What it says.
    pub help: String,
    /// What its numbers are.
    pub kind: Kind,
    /// By their labels.
    pub series: BTreeMap<Box<str>, Sample>,
    /// What is beyond the limit, and how many series that were.
    pub overflow: BTreeMap<Box<str>, (Sample, usize)>,
    limit: usize,
    lines: usize,
    shown: Shown,
    /// Lines that are kept for those that were shown and didn't come yet.
    kept: usize,
}

impl Family {
    /// One without series.
    pub fn new(help: String, kind: Kind, limit: usize, shown: Shown) -> Family {
        let kept = shown.values().sum();
        let (series, overflow) = Default::default();
        Family { help, kind, series, overflow, limit, lines: 0, shown, kept }
    }

    /// Adds to a series; to what `other` labels where there are too many.
    pub fn add(&mut self, labels: Box<str>, sample: Sample, other: impl FnOnce() -> Box<str>) {
        if let Some(own) = self.series.get_mut(&labels) {
            let before = own.cost();
            own.add(sample);
            self.lines += own.cost() - before;
            return;
        }
        let cost = sample.cost();
        let fits = match self.shown.remove(&hash(&labels)) {
            Some(kept) => {
                self.kept -= kept;
                true
            }
            None => self.lines + self.kept + cost <= self.limit,
        };
        if fits {
            self.lines += cost;
            self.series.insert(labels, sample);
            return;
        }
        match self.overflow.entry(other()) {
            Entry::Occupied(mut entry) => {
                let (sum, series) = entry.get_mut();
                sum.add(sample);
                *series += 1;
            }
            Entry::Vacant(entry) => {
                entry.insert((sample, 1));
            }
        }
    }

    /// Gives a series its number, whatever it had.
    pub fn set(&mut self, labels: Box<str>, value: f64) {
        if self.series.insert(labels, Sample::Number(value)).is_none() {
            self.lines += 1;
        }
    }

    /// Leaves out every series whose labels begin so.
    pub fn forget(&mut self, labels: &str) {
        let is_other = |name: &str| {
            let rest = name.strip_prefix(labels);
            !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(','))
        };
        self.series.retain(|name, _| is_other(name));
        self.overflow.retain(|name, _| is_other(name));
        self.lines = self.series.values().map(Sample::cost).sum();
    }

    /// How many series were added up.
    pub fn overflowed(&self) -> usize {
        self.overflow.values().map(|(_, series)| series).sum()
    }

    /// The series that are shown.
    pub fn into_shown(self) -> Shown {
        self.series.iter().map(|(labels, sample)| (hash(labels), sample.cost())).collect()
    }
}

fn hash(labels: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    labels.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::{Buckets, Family, Kind, Sample, Shown};
    use crate::desired::Scale;

    fn family(limit: usize, shown: Shown) -> Family {
        Family::new(String::new(), Kind::Counter, limit, shown)
    }

    fn add(family: &mut Family, name: &str, value: f64) {
        family.add(name.into(), Sample::Number(value), || "other".into());
    }

    fn names(family: &Family) -> Vec<&str> {
        family.series.keys().map(|name| &**name).collect()
    }

    #[test]
    fn what_was_shown_goes_on_being_shown() {
        let mut first = family(2, Shown::default());
        for name in ["c", "b", "c"] {
            add(&mut first, name, 1.0);
        }
        assert_eq!(names(&first), ["b", "c"]);
        let mut second = family(2, first.into_shown());
        for name in ["a", "b", "c", "d"] {
            add(&mut second, name, 1.0);
        }
        assert_eq!(names(&second), ["b", "c"]);
        assert_eq!(second.overflowed(), 2);
        assert!(matches!(second.overflow["other"], (Sample::Number(2.0), 2)));
        let mut third = family(2, second.into_shown());
        for name in ["a", "c"] {
            add(&mut third, name, 1.0);
        }
        // `b` had its place until it was known to be gone.
        assert_eq!(names(&third), ["c"]);
        let mut fourth = family(2, third.into_shown());
        for name in ["a", "c"] {
            add(&mut fourth, name, 1.0);
        }
        assert_eq!(names(&fourth), ["a", "c"]);
    }

    #[test]
    fn a_histogram_takes_a_line_for_each_bucket() {
        let mut family = Family::new(String::new(), Kind::Histogram, 20, Shown::default());
        for name in ["a", "b", "b", "c"] {
            let buckets = Buckets::of([1.0, 0.0, 3.0, 0.0, 2.0], Scale::Linear(10), 1.0);
            family.add(name.into(), Sample::Buckets(buckets), || "other".into());
        }
        assert_eq!(names(&family), ["a", "b"]);
        assert_eq!(family.overflowed(), 1);
        let Some(Sample::Buckets(buckets)) = family.series.get("b") else { panic!("no buckets") };
        assert_eq!(buckets.counts, [2.0, 0.0, 6.0, 0.0, 4.0]);
        assert_eq!([buckets.bound(0), buckets.bound(4)], [9.0, 49.0]);
    }

    #[test]
    fn buckets_are_bounded() {
        let buckets = Buckets::of_one(usize::MAX, 3.0, Scale::Log2, 1.0);
        assert_eq!((buckets.counts.len(), buckets.beyond), (64, 3.0));
        let buckets = Buckets::of_one(1023, 3.0, Scale::Linear(5), 1.0);
        assert_eq!((buckets.counts.len(), buckets.beyond), (1024, 0.0));
    }

    #[test]
    fn one_probe_is_forgotten_and_no_other() {
        let mut family = family(9, Shown::default());
        for name in ["probe=\"a\"", "probe=\"a\",x=\"1\"", "probe=\"ab\"", "probe=\"b\""] {
            add(&mut family, name, 1.0);
        }
        family.forget("probe=\"a\"");
        assert_eq!(names(&family), ["probe=\"ab\"", "probe=\"b\""]);
    }
}
