//! `cargo xtask native`: the kernel scenarios on this machine's own kernel.
//!
//! Scenarios that the kernel does not allow are skipped by the guest, with reasons.

use std::io::{BufRead, BufReader, Write};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::binaries::{self, Binaries};
use crate::report::{Outcome, Report};
use crate::{packages, paths};

/// What to run.
#[derive(clap::Args)]
pub struct Args {
    /// Run only the scenarios whose name contains this
    filter: Option<String>,
}

/// Builds and runs the scenarios. Their lines, the totals too, come from the guest.
pub fn run(args: &Args) -> Result<ExitCode> {
    let binaries = binaries::build()?;
    let report = run_scenarios(&binaries, args.filter.as_deref())?;
    Ok(report.totals().exit_code())
}

/// Runs the scenarios; their lines are shown as they come.
///
/// # Errors
/// When root is out of reach, or the guest can't be started.
pub fn run_scenarios(binaries: &Binaries, filter: Option<&str>) -> Result<Report> {
    let mut child = packages::as_root(&binaries.guest)?
        .arg("run")
        .arg("--probe-runner")
        .arg(&binaries.probe_runner)
        .arg("--probes")
        .arg(paths::probes())
        .arg("--fixtures")
        .arg(paths::fixtures())
        .args(filter)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the guest program")?;
    let mut text = String::new();
    let stdout = child.stdout.take().context("the guest has no stdout")?;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        writeln!(std::io::stdout(), "{line}")?;
        text.push_str(&line);
        text.push('\n');
    }
    let status = child.wait()?;
    let mut report = Report::parse(&text);
    let agrees = status.success() == (report.totals().failed == 0);
    if !report.is_finished() || !agrees {
        writeln!(std::io::stdout(), "FAIL native-run: the guest broke off ({status})")?;
        report.add("native-run", Outcome::Failed);
    }
    Ok(report)
}
