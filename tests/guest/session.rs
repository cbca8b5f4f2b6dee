//! Runs scenarios one after the other and writes a line each.
//!
//! After each one the kernel must hold no more programs, links, maps and pins than before: a leak fails the scenario.

use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, anyhow};

use crate::features::Features;
use crate::leak::Snapshot;
use crate::product::Product;
use crate::scenario::{Context, Scenario};
use crate::stage;

/// Emptied for every scenario.
const SCRATCH: &str = "/run/scenario";

/// What it means that the kernel lacks something that every kernel of the matrix has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Missing {
    /// Any kernel may lack it: the scenario is skipped.
    Skips,
    /// This is such a kernel: the scenario fails.
    Fails,
}

/// Runs them all.
///
/// # Errors
/// Only when the results can't be written: a scenario's own failure is a result.
pub fn run(
    scenarios: &[Scenario],
    product: Product,
    fixtures: PathBuf,
    missing: Missing,
    out: &mut dyn Write,
) -> Result<ExitCode> {
    let mut context = Context::new(product, SCRATCH.into(), fixtures);
    let mut features = Features::default();
    let (mut passed, mut failed, mut skipped) = (0_usize, 0_usize, 0_usize);
    let mut right = 0;
    for scenario in scenarios {
        if let Err(unmet) = features.check(scenario.needs) {
            let word = if missing == Missing::Fails && unmet.need.is_promised() {
                failed += 1;
                "FAIL"
            } else {
                skipped += 1;
                "SKIP"
            };
            writeln!(out, "{word} {}: {}", scenario.name, unmet.reason)?;
            continue;
        }
        if stage::is_init() {
            // On the console, so that a machine that hangs says in what.
            writeln!(std::io::stderr(), "guest: {}", scenario.name)?;
        }
        let start = Instant::now();
        let result = run_one(scenario, &mut context);
        for (what, how_many) in context.counts.take() {
            writeln!(out, "COUNT {how_many} {what}")?;
        }
        match result {
            Ok(ran) => {
                passed += 1;
                right += ran;
                let seconds = start.elapsed().as_secs_f64();
                writeln!(out, "PASS {} ({seconds:.1}s)", scenario.name)?;
                for figure in context.figures.take() {
                    writeln!(out, "    {figure}")?;
                }
            }
            Err(error) => {
                failed += 1;
                writeln!(out, "FAIL {}: {}", scenario.name, indented(&error))?;
            }
        }
        out.flush()?;
    }
    writeln!(
        out,
        "COUNT {right} probe files that ran and that check finds right for their kernel"
    )?;
    write!(out, "{passed} passed, {failed} failed")?;
    if skipped > 0 {
        write!(out, ", {skipped} skipped")?;
    }
    writeln!(out)?;
    Ok(if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs one; returns how many probe files it brought to the kernel, all of which `check` says are right.
fn run_one(scenario: &Scenario, context: &mut Context) -> Result<usize> {
    if Path::new(SCRATCH).exists() {
        std::fs::remove_dir_all(SCRATCH)?;
    }
    std::fs::create_dir_all(SCRATCH)?;
    context.figures.take();

    let before = Snapshot::take()?;
    // One scenario's bug must not take the others along: as init it would be a kernel panic.
    let result = panic::catch_unwind(AssertUnwindSafe(|| (scenario.check)(context)))
        .unwrap_or_else(|_| Err(anyhow!("panicked; the message is on stderr")));
    if result.is_err() {
        // What a broken-off scenario left applied would fail the ones after it.
        context.product.delete_all();
    }
    let clean = before.compare();
    let right = context.product.no_false_alarms();
    // The first thing that went wrong is the telling one.
    result.and(clean).and(right)
}

/// The reason's further lines are indented, so that no line can be taken for a result.
fn indented(error: &anyhow::Error) -> String {
    format!("{error:#}").trim_end().replace('\n', "\n    ")
}
