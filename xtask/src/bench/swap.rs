//! Changing what runs: one slot from within, `swap` and an `apply` with nothing to do as whole processes, `plan` over many
//! probes. On this machine's kernel.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::bench::attach::loader::{self, Linking};
use crate::bench::measure::{Candidate, Run, interleaved};
use crate::bench::told;
use crate::binaries::{self, Binaries};
use crate::{packages, paths};

/// How to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Counted runs of each command
    #[arg(long, default_value_t = 41)]
    runs: usize,
    /// Exchanges from within
    #[arg(long, default_value_t = 10_000)]
    exchanges: usize,
    /// Probes that are applied when `plan` looks at them
    #[arg(long, default_value_t = 1_000)]
    probes: usize,
}

const PROBE: &str = "bench-swap";
const SLOT: u32 = 224;
const EXCHANGE: Duration = Duration::from_micros(50);
const SWAP: f64 = 1.5;
const UNCHANGED: Duration = Duration::from_millis(5);
const PLAN: Duration = Duration::from_secs(1);

/// Measures and prints each figure with what it is to be.
///
/// # Errors
/// Not root, a tool is missing, or a command fails.
pub fn run(args: &Args) -> Result<()> {
    if !packages::is_root() {
        bail!("loading BPF programs needs root: run this as root");
    }
    let Binaries { probe_runner: ours, guest } = binaries::build()?;
    let file = paths::target().join("bench-swap.yaml");
    let text = format!(
        "version: 1\nname: {PROBE}\nobject: syscalls.bpf.o\nattach:\n  - raw_tracepoint: {{ name: sys_enter, program: \
         dispatch }}\ntail_calls:\n  handlers: {{ 59: exec, {SLOT}: timer }}\n"
    );
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    quietly(Command::new(&ours).arg("apply").arg(&file))?;
    let measured =
        exchanges(&guest, args.exchanges).and_then(|()| commands(&ours, &file, args.runs));
    let deleted = quietly(Command::new(&ours).args(["delete", PROBE]));
    measured?;
    deleted?;
    many(&ours, args.probes)
}

/// The product's own exchange, in a process that does nothing else: it opens the array and the program, and keeps what was
/// there.
fn exchanges(guest: &Path, count: usize) -> Result<()> {
    let output = Command::new(guest)
        .args(["slot-times", PROBE, "handlers", &SLOT.to_string(), "main:exec", "main:timer"])
        .args(["--count", &count.to_string()])
        .output()
        .context("cannot run the guest program")?;
    ensure!(
        output.status.success(),
        "the exchanges failed: {}",
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    let text = String::from_utf8(output.stdout).context("the figures are not text")?;
    let times: Result<Vec<u64>, _> = text.lines().map(str::parse).collect();
    let mut times = times.context("the figures are not numbers")?;
    times.sort_unstable();
    let of = |share: usize| {
        Duration::from_nanos(times.get(times.len() * share / 100).copied().unwrap_or_default())
    };
    told(
        of(99) <= EXCHANGE,
        &format!(
            "a slot's exchange: {:?} median, {:?} p99 of {} (≤ {EXCHANGE:?} p99)",
            of(50),
            of(99),
            times.len()
        ),
    )
}

/// Whole processes in turn; the reference loads the handler that `swap` puts in, and its maps, and no more.
fn commands(ours: &Path, file: &Path, runs: usize) -> Result<()> {
    let reference = loader::build(Linking::Dynamic)?;
    let object = paths::root().join("ebpf-programs/prebuilt/x86_64/timer-latency.bpf.o");
    let mine = format!("mine={}", object.display());
    let slot = format!("{SLOT}=mine/timer");
    let revert = ours.to_owned();
    let candidates = [
        candidate("libbpf in C, load", &reference, vec![object, "load:timer".into()], || Ok(())),
        candidate(
            "swap",
            ours,
            ["swap", PROBE, "handlers", &slot, "--object", &mine].map(PathBuf::from).to_vec(),
            move || quietly(Command::new(&revert).args(["swap", PROBE, "--revert"])),
        ),
        candidate("apply, unchanged", ours, vec!["apply".into(), file.to_owned()], || Ok(())),
    ];
    let medians = interleaved(&candidates, runs)?;
    let mut out = std::io::stdout();
    writeln!(out, "whole processes ({runs} runs each, medians)")?;
    for (candidate, run) in candidates.iter().zip(&medians) {
        writeln!(out, "{}", row(candidate.name, run))?;
    }
    let [load, swap, apply] = [medians[0], medians[1], medians[2]];
    let ratio = swap.cpu.as_secs_f64() / load.cpu.as_secs_f64();
    told(ratio <= SWAP, &format!("swap takes {ratio:.2} × the time of loading (≤ {SWAP})"))?;
    told(
        apply.cpu <= UNCHANGED,
        &format!("an unchanged apply computes for {:?} (≤ {UNCHANGED:?})", apply.cpu),
    )
}

/// Probes with small maps, on a tracepoint that hardly ever fires: attached a thousand times, another would slow all down.
fn many(ours: &Path, count: usize) -> Result<()> {
    let directory = paths::target().join("bench-swap-many");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    let object = paths::root().join("tests/objects/prebuilt/x86_64/exchange-first.bpf.o");
    fs::copy(&object, directory.join("exchange-first.bpf.o"))
        .with_context(|| format!("cannot copy {}", object.display()))?;
    let names: Vec<String> = (0..count).map(|number| format!("bench-many-{number}")).collect();
    for name in &names {
        let text = "version: 1\nobject: exchange-first.bpf.o\nattach:\n  - raw_tracepoint: { name: sched_pi_setprio, \
                    program: dispatch }\ntail_calls:\n  handlers: { 0: first }\n";
        fs::write(directory.join(format!("{name}.yaml")), text)?;
    }
    let begin = Instant::now();
    let applied = quietly(Command::new(ours).arg("apply").arg(&directory));
    let applying = begin.elapsed();
    let plan = candidate("plan", ours, vec!["plan".into(), directory.clone()], || Ok(()));
    let medians = applied.and_then(|()| interleaved(&[plan], 5));
    let deleted = quietly(Command::new(ours).arg("delete").args(&names));
    let plan = medians?[0];
    deleted?;
    told(
        plan.wall <= PLAN,
        &format!(
            "plan over {count} applied probes: {:?} wall, {:?} cpu (≤ {PLAN:?}); applying them took {applying:?}",
            plan.wall, plan.cpu
        ),
    )
}

fn candidate(
    name: &'static str,
    program: &Path,
    arguments: Vec<PathBuf>,
    after: impl Fn() -> Result<()> + 'static,
) -> Candidate {
    let program = program.to_owned();
    Candidate {
        name,
        command: Box::new(move || {
            let mut command = Command::new(&program);
            command.args(&arguments);
            command
        }),
        after: Box::new(after),
    }
}

fn row(name: &str, run: &Run) -> String {
    format!(
        "  {name:18} {:7.1} ms wall  {:7.1} ms cpu  {:6.1} MiB",
        1e3 * run.wall.as_secs_f64(),
        1e3 * run.cpu.as_secs_f64(),
        run.memory as f64 / f64::from(1 << 20),
    )
}

fn quietly(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().context("cannot start probe-runner")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let shown: Vec<_> = command.get_args().take(3).collect();
    let first: Vec<_> = said.lines().take(10).collect();
    ensure!(output.status.success(), "probe-runner {shown:?} … failed:\n{}", first.join("\n"));
    Ok(())
}
