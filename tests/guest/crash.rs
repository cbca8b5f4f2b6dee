//! Breaks commands off at every point: killed before or after each call that changes something, or with that call failing.
//!
//! What ran before has to run on, the next `apply` or `delete` has to end well, and nothing may be left. `cases` says which
//! commands of which probes, `events` how it is seen that a probe works, `aftermath` what must hold.

pub mod aftermath;
mod cases;

use std::io::Write;

use anyhow::{Context as _, Result, ensure};
use nix::errno::Errno;

use crate::features::Features;
use crate::scenario::Context;
use crate::trace::{self, Act, Step, Traced};
use aftermath::{Before, Ending};
use cases::Case;

/// How many of the points to try.
#[derive(Debug, Clone, Copy)]
pub enum Share {
    /// Every one, in every way.
    All,
    /// About so many of every case, spread over it; others each time the number changes.
    Each(usize),
}

/// A place in a command, and what happens there.
#[derive(Debug, Clone, Copy)]
struct Point {
    step: usize,
    act: Act,
    ending: Ending,
}

/// What came of the points.
#[derive(Debug, Default)]
pub struct Tally {
    cases: usize,
    there: usize,
    tried: usize,
    failed: usize,
}

/// Tries the points of all cases that this kernel allows, and writes what came of each case.
///
/// # Errors
/// Some point didn't end well; what is said of each was written.
pub fn run(
    context: &Context,
    is_wanted: impl Fn(&str) -> bool,
    share: Share,
    out: &mut dyn Write,
) -> Result<Tally> {
    let mut features = Features::default();
    let mut tally = Tally::default();
    for case in cases::all(context)? {
        if !is_wanted(&case.name) {
            continue;
        }
        if let Err(unmet) = features.check(case.needs) {
            writeln!(out, "crash {}: not on this kernel: {}", case.name, unmet.reason)?;
            continue;
        }
        tally.cases += 1;
        try_case(context, &case, share, &mut tally, out)
            .with_context(|| format!("case {}", case.name))?;
        out.flush()?;
    }
    writeln!(out, "crash: {tally}")?;
    ensure!(tally.cases > 0, "no case was tried");
    Ok(tally)
}

fn try_case(
    context: &Context,
    case: &Case,
    share: Share,
    tally: &mut Tally,
    out: &mut dyn Write,
) -> Result<()> {
    let whole = unharmed(context, case)?;
    let points = points(case, &whole.steps);
    let chosen = chosen(&points, share);
    let mut failed = 0;
    for point in &chosen {
        if let Err(error) = try_point(context, case, *point) {
            failed += 1;
            let what = whole.steps.get(point.step).map_or("", |step| step.what.as_str());
            writeln!(
                out,
                "crash {}: FAILED: {:?} at step {} ({what}), then {:?}: {error:#}",
                case.name, point.act, point.step, point.ending
            )?;
            aftermath::clean_up(context)?;
        }
    }
    writeln!(
        out,
        "crash {}: {} of {} points tried, {} passed",
        case.name,
        chosen.len(),
        points.len(),
        chosen.len() - failed
    )?;
    tally.there += points.len();
    tally.tried += chosen.len();
    tally.failed += failed;
    Ok(())
}

/// Runs the case without harm: tells how many steps there are, and that the case works at all.
fn unharmed(context: &Context, case: &Case) -> Result<Traced> {
    let before = Before::prepare(context, case)?;
    let whole = run_traced(context, case, |_| Act::Go)?;
    ensure!(whole.code == Some(0), "ends with {:?} unharmed:\n{}", whole.code, whole.stderr);
    before.ends_well(context, case, Ending::New, &whole)?;
    Ok(whole)
}

fn try_point(context: &Context, case: &Case, point: Point) -> Result<()> {
    let before = Before::prepare(context, case)?;
    let traced =
        run_traced(context, case, |step| if step == point.step { point.act } else { Act::Go })?;
    ensure!(traced.steps.len() > point.step, "it ended before that step");
    match point.act {
        Act::Fail(_) => before.survives_error(context, case, &traced)?,
        _ => before.survives_kill(case, &traced)?,
    }
    before.ends_well(context, case, point.ending, &traced)
}

fn run_traced(context: &Context, case: &Case, act: impl Fn(usize) -> Act) -> Result<Traced> {
    let arguments: Vec<&str> = case.command.iter().map(String::as_str).collect();
    trace::run(context.product.binary(), &arguments, |step, what| {
        let refused = case.exchange_in_steps && what.starts_with("exchange ");
        if refused { Act::Fail(Errno::EINVAL) } else { act(step) }
    })
}

/// What can happen at the steps that do something when nothing happens.
fn points(case: &Case, steps: &[Step]) -> Vec<Point> {
    let mut points = Vec::new();
    for (step, _) in steps.iter().enumerate().filter(|(_, step)| step.worked()) {
        for act in [Act::KillBefore, Act::KillAfter, Act::Fail(errno(steps, step))] {
            for ending in case.endings.iter().copied() {
                points.push(Point { step, act, ending });
            }
        }
    }
    points
}

/// An error that such a call may have; another for each step, since some are taken for something that can be helped.
fn errno(steps: &[Step], step: usize) -> Errno {
    let is_bpf = steps.get(step).is_some_and(|step| step.what.starts_with("bpf"));
    match (is_bpf, step % 3) {
        (true, 0) => Errno::ENOMEM,
        (true, 1) => Errno::EPERM,
        (true, _) => Errno::EBUSY,
        (false, 0) => Errno::EIO,
        (false, 1) => Errno::EACCES,
        (false, _) => Errno::ENOSPC,
    }
}

fn chosen(points: &[Point], share: Share) -> Vec<Point> {
    match share {
        Share::All => points.to_vec(),
        Share::Each(count) => {
            // In the middle of as many equal parts: neither what happens there nor the ending is in step with them.
            let count = count.min(points.len());
            let places = (0..count).map(|part| (2 * part + 1) * points.len() / (2 * count));
            places.filter_map(|place| points.get(place).copied()).collect()
        }
    }
}

impl Tally {
    /// Fails unless every point that was tried passed.
    pub fn all_passed(&self) -> Result<()> {
        ensure!(self.tried > 0, "no point was tried");
        ensure!(self.failed == 0, "{self}");
        Ok(())
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} cases with {} points, {} tried, {} passed, {} failed",
            self.cases,
            self.there,
            self.tried,
            self.tried - self.failed,
            self.failed
        )
    }
}
