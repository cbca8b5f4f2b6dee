//! `cargo xtask soak`: tests that take as long as one lets them, on this machine's kernel or in virtual machines.
//!
//! The guest holds them; the scenarios that always run are short forms of the same code.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::vm::{self, Errand};
use crate::{binaries, packages, paths};

/// What to run where.
#[derive(clap::Args)]
pub struct Args {
    /// Boot this kernel series for it; may be repeated. This machine's kernel if it isn't given
    #[arg(long, value_name = "SERIES")]
    kernel: Vec<String>,
    /// The test and its options; `help` lists them
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    test: Vec<String>,
}

/// Runs the test; what it says of itself is shown as it comes, from virtual machines at their end.
///
/// # Errors
/// The test can't be started.
pub fn run(args: &Args) -> Result<ExitCode> {
    let binaries = binaries::build()?;
    if args.kernel.is_empty() {
        let status = packages::as_root(&binaries.guest)?
            .arg("soak")
            .arg("--probe-runner")
            .arg(&binaries.probe_runner)
            .arg("--probes")
            .arg(paths::probes())
            .args(&args.test)
            .status()
            .context("cannot start the guest program")?;
        return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let arguments = [&["soak".to_owned()][..], &args.test].concat();
    let mut code = ExitCode::SUCCESS;
    for series in &args.kernel {
        let errand = Errand { series, arguments: &arguments, extras: &[], accelerator: None };
        // What one kernel shows says nothing of the next one.
        let said = vm::boot_once(&errand, &binaries).unwrap_or_else(|error| {
            code = ExitCode::FAILURE;
            format!("FAILED: {error:#}")
        });
        writeln!(std::io::stdout(), "== kernel {series}\n{}", said.trim_end())?;
    }
    Ok(code)
}
