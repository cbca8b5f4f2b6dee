//! System calls are counted by process and number, and the ones without a handler are counted as such.
//!
//! A raw tracepoint may skip calls on some kernels and then says how many (`recursion_misses`, other processes' calls
//! included): a count may be short by no more. The tracepoint with a record is never short.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::features::Need;
use crate::product::{Reading, Running, Transcript, number, path};
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::{EXECVE, TIMER_CALLS, child};

const EXECS: usize = 37;
const TIMERS: usize = 50;
const OTHERS: usize = 5000;

/// getpid, which has a slot but no handler, and three numbers above the table: one that x86-64 has not given away yet,
/// one far off, and execve's but for the sign.
const NUMBERS_WITHOUT_HANDLER: [i64; 4] = [39, 400, 10_000, 0x8000_003b];

/// gettid among 32-bit calls, timer_gettime among 64-bit ones.
const AMBIGUOUS: u32 = 224;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "syscalls-counts-execs-and-timers",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: |context| counts_execs_and_timers(context, "syscalls"),
    },
    Scenario {
        name: "syscalls-portable-counts-execs-and-timers",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: |context| counts_execs_and_timers(context, "syscalls-portable"),
    },
    Scenario {
        name: "syscalls-exact-counts-execs-and-timers",
        boot: Boot::Usual,
        needs: &[Need::Tracepoints],
        check: |context| counts_execs_and_timers(context, "syscalls-exact"),
    },
    Scenario {
        name: "syscalls-others-fall-through",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: |context| others_fall_through(context, "syscalls"),
    },
    Scenario {
        name: "syscalls-exact-others-fall-through",
        boot: Boot::Usual,
        needs: &[Need::Tracepoints],
        check: |context| others_fall_through(context, "syscalls-exact"),
    },
    Scenario {
        name: "syscalls-numbers-have-32-bits",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: |context| numbers_have_32_bits(context, "syscalls"),
    },
    Scenario {
        name: "syscalls-exact-numbers-have-32-bits",
        boot: Boot::Usual,
        needs: &[Need::Tracepoints],
        check: |context| numbers_have_32_bits(context, "syscalls-exact"),
    },
    Scenario {
        name: "syscalls-compat-calls-are-told-apart",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints, Need::CompatCalls],
        check: |context| compat_calls_are_told_apart(context, "syscalls"),
    },
    Scenario {
        name: "syscalls-exact-compat-calls-are-told-apart",
        boot: Boot::Usual,
        needs: &[Need::Tracepoints, Need::CompatCalls],
        check: |context| compat_calls_are_told_apart(context, "syscalls-exact"),
    },
    Scenario {
        name: "timer-latency-counts-into-the-same-map",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: timer_latency_shares_counts,
    },
];

fn counts_execs_and_timers(context: &Context, probe: &str) -> Result<()> {
    let directory = context.scratch.join("programs");
    let mut paths = BTreeSet::new();
    std::fs::create_dir(&directory)?;
    for index in 0..EXECS {
        let link = directory.join(format!("program-{index:02}"));
        symlink(std::env::current_exe()?, &link)?;
        paths.insert(path(&link)?.to_owned());
    }

    let running = start(context, probe)?;
    let (timers, _) = child(&["timers", &TIMERS.to_string()])?;
    let (_, executed) = child(&["execs", path(&directory)?])?;
    let transcript = running.interrupt()?;

    let executed: BTreeSet<i64> = executed.lines().map(str::parse).collect::<Result<_, _>>()?;
    let reading = transcript.read()?;
    let short = Short::of(probe, reading);
    short.check("execs", EXECS, count(reading, EXECVE, |pid| executed.contains(&pid))?)?;
    for (nr, name) in TIMER_CALLS {
        short.check(name, TIMERS, count(reading, nr, |pid| pid == i64::from(timers))?)?;
    }
    check_events(&transcript, &short, timers, &executed, &paths)
}

/// One event for each call, with the path that was executed, and no path for timers.
fn check_events(
    transcript: &Transcript,
    short: &Short,
    timers: u32,
    executed: &BTreeSet<i64>,
    paths: &BTreeSet<String>,
) -> Result<()> {
    let events: Vec<(i64, i64, &Value)> = transcript
        .events("events")
        .map(|row| Ok((call_number(row)?, number(row, "pid")?, row)))
        .collect::<Result<_>>()?;

    let execs: Vec<&Value> = events
        .iter()
        .filter(|(nr, pid, _)| *nr == i64::from(EXECVE) && executed.contains(pid))
        .map(|(_, _, row)| *row)
        .collect();
    short.check("exec events", EXECS, execs.len() as i64)?;
    let seen: BTreeSet<&str> = execs.iter().filter_map(|row| row["path"].as_str()).collect();
    short.check("paths", EXECS, seen.len() as i64)?;
    if let Some(strange) = seen.iter().find(|path| !paths.contains(**path)) {
        anyhow::bail!("a path that was not executed: {strange}");
    }

    for (nr, name) in TIMER_CALLS {
        let of_call: Vec<_> = events
            .iter()
            .filter(|(number, pid, _)| *number == i64::from(nr) && *pid == i64::from(timers))
            .collect();
        short.check(&format!("{name} events"), TIMERS, of_call.len() as i64)?;
        if let Some((_, _, row)) = of_call.iter().find(|(_, _, row)| row["path"].is_string()) {
            anyhow::bail!("a timer event with a path: {row}");
        }
    }
    Ok(())
}

fn others_fall_through(context: &Context, probe: &str) -> Result<()> {
    for call in NUMBERS_WITHOUT_HANDLER {
        let running = start(context, probe)?;
        let (pid, _) = child(&["calls", &call.to_string(), &OTHERS.to_string()])?;
        let transcript = running.interrupt()?;
        let reading = transcript.read()?;
        let fell_through = reading.sum("calls", "other_calls", |_| true)?;
        let least = OTHERS as i64 - Short::of(probe, reading).by;
        // The rest of the machine makes calls too, so it may be more.
        ensure!(fell_through >= least, "call {call}: {fell_through} of {OTHERS}");
        let counted = count(reading, u32::try_from(call)?, |other| other == i64::from(pid))?;
        ensure!(counted == 0, "call {call} was handled {counted} times");
    }
    Ok(())
}

/// What stands above them in the register is not in what the kernel tells of the call: it is counted as the one that
/// the lower half says.
fn numbers_have_32_bits(context: &Context, probe: &str) -> Result<()> {
    let running = start(context, probe)?;
    let call = i64::from(AMBIGUOUS) | 1 << 32;
    let (pid, _) = child(&["calls", &call.to_string(), &TIMERS.to_string()])?;
    let transcript = running.interrupt()?;
    let reading = transcript.read()?;
    let counted = count(reading, AMBIGUOUS, |other| other == i64::from(pid))?;
    Short::of(probe, reading).check("calls", TIMERS, counted)
}

fn compat_calls_are_told_apart(context: &Context, probe: &str) -> Result<()> {
    let running = start(context, probe)?;
    let (pid, _) = child(&["compat", &AMBIGUOUS.to_string(), &OTHERS.to_string()])?;
    let transcript = running.interrupt()?;
    let reading = transcript.read()?;
    let compat = reading.sum("calls", "calls_32bit", |_| true)?;
    let least = OTHERS as i64 - Short::of(probe, reading).by;
    ensure!(compat >= least, "{compat} of {OTHERS} 32-bit calls");
    let counted = count(reading, AMBIGUOUS, |other| other == i64::from(pid))?;
    ensure!(counted == 0, "{counted} 32-bit calls were taken for timer calls");
    Ok(())
}

fn timer_latency_shares_counts(context: &Context) -> Result<()> {
    let running = start(context, "timer-latency")?;
    let (timers, _) = child(&["timers", &TIMERS.to_string()])?;
    let transcript = running.interrupt()?;
    let reading = transcript.read()?;
    let short = Short::of("timer-latency", reading);
    for (nr, name) in TIMER_CALLS {
        short.check(name, TIMERS, count(reading, nr, |pid| pid == i64::from(timers))?)?;
    }
    ensure!(!reading.rows("timer_gaps")?.is_empty(), "no gaps between timer calls were recorded");
    Ok(())
}

fn start(context: &Context, probe: &str) -> Result<Running> {
    context.product.run(&context.product.shipped(probe), &[])
}

/// Calls of one number in `counts` by the processes that `whose` wants.
fn count(reading: Reading<'_>, nr: u32, whose: impl Fn(i64) -> bool) -> Result<i64> {
    reading.sum("counts", "calls", |row| {
        call_number(row).is_ok_and(|call| call == i64::from(nr))
            && number(row, "process").is_ok_and(&whose)
    })
}

/// The number of a row's system call: the shipped files show it as a name.
fn call_number(row: &Value) -> Result<i64> {
    number(row, "call")
}

/// By how much counts may be short.
struct Short {
    by: i64,
}

impl Short {
    fn of(probe: &str, reading: Reading<'_>) -> Self {
        let by = match probe {
            "syscalls-exact" => 0,
            _ => reading.loss("recursion_misses"),
        };
        Self { by }
    }

    fn check(&self, what: &str, made: usize, counted: i64) -> Result<()> {
        let made = made as i64;
        ensure!(
            (made - self.by..=made).contains(&counted),
            "{what}: {counted} counted of {made} ({} misses shown)",
            self.by
        );
        Ok(())
    }
}
