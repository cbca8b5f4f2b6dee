//! `cargo xtask demo`: the main job on real traffic, in one command.
//!
//! Runs on this machine's kernel when it allows both probes, else in a virtual machine. What is shown is written by
//! the guest's `demo` verb, which runs the product as a user would.

use std::io::Write;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::binaries::{self, Binaries};
use crate::vm::{self, Errand};
use crate::{packages, paths};

/// The kernel to show it on when this one does not allow it: the newest long-term one.
const SERIES: &str = "6.12";

/// By this status the guest says that the kernel it runs on does not allow the demo; it wrote the reason to stderr.
const NOT_HERE: i32 = 75;

/// How to show it.
#[derive(clap::Args)]
pub struct Args {
    /// Use a virtual machine even if this kernel allows both probes
    #[arg(long)]
    vm: bool,
}

/// Shows the demo.
pub fn run(args: &Args) -> Result<()> {
    let binaries = binaries::build()?;
    if !args.vm && here(&binaries)? {
        return Ok(());
    }
    packages::announce(&format!("booting Linux {SERIES} in a virtual machine"));
    let errand =
        Errand { series: SERIES, arguments: &["demo".to_owned()], extras: &[], accelerator: None };
    let shown = vm::boot_once(&errand, &binaries)?;
    std::io::stdout().write_all(shown.as_bytes())?;
    Ok(())
}

/// Tries on this kernel; false when it does not allow the demo.
fn here(binaries: &Binaries) -> Result<bool> {
    if !packages::is_root() {
        packages::announce("not root: this machine's kernel is left alone");
        return Ok(false);
    }
    let status = Command::new(&binaries.guest)
        .arg("demo")
        .arg("--probe-runner")
        .arg(&binaries.probe_runner)
        .arg("--probes")
        .arg(paths::probes())
        .status()
        .context("cannot start the guest program")?;
    match status.code() {
        Some(0) => Ok(true),
        Some(NOT_HERE) => Ok(false),
        _ => bail!("the demo failed ({status})"),
    }
}
