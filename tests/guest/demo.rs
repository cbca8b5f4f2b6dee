//! The main job on real traffic, shown as a user would see it.

use std::io::Write;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::features::{Need, try_out};
use crate::product::{Product, path};
use crate::sys;
use crate::terminal::Terminal;
use crate::traffic::calls::child;
use crate::traffic::packets::Receiver;
use crate::traffic::steering::Steering;

/// This kernel does not allow it (EX_TEMPFAIL).
const NOT_HERE: u8 = 75;

/// How long each probe runs.
const TIME: &str = "3s";

/// Shows both probes. On a kernel that does not allow them the reason goes to stderr, and nothing is done.
pub fn run(product: &Product, out: &mut dyn Write) -> Result<ExitCode> {
    if let Err(error) = allowed() {
        writeln!(std::io::stderr(), "this kernel does not allow the demo: {error:#}")?;
        return Ok(ExitCode::from(NOT_HERE));
    }
    show_rps(product, out)?;
    show_syscalls(product, out)?;
    watch_rps(product, out)?;
    watch_syscalls(product, out)?;
    Ok(ExitCode::SUCCESS)
}

fn allowed() -> Result<()> {
    try_out(Need::RawTracepoints)?;
    try_out(Need::PacketSteering)?;
    // Either will do for the RPS probe.
    try_out(Need::Trampolines)
        .or_else(|no_fexit| try_out(Need::Kprobes).with_context(|| format!("{no_fexit:#}")))
}

fn show_rps(product: &Product, out: &mut dyn Write) -> Result<()> {
    let localhost = [127, 0, 0, 1].into();
    let _steering = Steering::on()?;
    let receiver = Receiver::bind(localhost)?;
    // Each call is another flow, which may be steered to another CPU.
    show(product, out, "rps", || receiver.send_from(localhost, 100))
}

fn show_syscalls(product: &Product, out: &mut dyn Write) -> Result<()> {
    let this = std::env::current_exe()?;
    show(product, out, "syscalls", || {
        child(&["timers", "1"])?;
        Command::new(&this).args(["traffic", "nothing"]).status()?;
        thread::sleep(Duration::from_millis(900));
        Ok(())
    })
}

fn watch_rps(product: &Product, out: &mut dyn Write) -> Result<()> {
    let localhost = [127, 0, 0, 1].into();
    let _steering = Steering::on()?;
    let receiver = Receiver::bind(localhost)?;
    let all = &["--set", "all=true"];
    let shown = watch(product, out, ("rps", all), &[""], |second| {
        // Now more, now less, and from the second CPU a third of it: RPS moves some of them and leaves others.
        for (cpu, flows) in [(0, 6), (1, 2)] {
            stay_on(cpu)?;
            (0..flows).try_for_each(|_| receiver.send_from(localhost, 20 + 30 * (second % 5)))?;
        }
        Ok(())
    });
    let cpus = thread::available_parallelism()?.get();
    let mut any = CpuSet::new();
    (0..cpus).for_each(|cpu| any.set(cpu));
    sched_setaffinity(None, &any)?;
    shown
}

fn stay_on(cpu: usize) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(cpu);
    Ok(sched_setaffinity(None, &only)?)
}

fn watch_syscalls(product: &Product, out: &mut dyn Write) -> Result<()> {
    let this = std::env::current_exe()?;
    /// timer_gettime
    const CALL: i64 = 224;
    let mut last = usize::MAX;
    watch(product, out, ("syscalls", &[]), &["", "3", "4"], |second| {
        (0..10 * (second % 4 + 1)).for_each(|_| sys::call(CALL));
        // And now and then a process that lives for as long as its calls take.
        if second % 4 == 0 && second != last {
            child(&["timers", "3"])?;
            Command::new(&this).args(["traffic", "nothing"]).status()?;
            last = second;
        }
        Ok(())
    })
}

/// Watches a probe on a terminal of 80 × 24 without colours while there is traffic, and shows the screen after each of
/// these keys.
fn watch(
    product: &Product,
    out: &mut dyn Write,
    (probe, options): (&str, &[&str]),
    keys: &[&str],
    mut traffic: impl FnMut(usize) -> Result<()>,
) -> Result<()> {
    let file = product.shipped(probe);
    product.command(&[&["apply", path(&file)?], options].concat())?.success()?;
    let binary = path(product.binary())?;
    let mut terminal = Terminal::start(&[binary, "watch", probe], (24, 80), false)?;
    let apply = [&[format!("probes.d/{probe}.yaml").as_str()], options].concat().join(" ");
    writeln!(out, "\n$ probe-runner apply {apply}\n$ probe-runner watch {probe}")?;
    for (position, key) in keys.iter().enumerate() {
        terminal.press(key)?;
        let time = Instant::now();
        let seconds = if position == 0 { 14 } else { 4 };
        while time.elapsed() < Duration::from_secs(seconds) {
            traffic(time.elapsed().as_secs() as usize)?;
            terminal.look()?;
            thread::sleep(Duration::from_millis(150));
        }
        if !key.is_empty() {
            writeln!(out, "\nAfter the key {key}:")?;
        }
        writeln!(out, "\n{}", terminal.text().trim_end())?;
    }
    terminal.press("q")?;
    terminal.wait()?;
    product.command(&["delete", probe])?.success().map(drop)
}

fn show(
    product: &Product,
    out: &mut dyn Write,
    probe: &str,
    traffic: impl FnMut() -> Result<()>,
) -> Result<()> {
    let file = product.shipped(probe);
    writeln!(out, "\n$ probe-runner run probes.d/{probe}.yaml --for {TIME}")?;
    let finished =
        product.command_during(&["run", path(&file)?, "--for", TIME], traffic)?.success()?;
    out.write_all(finished.stderr.as_bytes())?;
    out.write_all(finished.stdout.as_bytes())?;
    Ok(())
}
