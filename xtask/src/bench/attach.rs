//! Time to attached: start, load, attach, exit, with the same object.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::bench::measure::{Candidate, Run, interleaved};
use crate::bench::release;
use crate::packages::{self, Tool};
use crate::paths;

/// How to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Counted runs of each command
    #[arg(long, default_value_t = 21)]
    runs: usize,
}

/// An object and what is done with it.
struct Case {
    name: &'static str,
    object: &'static str,
    program: &'static str,
    /// PROG_ARRAY, slots, handler.
    slots: &'static [(&'static str, &'static str, &'static str)],
}

const CASES: [Case; 2] = [
    Case {
        name: "raw tracepoint without CO-RE",
        object: "tests/objects/prebuilt/x86_64/plain.bpf.o",
        program: "plain",
        slots: &[],
    },
    Case {
        name: "raw tracepoint with CO-RE and handlers",
        object: "ebpf-programs/prebuilt/x86_64/syscalls.bpf.o",
        program: "dispatch",
        slots: &[("handlers", "59-59", "exec"), ("handlers", "222-226", "timer")],
    },
];

/// Where bpftool pins what it loads.
const PINS: &str = "/sys/fs/bpf/probe-runner-bench";

/// Measures every case on this machine's kernel.
///
/// # Errors
/// Not root, a tool is missing, or a command fails.
pub fn run(args: &Args) -> Result<()> {
    if !packages::is_root() {
        bail!("loading BPF programs needs root: run this as root");
    }
    packages::require(&Tool { program: "bpftool", package: "bpftool" })?;
    let ours = release()?;
    let theirs = c_loader()?;
    let mut out = std::io::stdout();
    for case in &CASES {
        let candidates = [probe_runner(case, &ours)?, libbpf(case, &theirs), bpftool(case)];
        let medians = interleaved(&candidates, args.runs)?;
        writeln!(out, "{} ({} runs each, medians)", case.name, args.runs)?;
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

/// `tests/bench/attach.c`, built against this machine's libbpf.
fn c_loader() -> Result<PathBuf> {
    if !Path::new("/usr/include/bpf/libbpf.h").exists() {
        bail!("libbpf's headers are missing: `apt-get install libbpf-dev`");
    }
    let program = paths::root().join("target/bench-attach");
    let status = Command::new("cc")
        .current_dir(paths::root())
        .args(["-O2", "-Wall", "-Werror", "tests/bench/attach.c", "-o"])
        .arg(&program)
        .args(["-lbpf", "-lelf", "-lz"])
        .status()
        .context("cannot run cc")?;
    if !status.success() {
        bail!("tests/bench/attach.c doesn't build");
    }
    Ok(program)
}

fn probe_runner(case: &Case, binary: &Path) -> Result<Candidate> {
    let object = paths::root().join(case.object);
    let mut text = format!(
        "version: 1\nname: bench\nobject: {}\nattach:\n  - raw_tracepoint: {{ name: sys_enter, program: {} }}\n",
        object.display(),
        case.program
    );
    for (index, (map, slots, handler)) in case.slots.iter().enumerate() {
        if index == 0 {
            text.push_str(&format!("tail_calls:\n  {map}:\n"));
        }
        text.push_str(&format!("    {slots}: {handler}\n"));
    }
    let file = paths::root().join(format!("target/bench-{}.yaml", case.program));
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
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
    let object = paths::root().join(case.object);
    let (program, slots) = (case.program, case.slots);
    Candidate {
        name: "libbpf in C",
        command: Box::new(move || {
            let mut command = Command::new(&binary);
            command.arg(&object).arg(program);
            for (map, range, handler) in slots {
                command.args([*map, *range, *handler]);
            }
            command
        }),
        after: Box::new(|| Ok(())),
    }
}

/// bpftool loads and pins. It fills no slots, and attaches by itself only since 7.2: it does less.
fn bpftool(case: &Case) -> Candidate {
    let object = paths::root().join(case.object);
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
