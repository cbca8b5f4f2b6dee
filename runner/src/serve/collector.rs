//! Reads every applied probe, whatever happens to it meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::kernel::{lock, observe};
use crate::metrics;
use crate::plan::drift;
use crate::read::sinks::prometheus::{Kind, Known, Metrics, Own};
use crate::readout::Wanted;

/// How often a probe is read that is changed while it is read, and how long to wait before the next time: a
/// probe is deleted in some milliseconds.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(2);

const BUILD: Own = Own {
    name: "probe_runner_build_info",
    kind: Kind::Gauge,
    help: "The version of probe-runner; always 1",
};
const DURATION: Own = Own {
    name: "probe_runner_scrape_duration_seconds",
    kind: Kind::Gauge,
    help: "How long it took to read all probes for this page",
};
const PROBE_DURATION: Own = Own {
    name: "probe_runner_probe_scrape_duration_seconds",
    kind: Kind::Gauge,
    help: "How long it took to read a probe for this page",
};
const ERRORS: Own = Own {
    name: "probe_runner_scrape_errors",
    kind: Kind::Counter,
    help: "How often a probe could not be read and was left out of the page; probe=\"\" for the list of probes",
};
const UNDECODED: Own = Own {
    name: "probe_runner_decode_errors",
    kind: Kind::Counter,
    help: "Numbers and labels that a map did not hold, or a view that does not fit it, added up over all scrapes",
};
const OVERFLOW: Own = Own {
    name: "probe_runner_overflow_series",
    kind: Kind::Gauge,
    help: "Series of a metric beyond the limit, which were added up as `other`",
};
const CONFLICT: Own = Own {
    name: "probe_runner_conflicting_series",
    kind: Kind::Gauge,
    help: "Series that were left out because another metric has their name",
};

/// Reads probes, and remembers what has to be known from one page to the next.
#[derive(Debug)]
pub struct Collector {
    series: usize,
    known: Known,
    /// By probe; `""` is the list of probes.
    past: BTreeMap<String, Past>,
    /// What was said and still holds.
    said: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Past {
    errors: u64,
    undecoded: BTreeMap<String, u64>,
    took: Duration,
}

/// What came of reading a probe.
enum Read {
    /// All of it, or what will stay of it.
    Whole,
    /// It is gone, or not there yet.
    Gone,
    /// Somebody is changing it.
    Half,
}

impl Collector {
    /// Begins without a past. A metric gets so many series.
    pub fn new(series: usize) -> Collector {
        let (known, past, said) = Default::default();
        Collector { series, known, past, said }
    }

    /// Reads everything. What isn't done at `until` is left out and counted as an error; `say` is given what a
    /// person should know, once.
    pub fn collect(&mut self, until: Instant, mut say: impl FnMut(&str)) -> Metrics {
        let begin = Instant::now();
        let mut all = Metrics::new(self.series, std::mem::take(&mut self.known));
        let mut problems = BTreeMap::new();
        let probes = observe::probes().unwrap_or_else(|error| {
            self.past.entry(String::new()).or_default().errors += 1;
            problems.insert(String::new(), format!("probes can't be listed: {error}"));
            Vec::new()
        });
        self.past.retain(|probe, _| probe.is_empty() || probes.contains(probe));
        for probe in self.quickest_first(probes) {
            let begin = Instant::now();
            let result = read(&probe, until, &mut all);
            let past = self.past.entry(probe.clone()).or_default();
            past.took = begin.elapsed();
            match result {
                Ok(Read::Whole | Read::Half) => {}
                Ok(Read::Gone) => {
                    self.past.remove(&probe);
                }
                Err(error) => {
                    past.errors += 1;
                    problems.insert(probe.clone(), format!("probe/{probe}: {error:#}"));
                }
            }
        }
        for (probe, map, count) in all.undecoded() {
            if let Some(past) = self.past.get_mut(probe) {
                *past.undecoded.entry(map.to_owned()).or_default() += count;
            }
        }
        problems.extend(metrics::warnings(&all));
        self.own(&mut all, begin);
        self.said.retain(|key| problems.contains_key(key));
        for (key, text) in problems {
            if self.said.insert(key) {
                say(&text);
            }
        }
        all
    }

    /// Keeps what the next page has to know of one that was written.
    pub fn remember(&mut self, metrics: Metrics) {
        self.known = metrics.into_known();
    }

    /// A slow one shouldn't take the others' time.
    fn quickest_first(&self, mut probes: Vec<String>) -> Vec<String> {
        probes.sort_by_key(|probe| self.past.get(probe).map(|past| past.took));
        probes
    }

    /// Adds the numbers about reading itself.
    fn own(&self, all: &mut Metrics, begin: Instant) {
        let overflows: Vec<(String, usize)> =
            all.overflows().map(|(name, series)| (name.to_owned(), series)).collect();
        let conflicts: Vec<(String, usize)> =
            all.conflicts().map(|(name, series)| (name.to_owned(), series)).collect();
        for (probe, past) in &self.past {
            all.probe(probe, None);
            all.own(ERRORS, &[], past.errors as f64);
            if !probe.is_empty() {
                all.own(PROBE_DURATION, &[], past.took.as_secs_f64());
            }
            for (map, count) in &past.undecoded {
                all.own(UNDECODED, &[("map", map)], *count as f64);
            }
        }
        for (name, series) in overflows {
            all.of_all(OVERFLOW, &[("metric", &name)], series as f64);
        }
        for (name, series) in conflicts {
            all.of_all(CONFLICT, &[("metric", &name)], series as f64);
        }
        all.of_all(BUILD, &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        all.of_all(DURATION, &[], begin.elapsed().as_secs_f64());
    }
}

/// Reads one probe, as it was at one moment.
fn read(probe: &str, until: Instant, all: &mut Metrics) -> anyhow::Result<Read> {
    for tries in 1.. {
        let before = observe::moment(probe)?;
        let result = read_once(probe, until, all);
        let is_half = match &result {
            Ok(Read::Half) => tries < TRIES,
            Ok(_) => false,
            Err(_) => tries < TRIES && lock::is_held() && Instant::now() < until,
        };
        if observe::moment(probe)? == before && !is_half {
            if result.is_err() {
                all.forget();
                // How it is can be told all the same.
                observe::glance(probe)?.iter().for_each(|live| metrics::health(live, all));
            }
            return result;
        }
        // It was applied, changed or deleted meanwhile.
        all.forget();
        if tries == TRIES {
            break;
        }
        sleep(PAUSE);
    }
    bail!("it changes faster than it can be read")
}

fn read_once(probe: &str, until: Instant, all: &mut Metrics) -> anyhow::Result<Read> {
    all.probe(probe, None);
    if Instant::now() > until {
        bail!("it was not read: the time for this page was over");
    }
    let Some(live) = observe::glance(probe)? else { return Ok(Read::Gone) };
    let Some(record) = &live.record else {
        if lock::is_held() {
            // It is being applied.
            return Ok(Read::Gone);
        }
        metrics::health(&live, all);
        return Ok(Read::Whole);
    };
    // Who reads often must not take away what others want to read.
    let wanted = Wanted { keeps: true, until: Some(until), ..Wanted::default() };
    let remarks = metrics::data(&live, &record.desired.views, wanted, all)?;
    metrics::health(&live, all);
    metrics::rest(&live, &remarks, all);
    Ok(if !drift(&live).is_empty() && lock::is_held() { Read::Half } else { Read::Whole })
}
