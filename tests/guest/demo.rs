//! The main job on real traffic, shown as a user would see it.

use std::io::Write;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::features::{Need, try_out};
use crate::product::{Product, path};
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
    watch(product, out, "rps", &[""], |second| {
        // Now more, now less.
        (0..8).try_for_each(|_| receiver.send_from(localhost, 20 + 30 * (second % 5)))
    })
}

fn watch_syscalls(product: &Product, out: &mut dyn Write) -> Result<()> {
    let this = std::env::current_exe()?;
    watch(product, out, "syscalls", &["", "3", "4"], |second| {
        child(&["timers", &(second % 4 + 1).to_string()])?;
        Command::new(&this).args(["traffic", "nothing"]).status()?;
        Ok(())
    })
}

/// Watches a probe on a terminal of 80 × 24 without colours while there is traffic, and shows the screen after each of
/// these keys.
fn watch(
    product: &Product,
    out: &mut dyn Write,
    probe: &str,
    keys: &[&str],
    mut traffic: impl FnMut(usize) -> Result<()>,
) -> Result<()> {
    let file = product.shipped(probe);
    product.command(&["apply", path(&file)?])?.success()?;
    let binary = path(product.binary())?;
    let mut terminal = Terminal::start(&[binary, "watch", probe], (24, 80), false)?;
    writeln!(out, "\n$ probe-runner apply probes.d/{probe}.yaml\n$ probe-runner watch {probe}")?;
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
