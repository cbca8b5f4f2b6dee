//! Many commands at once, of the same and of different probes, some of them killed at any moment.
//!
//! Each may succeed, or fail in words; none may panic. In the end every probe can be applied, works, and can be deleted.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use fastrand::Rng;

use crate::crash::aftermath::{is_healthy, stray_files};
use crate::events::{Events, Source};
use crate::leak::Snapshot;
use crate::product::{Running, path};
use crate::scenario::Context;

/// Their commands meet.
const PROBES: [&str; 5] = ["race-0", "race-1", "race-2", "race-3", "race-4"];
/// One command of so many is killed.
const KILLED: u32 = 3;
/// For all that are under way when the time is over; each may wait ten seconds for the lock.
const PATIENCE: Duration = Duration::from_secs(120);
const EVENTS: u64 = 20;

/// What came of the commands.
#[derive(Debug, Default)]
pub struct Tally {
    started: usize,
    succeeded: usize,
    refused: usize,
    killed: usize,
}

struct Command {
    words: String,
    running: Running,
    killed_at: Option<Instant>,
}

/// Keeps `at_once` commands under way for some time. The same seed chooses the same commands.
///
/// # Errors
/// A command ended as none may, or what they left could not be put right.
pub fn run(context: &Context, at_once: usize, time: Duration, seed: u64) -> Result<Tally> {
    let nothing = Snapshot::take()?;
    let files = files(context)?;
    let mut random = Rng::with_seed(seed);
    let mut tally = Tally::default();
    let mut commands: Vec<Command> = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < time || !commands.is_empty() {
        ensure!(begin.elapsed() < time + PATIENCE, "{} commands don't end", commands.len());
        while begin.elapsed() < time && commands.len() < at_once {
            commands.push(start(context, &files, &mut random)?);
            tally.started += 1;
        }
        let mut going = Vec::new();
        for command in commands {
            going.extend(look_at(command, &mut tally)?);
        }
        commands = going;
        thread::sleep(Duration::from_millis(2));
    }
    for (probe, [file, _]) in PROBES.iter().zip(&files) {
        is_put_right(context, probe, path(file)?).with_context(|| format!("{probe} afterwards"))?;
    }
    // Each of them sees each event.
    let batch = Source::open(Events::Calls)?.send(EVENTS)?;
    let wanted = EVENTS * PROBES.len() as u64;
    let fits = batch.counted <= wanted && batch.counted + batch.missed >= wanted;
    ensure!(fits, "{} probes: {batch:?}", PROBES.len());
    for probe in PROBES {
        context.product.one_of_many(&["delete", probe])?.success()?;
    }
    let stray = stray_files()?;
    ensure!(stray.is_empty(), "left behind: {}", stray.join(", "));
    nothing.compare()?;
    Ok(tally)
}

/// Two files for each probe: with the slots one way, and the other.
fn files(context: &Context) -> Result<Vec<[PathBuf; 2]>> {
    let file = |probe: &str, directory: &str, slots: &str| -> Result<PathBuf> {
        let directory = context.scratch.join(directory);
        std::fs::create_dir_all(&directory)?;
        let path = directory.join(format!("{probe}.yaml"));
        let text = format!(
            "version: 1\nname: {probe}\nobject: syscalls.bpf.o\nattach:\n  - raw_tracepoint: {{ name: sys_enter, \
             program: dispatch }}\ntail_calls:\n  handlers: {{ {slots} }}\n"
        );
        std::fs::write(&path, text)?;
        Ok(path)
    };
    let both = |probe: &&str| {
        Ok([
            file(probe, "one", "59: exec, 222-226: timer")?,
            file(probe, "other", "222-223: exec, 224-225: timer")?,
        ])
    };
    PROBES.iter().map(both).collect()
}

fn start(context: &Context, files: &[[PathBuf; 2]], random: &mut Rng) -> Result<Command> {
    let number = random.usize(..PROBES.len());
    let (probe, file) = (PROBES[number], path(&files[number][random.usize(..2)])?);
    let mine = ["--object", "mine=timer-latency.bpf.o"];
    let words = match random.u32(..8) {
        0..=3 => vec!["apply", file],
        4 => [&["swap", probe, "handlers", "224=mine/timer"][..], &mine].concat(),
        5 => vec!["swap", probe, "handlers", "222-225=exec"],
        6 => vec!["swap", probe, "--revert"],
        _ => vec!["delete", probe],
    };
    let running = context.product.start(&words)?;
    let is_killed = random.u32(..KILLED) == 0;
    let delay = Duration::from_micros(random.u64(..200_000));
    let killed_at = is_killed.then(|| Instant::now() + delay);
    Ok(Command { words: words.join(" "), running, killed_at })
}

/// The command, if it goes on.
fn look_at(mut command: Command, tally: &mut Tally) -> Result<Option<Command>> {
    if let Some(finished) = command.running.try_finish()? {
        match finished.code() {
            Some(0) => tally.succeeded += 1,
            Some(1)
                if finished.stderr.contains("error:") || finished.stderr.contains("warning:") =>
            {
                tally.refused += 1;
            }
            code => bail!("`{}` ended with {code:?}:\n{}", command.words, finished.stderr),
        }
        return Ok(None);
    }
    if command.killed_at.is_some_and(|at| at <= Instant::now()) {
        command.running.kill()?;
        tally.killed += 1;
        return Ok(None);
    }
    Ok(Some(command))
}

fn is_put_right(context: &Context, probe: &str, file: &str) -> Result<()> {
    let product = &context.product;
    product.one_of_many(&["apply", file])?.success()?;
    let again = product.one_of_many(&["apply", file])?.success()?.stdout;
    ensure!(again.contains(" unchanged"), "{again}");
    is_healthy(context, probe).map(drop)
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} commands: {} done, {} refused in words, {} killed",
            self.started, self.succeeded, self.refused, self.killed
        )
    }
}
