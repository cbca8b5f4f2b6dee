//! `probe-runner status`: what runs, as the kernel tells it.

mod document;
mod human;

use crate::commands::{Format, Outcome, applied, attached};
use crate::kernel::{Statistics, fill, observe};
use crate::live::Live;
use crate::text::terminal::Escaping;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

/// A probe and what is found out about it for a person's sake.
struct Shown {
    live: Live,
    /// How many entries maps hold, by name.
    fill: BTreeMap<String, u64>,
    /// How its programs ran, where that was measured.
    measured: Option<Measured>,
}

/// What programs did in a while.
struct Measured {
    time: Duration,
    /// By program id.
    runs: BTreeMap<u32, Runs>,
}

/// What one program did.
#[derive(Clone, Copy)]
struct Runs {
    count: u64,
    nanoseconds: u64,
}

/// Shows the named probes, or every probe that is applied. With `measure` the kernel counts and times
/// the programs' runs for so long.
///
/// # Errors
/// A named probe isn't applied, or the kernel can't be asked.
pub fn run(
    names: &[String],
    measure: Option<Duration>,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let names = if names.is_empty() { observe::probes()? } else { names.to_vec() };
    let find = || names.iter().map(|name| applied::find(name)).collect::<Result<Vec<_>, _>>();
    let before = measure
        .map(|time| {
            let statistics = Statistics::enable()?;
            let before = find()?;
            sleep(time);
            anyhow::Ok((time, before, statistics))
        })
        .transpose()?;
    let mut probes = Vec::new();
    for (index, live) in find()?.into_iter().enumerate() {
        let measured = before
            .as_ref()
            .map(|(time, before, _)| Measured::between(*time, &before[index], &live));
        let fill = fill(&live, |_| true);
        probes.push(Shown { live, fill, measured });
    }
    match format {
        Format::Human => {
            if probes.is_empty() {
                writeln!(out, "no probe is applied")?;
            }
            for (index, shown) in probes.iter().enumerate() {
                if index > 0 {
                    writeln!(out)?;
                }
                human::write(shown, &mut Escaping(&mut *out))?;
                out.flush()?;
                attached::warn(&shown.live.probe, shown.live.attachments());
            }
        }
        Format::Json => {
            let probes: Vec<Value> = probes.iter().map(document::of).collect();
            let document = json!({ "schema_version": 1, "probes": probes });
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)?;
        }
    }
    Ok(Outcome::Done)
}

/// A probe's status for people, a line each; how its programs ran since a state of it so much earlier.
///
/// # Errors
/// None but what writing to memory has.
pub fn lines(live: &Live, before: Option<(Duration, &Live)>) -> anyhow::Result<Vec<String>> {
    let measured = before.map(|(time, before)| Measured::between(time, before, live));
    let shown = Shown { live: live.clone(), fill: fill(live, |_| true), measured };
    let mut text = Vec::new();
    human::write(&shown, &mut text)?;
    Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
}

impl Measured {
    fn between(time: Duration, before: &Live, after: &Live) -> Measured {
        let runs = after.programs.iter().filter_map(|now| {
            // One that came meanwhile has nothing to be compared with.
            let then = before.programs.iter().find(|then| then.id == now.id)?;
            let runs = Runs {
                count: now.run_count.saturating_sub(then.run_count),
                nanoseconds: now.run_time_ns.saturating_sub(then.run_time_ns),
            };
            Some((now.id, runs))
        });
        Measured { time, runs: runs.collect() }
    }
}

impl Runs {
    /// Nanoseconds of a run; `None` if there was none.
    fn each(self) -> Option<u64> {
        self.nanoseconds.checked_div(self.count)
    }
}
