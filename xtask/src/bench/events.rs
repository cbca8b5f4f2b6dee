//! Records through a ring buffer: how many a second a consumer takes on one processor, and up to which rate none are lost.
//!
//! A program (`tests/objects/flood.bpf.c`) sends 256 records of 64 bytes for each call of a system call that nobody has; a
//! process on the second processor makes the calls, the consumer has the first one. What the consumer took is what was sent but
//! for what the program counted as lost. Time is what the consumer computed, in the kernel too: others may use the
//! processors meanwhile.

mod consumer;

use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::binaries::{self, Binaries};
use crate::packages::{self, Tool};
use consumer::{Consumer, Kind};

/// How to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Counted rounds; each has every consumer once
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Records that are sent as fast as they can be, in each run
    #[arg(long, default_value_t = 8_000_000)]
    records: u32,
    /// Records a second of the paced runs
    #[arg(long, value_name = "RATE", default_values_t = [250_000, 500_000, 1_000_000, 2_000_000, 4_000_000])]
    rate: Vec<u32>,
    /// How long each paced run takes, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u32,
}

/// The system call that makes the program send, and how much it sends.
const NUMBER: &str = "100000";
const AT_ONCE: u32 = 256;

/// What one run was.
#[derive(Clone, Copy, Debug)]
struct Run {
    sent: u64,
    lost: u64,
    /// Computed by the consumer.
    cpu: Duration,
    /// From the first record to the last.
    wall: Duration,
}

/// Measures every consumer.
///
/// # Errors
/// Not root, a tool is missing, or a consumer fails.
pub fn run(args: &Args) -> Result<()> {
    if !packages::is_root() {
        bail!("loading BPF programs needs root: run this as root");
    }
    packages::require(&Tool { program: "bpftool", package: "bpftool" })?;
    packages::require(&Tool { program: "taskset", package: "util-linux" })?;
    let binaries = binaries::build()?;
    let libbpf = consumer::build_libbpf()?;
    let mut out = std::io::stdout();
    let flood = |kind: Kind, calls: u32, pace: Option<u32>| -> Result<Run> {
        let consumer = Consumer::start(kind, &binaries, &libbpf)?;
        one(consumer, &binaries, calls, pace)
    };

    let calls = args.records / AT_ONCE;
    let mut all = vec![Vec::new(); Kind::ALL.len()];
    for _ in 0..args.runs {
        for (kind, runs) in Kind::ALL.into_iter().zip(&mut all) {
            runs.push(flood(kind, calls, None)?);
        }
    }
    writeln!(
        out,
        "{} records as fast as they can be sent, {} runs each",
        calls * AT_ONCE,
        args.runs
    )?;
    for (kind, runs) in Kind::ALL.into_iter().zip(&all) {
        writeln!(out, "{}", fast(kind, runs))?;
    }

    writeln!(out, "records lost at a pace, {} s each", args.seconds)?;
    for rate in &args.rate {
        let pace = rate / AT_ONCE;
        let calls = pace * args.seconds;
        for kind in Kind::ALL {
            let run = flood(kind, calls, Some(pace))?;
            let load = run.cpu.as_secs_f64() / run.wall.as_secs_f64();
            writeln!(
                out,
                "  {:>9}/s  {:24} {:>9} of {:>9} lost, {:3.0} % of a processor",
                pace * AT_ONCE,
                kind.name(),
                run.lost,
                run.sent,
                100.0 * load
            )?;
        }
    }
    Ok(())
}

/// One flood, from when the consumer is ready until it has taken everything.
fn one(consumer: Consumer, binaries: &Binaries, calls: u32, pace: Option<u32>) -> Result<Run> {
    let mut producer = vec![if pace.is_some() { "paced" } else { "calls" }.to_owned()];
    producer.extend([NUMBER.to_owned(), calls.to_string()]);
    producer.extend(pace.map(|pace| pace.to_string()));
    let before = consumer.computed()?;
    let start = Instant::now();
    let status = Command::new("taskset")
        .args(["-c", "1"])
        .arg(&binaries.guest)
        .arg("traffic")
        .args(producer)
        .status()
        .context("cannot start the producer")?;
    ensure!(status.success(), "the producer failed");
    let wall = start.elapsed();
    let after = consumer.is_idle()?;
    let (sent, lost) = (u64::from(calls * AT_ONCE), consumer.lost()?);
    consumer.end(sent - lost)?;
    Ok(Run { sent, lost, cpu: after - before, wall })
}

/// The median of what was taken in a second of computing.
fn fast(kind: Kind, runs: &[Run]) -> String {
    let mut rates: Vec<f64> =
        runs.iter().map(|run| (run.sent - run.lost) as f64 / run.cpu.as_secs_f64()).collect();
    rates.sort_by(f64::total_cmp);
    let median = rates.get(rates.len() / 2).copied().unwrap_or_default();
    let (least, most) =
        (rates.first().copied().unwrap_or(0.0), rates.last().copied().unwrap_or(0.0));
    let taken: u64 = runs.iter().map(|run| run.sent - run.lost).sum();
    let sent: u64 = runs.iter().map(|run| run.sent).sum();
    format!(
        "  {:24} {:>9.0} a second of computing ({least:.0} to {most:.0}), {:5.0} ns each; took {:.0} % of what was sent",
        kind.name(),
        median,
        1e9 / median,
        100.0 * taken as f64 / sent as f64,
    )
}
