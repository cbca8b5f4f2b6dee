//! The main job on real traffic, shown as a user would see it.

use std::io::Write;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::features::{Need, try_out};
use crate::product::{Product, path};
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
