//! Reading whole maps: a hash whose keys are structures, and the same per CPU, to JSON.
//!
//! A program fills the maps from system calls, so that both tools read what a probe would leave. bpftool writes
//! every entry twice, as bytes and by its types; that is what it has.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::bench::measure::{Candidate, Run, interleaved};
use crate::packages::{self, Tool};
use crate::{binaries, paths};

/// How to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Counted runs of each command
    #[arg(long, default_value_t = 11)]
    runs: usize,
    /// Entries of the map that both tools read
    #[arg(long, default_value_t = 65_536)]
    entries: u32,
    /// Entries of the map that shows how time and memory grow; 0 to leave it out
    #[arg(long, default_value_t = 1_000_000)]
    many: u32,
}

/// The maps of `tests/objects/fill.bpf.c` and the programs that fill them.
const MAPS: [(&str, &str); 2] = [("flows", "fill_flows"), ("flows_by_cpu", "fill_flows_by_cpu")];

/// How many entries a system call adds.
const AT_ONCE: u32 = 64;

/// Reads filled maps with probe-runner and bpftool in turn.
///
/// # Errors
/// Not root, a tool is missing, or a command fails.
pub fn run(args: &Args) -> Result<()> {
    if !packages::is_root() {
        bail!("loading BPF programs needs root: run this as root");
    }
    packages::require(&Tool { program: "bpftool", package: "bpftool" })?;
    let binary = binaries::build()?.probe_runner;
    let mut out = std::io::stdout();
    for (map, program) in MAPS {
        let medians = with_map(&binary, map, program, args.entries, || {
            interleaved(&[probe_runner(&binary, map), bpftool(map)], args.runs)
        })?;
        writeln!(out, "{map}, {} entries ({} runs each, medians)", args.entries, args.runs)?;
        let [ours, theirs] = medians[..] else { bail!("not two results") };
        writeln!(out, "{}", row("probe-runner", &ours, args.entries))?;
        writeln!(out, "{}", row("bpftool", &theirs, args.entries))?;
        let times = ours.wall.as_secs_f64() / theirs.wall.as_secs_f64();
        writeln!(out, "  probe-runner takes {times:.3} of bpftool's time")?;
        if args.many == 0 {
            continue;
        }
        let medians = with_map(&binary, map, program, args.many, || {
            interleaved(&[probe_runner(&binary, map)], args.runs)
        })?;
        let [many] = medians[..] else { bail!("not one result") };
        writeln!(out, "{map}, {} entries", args.many)?;
        writeln!(out, "{}", row("probe-runner", &many, args.many))?;
        let growth = per_entry(&many, args.many) / per_entry(&ours, args.entries);
        writeln!(out, "  an entry takes {growth:.2} of what one of {} takes", args.entries)?;
    }
    Ok(())
}

fn row(name: &str, run: &Run, entries: u32) -> String {
    format!(
        "  {name:14} {:8.1} ms wall  {:8.1} ms cpu  {:6.0} ns an entry  {:6.1} MiB",
        1e3 * run.wall.as_secs_f64(),
        1e3 * run.cpu.as_secs_f64(),
        per_entry(run, entries),
        run.memory as f64 / f64::from(1 << 20),
    )
}

/// Nanoseconds of wall time.
fn per_entry(run: &Run, entries: u32) -> f64 {
    1e9 * run.wall.as_secs_f64() / f64::from(entries)
}

/// Applies a probe that fills a map, and removes it after the measurement.
pub(super) fn with_map<T>(
    binary: &Path,
    map: &str,
    program: &str,
    entries: u32,
    measure: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let file = paths::target().join("bench-read.yaml");
    let object =
        paths::root().join(format!("tests/objects/prebuilt/{}/fill.bpf.o", std::env::consts::ARCH));
    let text = format!(
        "version: 1
object: {}
globals: {{ wanted: {entries} }}
maps: {{ {map}: {{ max_entries: {entries} }} }}
attach:
  - raw_tracepoint: {{ name: sys_enter, program: {program} }}
read: {{ {map}: {{}} }}
",
        object.display(),
    );
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    run_quietly(Command::new(binary).arg("apply").arg(&file))?;
    let result = fill(entries).and_then(|()| {
        let rows = rows(binary, map)?;
        ensure!(rows == entries as usize, "{map} has {rows} rows instead of {entries}");
        measure()
    });
    run_quietly(Command::new(binary).args(["delete", "bench-read"]))?;
    result
}

/// The rows that are read. They are counted as they come: what this process holds, those that it starts
/// are taken to have held.
fn rows(binary: &Path, map: &str) -> Result<usize> {
    let mut child = Command::new(binary)
        .args(["read", "bench-read", map, "-o", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start probe-runner")?;
    let stdout = child.stdout.take().context("no pipe")?;
    let mut rows = 0;
    for line in BufReader::new(stdout).lines() {
        rows += usize::from(line?.contains("\"device\":"));
    }
    ensure!(child.wait()?.success(), "probe-runner can't read {map}");
    Ok(rows)
}

/// Makes as many system calls as it takes, and some more for what is filled twice.
fn fill(entries: u32) -> Result<()> {
    let mut zero = File::open("/dev/zero").context("cannot open /dev/zero")?;
    for _ in 0..entries.div_ceil(AT_ONCE) * 2 {
        zero.read_exact(&mut [0]).context("cannot read /dev/zero")?;
    }
    Ok(())
}

fn probe_runner(binary: &Path, map: &'static str) -> Candidate {
    let binary = binary.to_owned();
    Candidate {
        name: "probe-runner",
        command: Box::new(move || {
            let mut command = Command::new(&binary);
            command.args(["read", "bench-read", map, "-o", "json"]);
            command
        }),
        after: Box::new(|| Ok(())),
    }
}

fn bpftool(map: &'static str) -> Candidate {
    Candidate {
        name: "bpftool",
        command: Box::new(move || {
            let mut command = Command::new("bpftool");
            command.args(["-j", "map", "dump", "pinned"]);
            command.arg(format!("/sys/fs/bpf/probe-runner/bench-read/maps/{map}"));
            command
        }),
        after: Box::new(|| Ok(())),
    }
}

pub(super) fn run_quietly(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().context("cannot run probe-runner")?;
    if !output.status.success() {
        bail!("probe-runner failed: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}
