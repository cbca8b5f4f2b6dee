//! Asks before data is lost.
//!
//! A map that is made anew loses what it held, a probe that is deleted loses everything. On a terminal both are
//! asked about. Elsewhere nobody can answer: a file that is applied says what is wanted, so it is done; that a file is
//! gone may as well be a mistake (another directory, a failed checkout), so it has to be said.

use crate::commands::report;
use crate::plan::{Outcome, Plan, Sign, Step};
use anyhow::bail;
use std::io::{self, BufRead, IsTerminal};

/// Who says whether data may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// `--yes` did.
    Given,
    /// Whoever sits at the terminal is asked.
    Asked,
}

/// Finds out whether plans may be executed.
///
/// # Errors
/// Nobody agreed.
pub fn of<'a>(
    plans: impl Iterator<Item = &'a Plan> + Clone,
    consent: Consent,
) -> anyhow::Result<()> {
    let losses: Vec<&Plan> = plans.filter(|plan| plan.loses_data() || is_removal(plan)).collect();
    if consent == Consent::Given || losses.is_empty() {
        return Ok(());
    }
    if io::stdin().is_terminal() && io::stderr().is_terminal() {
        return ask(&losses);
    }
    let removed: Vec<&str> =
        (losses.iter().filter(|plan| is_removal(plan))).map(|plan| plan.probe.as_str()).collect();
    if removed.is_empty() {
        return Ok(());
    }
    bail!(
        "--prune would delete {}, whose file is gone; nothing was done. `plan --prune` shows what goes; \
         say --yes if it may",
        removed.join(", ")
    )
}

fn is_removal(plan: &Plan) -> bool {
    plan.outcome() == Outcome::Deleted
}

fn ask(losses: &[&Plan]) -> anyhow::Result<()> {
    let mut text = String::new();
    for plan in losses {
        let what =
            if is_removal(plan) { "will be deleted, its file is gone" } else { "loses data" };
        text.push_str(&format!("probe/{} {what}:\n", plan.probe));
        for step in &plan.steps {
            if let Step::ClearLeftovers(_) = step {
                text.push_str(&format!("  {step}\n"));
            }
        }
        let lines =
            plan.lines().filter(|line| line.guarantee.is_some() || line.sign == Sign::Remove);
        lines.for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    report::say(&(text + "Go on? [y/N] "))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    bail!("nothing was done")
}
