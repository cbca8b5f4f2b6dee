//! `probe-runner plan`: what `apply` would do, and what is promised while it does.

pub mod document;

use crate::commands::pending::{self, Pending};
use crate::commands::{Format, Outcome, report};
use crate::kernel::{Error, WholeLog};
use crate::plan::{Guarantee, Outcome as Result_, Plan, Step};
use crate::probe_files::{Inputs, ProbeFiles};
use document::Document;
use std::io::Write;

/// Whether the exit code says that something would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// 0 whatever the plans are.
    Plain,
    /// 2 if anything would change.
    Detailed,
}

/// Shows the plans of the files' probes; with `prune` also those of probes whose file is gone. Changes nothing.
///
/// # Errors
/// A file can't be read, the probes whose file is gone can't be found, or the output can't be written.
pub fn run(
    inputs: &Inputs,
    prune: bool,
    format: Format,
    code: ExitCode,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let files = ProbeFiles::load(inputs)?;
    report::findings(&files)?;
    let Some(probes) = files.all_checked() else { return Ok(Outcome::FileWrong) };
    let mut plans: Vec<(String, Result<Plan, Error>)> = probes
        .iter()
        .map(|checked| {
            let plan = Pending::of(checked).map(|pending| pending.plan);
            (checked.model().name.value.clone(), plan)
        })
        .collect();
    if prune {
        let gone = pending::without_file(inputs, &probes)?;
        plans.extend(gone.into_iter().map(|pending| (pending.probe, Ok(pending.plan))));
    }
    for (probe, plan) in &plans {
        if let Err(error) = plan {
            report::failure(probe, error, WholeLog::No);
        }
    }
    let known = || plans.iter().filter_map(|(_, plan)| plan.as_ref().ok());
    match format {
        Format::Human => {
            human(known(), out)?;
            let unknown = plans.len() - known().count();
            if unknown > 0 {
                writeln!(out, "{unknown} could not be planned")?;
            }
        }
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &Document::new(&plans))?;
            writeln!(out)?;
        }
    }
    let changes = known().any(|plan| !plan.steps.is_empty());
    Ok(match code {
        _ if plans.iter().any(|(_, plan)| plan.is_err()) => Outcome::Failed,
        ExitCode::Detailed if changes => Outcome::Pending,
        ExitCode::Plain | ExitCode::Detailed => Outcome::Done,
    })
}

fn human<'a>(
    plans: impl Iterator<Item = &'a Plan> + Clone,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    for plan in plans.clone() {
        writeln!(out, "probe/{} {}", plan.probe, future(plan.outcome(), !plan.steps.is_empty()))?;
        for step in &plan.steps {
            lines(step, out)?;
        }
    }
    writeln!(out)?;
    let count = |outcome| plans.clone().filter(|plan| plan.outcome() == outcome).count();
    writeln!(
        out,
        "{} to create, {} to change, {} to delete, {} unchanged",
        count(Result_::Created),
        count(Result_::Configured),
        count(Result_::Deleted),
        count(Result_::Unchanged)
    )?;
    for guarantee in Guarantee::ALL {
        if plans.clone().flat_map(Plan::lines).any(|line| line.guarantee == Some(guarantee)) {
            writeln!(out, "{}: {}", guarantee.name(), guarantee.meaning())?;
        }
    }
    Ok(())
}

/// A step's lines, below its probe's.
pub fn lines(step: &Step, out: &mut impl Write) -> std::io::Result<()> {
    step.to_string().lines().try_for_each(|line| writeln!(out, "  {line}"))
}

fn future(outcome: Result_, has_steps: bool) -> &'static str {
    match outcome {
        Result_::Created => "will be created",
        Result_::Configured => "will be changed",
        Result_::Deleted => "will be deleted: its file is gone",
        Result_::Unchanged if has_steps => "will be tidied up",
        Result_::Unchanged => "unchanged",
    }
}
