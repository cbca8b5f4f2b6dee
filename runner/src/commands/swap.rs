//! `probe-runner swap`: another program for slots of a probe that runs, for good or for a while.

mod guardian;
mod sources;

use crate::apply::{Applied, Wish, apply};
use crate::commands::{Format, Outcome, applied, report};
use crate::desired::Desired;
use crate::kernel::lock::Lock;
use crate::kernel::{Error, WholeLog};
use crate::live::{Live, Record, Swapped, Temporary};
use crate::plan::{Plan, Step, plan};
use crate::resolve::slots::indices;
use crate::swap::{self, Request, Swap};
use anyhow::{Context, anyhow, bail};
use guardian::Guardian;
use serde_json::json;
use sources::Sources;
use std::io::Write;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is asked for.
#[derive(Debug)]
pub struct Arguments {
    /// The probe.
    pub probe: String,
    /// The PROG_ARRAY.
    pub map: String,
    /// `SLOT=PROGRAM`.
    pub slots: Vec<String>,
    /// `ALIAS=FILE`.
    pub objects: Vec<String>,
    /// Where objects are searched too.
    pub directories: Vec<PathBuf>,
    /// How long; for good if there is no time.
    pub duration: Option<Duration>,
}

/// Which swap is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Whatever was swapped.
    Any,
    /// The one of this time alone, when standard input ends.
    OrphanOf(u64),
}

/// Swaps the slots; for some time if there is one.
///
/// # Errors
/// The probe isn't applied, the slots can't hold the programs, or the kernel refuses them.
pub fn run(
    arguments: &Arguments,
    format: Format,
    log: WholeLog,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let probe = &arguments.probe;
    let slots =
        arguments.slots.iter().map(|text| slot(text)).collect::<anyhow::Result<Vec<_>>>()?;
    let lock = Lock::acquire("swap")?;
    let live = applied::find(probe)?;
    let record = complete(&live)?;
    let file = record.swapped.as_ref().map_or(&record.desired, |swapped| &swapped.file);
    let sources = Sources::read(&record.desired, &arguments.objects, &arguments.directories)?;
    let temporary = arguments.duration.map(|_| now());
    let request = Request { map: &arguments.map, slots: &slots, temporary };
    let earlier = earlier(record);
    let swap = swap::swapped(file, &record.desired, earlier, &request, &sources.offered())?;
    let (wish, swapped) = remembered(file, swap);
    // It has to be there before the swap: one for a while must not become one for good.
    let guardian = temporary.map(|at| Guardian::start(probe, at)).transpose()?;
    let plan = plan(&wish, Some(&live));
    let wish = Wish { desired: &wish, swapped: swapped.as_ref() };
    let done = apply(&plan, wish, Some(&live), &sources.files());
    let outcome = tell(probe, "swapped", &plan, done, format, log, out)?;
    drop(lock);
    match (outcome, guardian, arguments.duration) {
        (Outcome::Done, Some(guardian), Some(duration)) => guardian.revert_after(duration),
        (outcome, Some(guardian), _) => {
            guardian.dismiss()?;
            Ok(outcome)
        }
        (outcome, ..) => Ok(outcome),
    }
}

/// Takes swaps back: all of them, which leaves what the probe's file says, or one for a while.
///
/// # Errors
/// The probe isn't applied, or the kernel refuses.
pub fn revert(
    probe: &str,
    which: Which,
    format: Format,
    log: WholeLog,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    if let Which::OrphanOf(_) = which {
        guardian::wait_for_end_of_input()?;
    }
    let _lock = Lock::acquire("swap")?;
    let live = match which {
        Which::Any => applied::find(probe)?,
        // The probe may have been deleted meanwhile.
        Which::OrphanOf(_) => match crate::kernel::observe::observe(probe)? {
            Some(live) => live,
            None => return Ok(Outcome::Done),
        },
    };
    let Some((wish, swapped)) = before(&live, which)? else {
        if which == Which::Any {
            report::note(probe, "no slot was swapped");
        }
        return Ok(Outcome::Done);
    };
    let sources = Sources::read(&wish, &[], &[])?;
    let plan = plan(&wish, Some(&live));
    let wish = Wish { desired: &wish, swapped: swapped.as_ref() };
    let done = apply(&plan, wish, Some(&live), &sources.files());
    tell(probe, "reverted", &plan, done, format, log, out)
}

/// What the probe has to be again; none if there is nothing to take back.
fn before(live: &Live, which: Which) -> anyhow::Result<Option<(Desired, Option<Swapped>)>> {
    let at = match which {
        Which::Any => {
            let swapped = complete(live)?.swapped.as_ref();
            return Ok(swapped.map(|swapped| (Desired::clone(&swapped.file), None)));
        }
        Which::OrphanOf(at) => at,
    };
    let record = live.record.as_ref().ok_or_else(|| incomplete(live))?;
    let now = &record.desired;
    let swap = record.swapped.as_ref().and_then(|swapped| {
        let swap = swap::taken_back(&swapped.file, now, &swapped.temporary, at)?;
        Some(remembered(&swapped.file, swap))
    });
    // Broken off before it was remembered: what is remembered is from before.
    let broken_off = || live.unfinished_replacement.then(|| (now.clone(), record.swapped.clone()));
    Ok(swap.or_else(broken_off))
}

/// What is to run, and what to remember of how it differs from the file.
fn remembered(file: &Desired, swap: Swap) -> (Desired, Option<Swapped>) {
    let is_swapped = swap.wish != *file || !swap.temporary.is_empty();
    let swapped = Swapped { file: Box::new(file.clone()), temporary: swap.temporary };
    (swap.wish, is_swapped.then_some(swapped))
}

/// Swaps for a while that aren't over.
fn earlier(record: &Record) -> &[Temporary] {
    record.swapped.as_ref().map_or(&[], |swapped| &swapped.temporary)
}

/// What is remembered of a probe that is whole.
fn complete(live: &Live) -> anyhow::Result<&Record> {
    let record = live.record.as_ref().filter(|_| !live.unfinished_replacement);
    record.ok_or_else(|| incomplete(live))
}

fn incomplete(live: &Live) -> anyhow::Error {
    anyhow!("probe/{} is incomplete: apply its file again, which repairs it", live.probe)
}

/// `59=exec`, `222-226=mine/timer`, `syscall:execve=exec`.
fn slot(text: &str) -> anyhow::Result<(Vec<RangeInclusive<u32>>, String)> {
    let Some((key, program)) = text.split_once('=') else {
        bail!("`{text}` is not SLOT=PROGRAM, such as `59=exec` or `222-226=mine/timer`");
    };
    let (_, ranges) = indices(key).map_err(|wrong| anyhow!("{}; {}", wrong.message, wrong.help))?;
    Ok((ranges, program.to_owned()))
}

fn tell(
    probe: &str,
    verb: &str,
    plan: &Plan,
    done: Result<Applied, Error>,
    format: Format,
    log: WholeLog,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let done = match done {
        Ok(done) => done,
        Err(error) => {
            report::failure(probe, &error, log);
            return Ok(Outcome::Failed);
        }
    };
    for note in &done.notes {
        report::note(probe, note);
    }
    let lines = plan.steps.iter().filter_map(|step| match step {
        Step::Change(change) => Some(&change.lines),
        _ => None,
    });
    let lines: Vec<String> = lines.flatten().map(ToString::to_string).collect();
    let verb = if plan.steps.is_empty() { "unchanged" } else { verb };
    match format {
        Format::Human => {
            for line in &lines {
                writeln!(out, "{line}")?;
            }
            writeln!(out, "probe/{probe} {verb}")?;
        }
        Format::Json => {
            let document =
                json!({ "schema_version": 1, "probe": probe, "result": verb, "changes": lines });
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)?;
        }
    }
    out.flush().context("the output can't be written")?;
    Ok(Outcome::Done)
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
