//! Applied probes as metrics: what their maps hold, what is missing from that, and how they are.
//!
//! `read -o prometheus` and `serve` both come here, so that a number has one name.

use std::collections::BTreeMap;

use crate::desired::View;
use crate::kernel::{self, PinDir, lock};
use crate::live::{AttachmentRecord, Live};
use crate::plan::drift;
use crate::read::Loss;
use crate::read::sinks::prometheus::{Kind, Metrics, Own};
use crate::readout::{self, Remarks, Wanted};

const ATTACHED: Own = Own {
    name: "probe_runner_probe_attached",
    kind: Kind::Gauge,
    help: "1 if everything that was applied is there, 0 if something is gone, was changed by somebody else, or was never finished",
};
const PROBE: Own = Own {
    name: "probe_runner_probe_info",
    kind: Kind::Gauge,
    help: "Where a probe comes from; always 1",
};
const APPLIED: Own = Own {
    name: "probe_runner_probe_applied_timestamp_seconds",
    kind: Kind::Gauge,
    help: "When a probe was applied, in seconds since 1970",
};
const ATTACHMENT: Own = Own {
    name: "probe_runner_attachment_info",
    kind: Kind::Gauge,
    help: "What a probe is attached to, and which alternative of the file that is, counted from 1; 0 if it was left out",
};
const RUNS: Own = Own {
    name: "probe_runner_program_runs",
    kind: Kind::Counter,
    help: "How often a program ran while the kernel counted; a handler counts for its caller",
};
const RUN_TIME: Own = Own {
    name: "probe_runner_program_run_seconds",
    kind: Kind::Counter,
    help: "How long a program ran while the kernel measured",
};
const ENTRIES: Own =
    Own { name: "probe_runner_map_entries", kind: Kind::Gauge, help: "Entries of a hash" };
const MAX_ENTRIES: Own = Own {
    name: "probe_runner_map_max_entries",
    kind: Kind::Gauge,
    help: "How many entries a hash can have",
};

/// Adds what a probe's maps hold, as these views show them.
///
/// # Errors
/// A map can't be opened or read.
pub fn data(
    live: &Live,
    views: &[View],
    wanted: Wanted<'_>,
    metrics: &mut Metrics,
) -> anyhow::Result<Remarks> {
    let desired = live.record.as_ref().map(|record| &record.desired);
    metrics.probe(&live.probe, desired.and_then(|desired| desired.description.as_deref()));
    let pins = PinDir::persistent(&live.probe);
    let remarks = readout::stream(&pins, views, live, wanted, metrics)?;
    metrics.lost(&counters(live));
    for (map, entries) in &remarks.entries {
        fill(live, map, *entries, metrics);
    }
    Ok(remarks)
}

/// Adds how a probe is.
pub fn health(live: &Live, metrics: &mut Metrics) {
    metrics.probe(&live.probe, None);
    metrics.own(ATTACHED, &[], f64::from(u8::from(is_attached(live))));
    if let Some(record) = &live.record {
        metrics.own(PROBE, &[("file", &record.desired.file)], 1.0);
        metrics.own(APPLIED, &[], record.applied_at as f64);
    }
    for (index, attachment) in live.attachments().iter().enumerate() {
        self::attachment(index, attachment, metrics);
    }
    let mut runs: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for program in live.programs.iter().filter(|program| program.run_count > 0) {
        let name = (program.program.object.as_str(), program.program.name.as_str());
        let (count, nanoseconds) = runs.entry(name).or_default();
        *count += program.run_count;
        *nanoseconds += program.run_time_ns;
    }
    for ((object, name), (count, nanoseconds)) in runs {
        let labels = [("object", object), ("program", name)];
        metrics.own(RUNS, &labels, count as f64);
        metrics.own(RUN_TIME, &labels, nanoseconds as f64 / 1e9);
    }
}

/// Adds how full those of a probe's hashes are that [`data`] didn't read, which takes going through them.
pub fn rest(live: &Live, remarks: &Remarks, metrics: &mut Metrics) {
    let is_read = |map: &str| remarks.entries.iter().any(|(name, _)| name == map);
    for (map, entries) in kernel::fill(live, |map| !is_read(map)) {
        fill(live, &map, entries, metrics);
    }
}

/// A replacement that is being brought up beside a probe isn't one that was never finished.
fn is_attached(live: &Live) -> bool {
    let is_whole = live.record.is_some() && drift(live).is_empty();
    is_whole && (!live.unfinished_replacement || lock::is_held())
}

fn attachment(index: usize, attachment: &AttachmentRecord, metrics: &mut Metrics) {
    let (index, alternative) =
        ((index + 1).to_string(), (attachment.passed_over.len() + 1).to_string());
    let hook = attachment.chosen.as_ref();
    let target = hook.map(|hook| hook.place()).unwrap_or_default();
    let labels = [
        ("attachment", index.as_str()),
        ("kind", hook.map_or("", |hook| hook.kind.name())),
        ("target", &target),
        ("alternative", if hook.is_some() { &alternative } else { "" }),
    ];
    metrics.own(ATTACHMENT, &labels, if hook.is_some() { 1.0 } else { 0.0 });
}

fn fill(live: &Live, map: &str, entries: u64, metrics: &mut Metrics) {
    let Some(size) = live.maps.iter().find(|one| one.name == map) else { return };
    metrics.own(ENTRIES, &[("map", map)], entries as f64);
    metrics.own(MAX_ENTRIES, &[("map", map)], f64::from(size.max_entries));
}

/// The kernel's counters of events that it skipped, also those that are 0: what begins to count
/// while somebody watches has to have been 0 before.
fn counters(live: &Live) -> Vec<Loss> {
    let nothing = |what: &str, place: &str| Loss {
        what: what.to_owned(),
        place: place.to_owned(),
        count: 0,
        meaning: String::new(),
    };
    let skipped = live.programs.iter().filter(|program| program.recursion_misses.is_some());
    let unserved = live.links.iter().filter(|link| link.missed.is_some());
    let mut counters: Vec<Loss> =
        skipped.map(|program| nothing("recursion_misses", &program.program.name)).collect();
    counters.extend(unserved.map(|link| nothing("missed", &link.program.name)));
    counters.extend(readout::losses(live));
    counters
}

/// What is wrong with metrics that were gathered: the metric or the map, and what to say of it.
pub fn warnings(metrics: &Metrics) -> Vec<(String, String)> {
    let overflows = metrics.overflows().map(|(name, series)| {
        let text = format!("{name}: {series} series too many were added up as `other`");
        (name.to_owned(), text)
    });
    let conflicts = metrics.conflicts().map(|(name, series)| {
        let text = format!(
            "{name}: {series} series were left out because another metric has that name; \
             give the column another `name`"
        );
        (name.to_owned(), text)
    });
    let undecoded = metrics.undecoded().filter(|(_, _, count)| *count > 0);
    let undecoded = undecoded.map(|(probe, map, _)| {
        let text = format!(
            "probe/{probe}: map {map} doesn't hold what its view says; apply the probe's file again"
        );
        (format!("{probe}/{map}"), text)
    });
    overflows.chain(conflicts).chain(undecoded).collect()
}
