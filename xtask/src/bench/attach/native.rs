//! Measures on this machine's kernel: wall time, processor time and memory, medians of runs in turn.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::case::{Case, RAW_TRACEPOINTS};
use super::loader::{self, Linking};
use crate::bench::measure::{Candidate, Run, interleaved};
use crate::packages::{self, Tool};
use crate::{binaries, paths};

/// Where bpftool pins what it loads.
const PINS: &str = "/sys/fs/bpf/probe-runner-bench";

/// Measures every case.
///
/// # Errors
/// Not root, a tool is missing, or a command fails.
pub fn run(runs: usize) -> Result<()> {
    if !packages::is_root() {
        bail!("loading BPF programs needs root: run this as root");
    }
    packages::require(&Tool { program: "bpftool", package: "bpftool" })?;
    let ours = binaries::build()?.probe_runner;
    let theirs = loader::build(Linking::Dynamic)?;
    let mut out = std::io::stdout();
    for case in &RAW_TRACEPOINTS {
        let candidates = [probe_runner(case, &ours)?, libbpf(case, &theirs), bpftool(case)];
        let medians = interleaved(&candidates, runs)?;
        writeln!(out, "{} ({runs} runs each, medians)", case.name)?;
        let baseline = medians[1];
        for (candidate, run) in candidates.iter().zip(&medians) {
            writeln!(out, "{}", row(candidate.name, run, &baseline))?;
        }
    }
    Ok(())
}

fn row(name: &str, run: &Run, baseline: &Run) -> String {
    format!(
        "  {name:14} {:7.1} ms wall  {:7.1} ms cpu ({:.2} × libbpf)  {:6.1} MiB",
        1e3 * run.wall.as_secs_f64(),
        1e3 * run.cpu.as_secs_f64(),
        run.cpu.as_secs_f64() / baseline.cpu.as_secs_f64(),
        run.memory as f64 / f64::from(1 << 20),
    )
}

fn probe_runner(case: &Case, binary: &Path) -> Result<Candidate> {
    let file = paths::target().join(format!("bench-{}.yaml", case.stem));
    fs::write(&file, case.probe_file(&case.object()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let binary = binary.to_owned();
    Ok(Candidate {
        name: "probe-runner",
        command: Box::new(move || {
            let mut command = Command::new(&binary);
            command.arg("run").arg(&file).args(["--for", "0s"]);
            command
        }),
        after: Box::new(|| Ok(())),
    })
}

fn libbpf(case: &Case, binary: &Path) -> Candidate {
    let binary = binary.to_owned();
    let arguments = case.loader_arguments(&case.object());
    Candidate {
        name: "libbpf in C",
        command: Box::new(move || {
            let mut command = Command::new(&binary);
            command.args(&arguments);
            command
        }),
        after: Box::new(|| Ok(())),
    }
}

/// bpftool loads and pins. It fills no slots, and attaches by itself only since 7.2: it does less.
fn bpftool(case: &Case) -> Candidate {
    let object = case.object();
    Candidate {
        name: "bpftool (load)",
        command: Box::new(move || {
            let mut command = Command::new("bpftool");
            command.args(["prog", "loadall"]).arg(&object).arg(PINS);
            command
        }),
        after: Box::new(|| fs::remove_dir_all(PINS).context("cannot remove bpftool's pins")),
    }
}
