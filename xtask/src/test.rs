//! `cargo xtask test`: every test there is, and real totals.
//!
//! Unit and CLI tests, linking compared with libbpf's, the scenarios on this machine's kernel, the scenarios on every
//! kernel of the matrix. A kernel test that could not run anywhere is a failure, whatever the reason.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::bench::overhead;
use crate::report::{self, Outcome, Report, Totals};
use crate::{binaries, kernel_files, libbpf_diff, native, packages, paths, vm};

/// Takes nothing: it is always everything.
#[derive(clap::Args)]
pub struct Args {}

/// Runs everything, whatever fails on the way; the last line is the totals.
pub fn run(_args: &Args) -> Result<ExitCode> {
    for tool in [packages::PROMETHEUS, packages::SYSTEMD, packages::CHROMIUM] {
        if let Err(error) = packages::require(&tool) {
            // The tests that need it fail, the others run.
            packages::announce(&format!("{error:#}"));
        }
    }
    packages::announce("running unit and command line tests");
    let tests =
        cargo_test(Command::new(env!("CARGO")).args(["test", "--workspace", "--no-fail-fast"]))?;
    let binaries = binaries::build()?;

    packages::announce("asking the released binary about hostile files");
    let hostile = cargo_test(
        Command::new(env!("CARGO"))
            .args(["test", "--package", "probe-runner", "--test", "harm", "--", "--test-threads=1"])
            .env("PROBE_RUNNER_RELEASED", &binaries.probe_runner),
    )?;

    packages::announce("reading kernels from files");
    let files = kernel_files::check_all().map(|report| vec![report]);
    let files = or_failed("kernel-files", files)?;

    packages::announce("linking with libbpf and without, for the kernels of the virtual machines");
    let linked = match libbpf_diff::run_all() {
        Ok(totals) => totals,
        Err(error) => {
            writeln!(std::io::stdout(), "FAIL libbpf-diff: {error:#}")?;
            Totals { failed: 1, ..Totals::default() }
        }
    };

    packages::require(&packages::TMUX)?;
    packages::announce("running the scenarios on this kernel");
    let here = native::run_scenarios(&binaries, None).map(|report| vec![report]);
    let here = or_failed("this-kernel", here)?;

    packages::announce("running the scenarios in virtual machines");
    let there = packages::require(&packages::QEMU).and_then(|_| vm::run_all(&binaries));
    let there = or_failed("virtual-machines", there)?;

    packages::announce("counting what probes cost");
    let costs = overhead::check_all(&binaries).map(|report| vec![report]);
    let costs = or_failed("overhead", costs)?;

    let parts = [
        ("unit and command line", tests),
        ("hostile files, released", hostile),
        ("kernels as files", report::sum(&files)),
        ("linked as by libbpf", linked),
        ("this kernel", report::sum(&here)),
        ("virtual machines", report::sum(&there)),
        ("cost of probes", report::sum(&costs)),
        ("ran on no kernel", never_ran(&[here.clone(), there.clone()].concat())?),
    ];
    writeln!(std::io::stdout())?;
    report::show_counts(&[here, there].concat())?;
    conclude(&parts)
}

/// A part that could not run has failed; the others run all the same.
fn or_failed(name: &str, reports: Result<Vec<Report>>) -> Result<Vec<Report>> {
    let error = match reports {
        Ok(reports) => return Ok(reports),
        Err(error) => error,
    };
    writeln!(std::io::stdout(), "FAIL {name}: {error:#}")?;
    let mut report = Report::default();
    report.add(name, Outcome::Failed);
    Ok(vec![report])
}

fn cargo_test(command: &mut Command) -> Result<Totals> {
    let mut child = command
        .current_dir(paths::root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let stdout = child.stdout.take().context("cargo has no stdout")?;
    let mut totals = Totals::default();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        writeln!(std::io::stdout(), "{line}")?;
        if let Some(result) = harness_totals(&line) {
            totals += result;
        }
    }
    // A test program that does not build or is killed prints no totals.
    if !child.wait()?.success() && totals.failed == 0 {
        totals.failed = 1;
    }
    Ok(totals)
}

/// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
fn harness_totals(line: &str) -> Option<Totals> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word: &str| {
        counts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok())
    };
    Some(Totals { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
}

/// Skips are fine as long as another kernel ran the scenario.
fn never_ran(reports: &[Report]) -> Result<Totals> {
    let missed = report::never_ran(reports);
    for (name, reason) in &missed {
        writeln!(std::io::stdout(), "FAIL {name}: ran on no kernel: {reason}")?;
    }
    Ok(Totals { failed: missed.len(), ..Totals::default() })
}

fn conclude(parts: &[(&str, Totals)]) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let mut all = Totals::default();
    writeln!(out)?;
    for (name, totals) in parts {
        writeln!(out, "{name}: {totals}")?;
        all += *totals;
    }
    writeln!(out, "\n{all}")?;
    Ok(all.exit_code())
}

#[cfg(test)]
mod tests {
    use super::harness_totals;
    use crate::report::Totals;

    #[test]
    fn reads_the_harness_result_line() {
        let line = "test result: FAILED. 12 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.05s";
        let totals = Totals { passed: 12, failed: 1, skipped: 2 };
        assert_eq!(harness_totals(line), Some(totals));
        assert_eq!(harness_totals("running 3 tests"), None);
    }
}
