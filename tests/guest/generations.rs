//! Five slots that get new handlers together, time and again, while calls go through them.
//!
//! Each handler has a number, higher each time. Whoever sees an event asks whether a higher number had been seen before the
//! event began, by any thread: with all slots changed by one store that can't be. With slots changed one after the other it
//! has to be seen, or the test would see nothing at all.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use aya::maps::{HashMap, Map, MapData, PerCpuArray};

use crate::events;
use crate::leak::PINS;
use crate::objects;
use crate::product::path;
use crate::scenario::Context;
use crate::sys;
use crate::trace::{self, Act};

const PROBE: &str = "generations";
const FIRST_CALL: u32 = 181;
const SLOTS: u32 = 5;
const THREADS: usize = 4;
/// So many changes are held up in the middle, wherever something changes that programs see.
const HELD_UP: u64 = 10;
const HOLD: Duration = Duration::from_millis(5);

/// How the slots change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// All by one store.
    OneFlip,
    /// One after the other.
    Ordered,
}

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    way: Way,
    changes: u64,
    calls: u64,
    handled: u64,
    old_after_new: u64,
    fell_through: u64,
    missed: u64,
    handlers: usize,
}

/// Changes the five slots `changes` times by `apply`, under load.
///
/// # Errors
/// A command fails, or calls don't add up.
pub fn run(context: &Context, way: Way, changes: u64) -> Result<Seen> {
    for object in ["generations.bpf.o", "generations-handler.bpf.o"] {
        objects::write(object, &context.scratch)?;
    }
    let slots = match way {
        Way::OneFlip => "{ generation: handlers_generation, slots: { 0-4: handler/handle } }",
        Way::Ordered => "{ 0-4: handler/handle }",
    };
    let text = format!(
        "version: 1\nname: {PROBE}\nvars: {{ number: 1 }}\nobjects: {{ main: generations.bpf.o, handler: \
         generations-handler.bpf.o }}\nglobals: {{ number: \"{{{{ number }}}}\", process: {} }}\nattach:\n  - raw_tracepoint: {{ name: \
         sys_enter, program: dispatch }}\ntail_calls:\n  handlers: {slots}\n",
        std::process::id()
    );
    let file = context.probe_file(PROBE, &text)?;
    let file = path(&file)?;
    context.product.one_of_many(&["apply", file])?.success()?;
    let missed = events::missed()?;
    let calls = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| -> Result<()> {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    for call in 0..SLOTS * 100 {
                        sys::call((FIRST_CALL + call % SLOTS).into());
                    }
                    calls.fetch_add(u64::from(SLOTS) * 100, Ordering::Relaxed);
                }
            });
        }
        let changed = (0..changes).try_for_each(|change| {
            let number = format!("number={}", change + 2);
            let apply = ["apply", file, "--set", &number];
            if change < HELD_UP { held_up(context, &apply) } else { plainly(context, &apply) }
        });
        is_over.store(true, Ordering::Relaxed);
        changed
    })?;
    let seen = seen(way, changes, calls.into_inner(), missed)?;
    context.product.one_of_many(&["delete", PROBE])?.success()?;
    seen.adds_up()
}

fn plainly(context: &Context, apply: &[&str]) -> Result<()> {
    let said = context.product.one_of_many(apply)?.success()?.stdout;
    ensure!(said.contains("configured"), "{}: {said}", apply.join(" "));
    Ok(())
}

/// Lets the threads run for a while before and after each slot and each variable is changed.
fn held_up(context: &Context, apply: &[&str]) -> Result<()> {
    let traced = trace::run(context.product.binary(), apply, |_, what| {
        if what.starts_with("bpf MAP_") || what == "mmap" {
            thread::sleep(HOLD);
        }
        Act::Go
    })?;
    ensure!(traced.code == Some(0), "{}: {}", apply.join(" "), traced.stderr);
    Ok(())
}

fn seen(way: Way, changes: u64, calls: u64, missed: u64) -> Result<Seen> {
    let pin = |name: &str| MapData::from_pin(Path::new(PINS).join(PROBE).join("maps").join(name));
    let outcome: PerCpuArray<_, [u64; 3]> = Map::PerCpuArray(pin("outcome")?).try_into()?;
    let mut sum = [0; 3];
    for cpu in outcome.get(&0, 0)?.iter() {
        for (sum, one) in sum.iter_mut().zip(cpu) {
            *sum += one;
        }
    }
    let [handled, old_after_new, fell_through] = sum;
    let handlers: HashMap<_, u64, u64> = Map::HashMap(pin("seen")?).try_into()?;
    Ok(Seen {
        way,
        changes,
        calls,
        handled,
        old_after_new,
        fell_through,
        missed: events::missed()?.saturating_sub(missed),
        handlers: handlers.keys().count(),
    })
}

impl Seen {
    fn adds_up(self) -> Result<Self> {
        let seen = self.handled + self.fell_through;
        ensure!(seen <= self.calls && seen + self.missed >= self.calls, "{self}");
        ensure!(self.fell_through == 0, "some found their slot empty: {self}");
        ensure!(self.handlers > 1, "only one handler ran: {self}");
        match self.way {
            Way::OneFlip => ensure!(self.old_after_new == 0, "not all slots at once: {self}"),
            Way::Ordered => ensure!(self.old_after_new > 0, "the test sees no mixture: {self}"),
        }
        Ok(self)
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?}: {} calls, {} changes of five slots, {} handlers seen: {} handled, {} by an old handler after a new one, \
             {} fell through, {} skipped by the kernel",
            self.way,
            self.calls,
            self.changes,
            self.handlers,
            self.handled,
            self.old_after_new,
            self.fell_through,
            self.missed
        )
    }
}
