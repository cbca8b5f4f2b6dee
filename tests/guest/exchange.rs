//! A slot whose handler is exchanged while calls go through it: each call has to run the one handler or the other.
//!
//! The handlers are of two objects that were compiled apart. Calls that find the slot empty are counted as well, so that
//! none can be lost without being seen.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use aya::maps::{Map, MapData, PerCpuArray};

use crate::events;
use crate::features::Need;
use crate::leak::PINS;
use crate::objects;
use crate::product::path;
use crate::scenario::Context;
use crate::sys;

/// What the objects count, and the slot.
const CALL: u32 = 183;
const PROBE: &str = "exchanged";
/// More than CPUs, so that threads are preempted in the middle of a call.
const THREADS: u64 = 4;
/// Parts of each thread's calls: none begins a part before the exchanges of the part before the last one were made.
const PARTS: u64 = 100;

/// How calls reach the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A raw tracepoint; the verifier can't tell the slot's index.
    Variable,
    /// A raw tracepoint; it can, and the kernel writes a jump into the program.
    Constant,
    /// The first on a tracepoint, where no kernel skips events.
    Tracepoint,
}

/// Calls, and who saw them.
#[derive(Debug)]
pub struct Count {
    calls: u64,
    first: u64,
    second: u64,
    fell_through: u64,
    missed: u64,
    exchanges: u64,
    way: Way,
}

impl Way {
    /// All of them.
    pub const ALL: [Way; 3] = [Way::Variable, Way::Constant, Way::Tracepoint];

    /// What the kernel must offer.
    pub fn needs(self) -> &'static [Need] {
        match self {
            Way::Variable | Way::Constant => &[Need::RawTracepoints],
            Way::Tracepoint => &[Need::Tracepoints, Need::LastingPerfEvents],
        }
    }

    fn objects(self) -> [&'static str; 2] {
        match self {
            Way::Variable | Way::Constant => ["exchange-first.bpf.o", "exchange-second.bpf.o"],
            Way::Tracepoint => ["exchange-first-exact.bpf.o", "exchange-second-exact.bpf.o"],
        }
    }

    fn attachment(self) -> &'static str {
        match self {
            Way::Variable => "raw_tracepoint: { name: sys_enter, program: dispatch }",
            Way::Constant => "raw_tracepoint: { name: sys_enter, program: dispatch_constant }",
            Way::Tracepoint => "tracepoint: { name: raw_syscalls/sys_enter, program: dispatch }",
        }
    }
}

/// Exchanges the slot `exchanges` times while `calls` calls are made, evenly spread over them, by the very bpf(2) call that
/// the product makes.
///
/// # Errors
/// The probe can't be applied, or calls don't add up.
pub fn in_process(context: &Context, way: Way, calls: u64, exchanges: u64) -> Result<Count> {
    // In a slot that nothing calls through, the second handler is loaded and pinned.
    apply(context, way, &format!("511: second/second, {CALL}: first/first"))?;
    let handlers = [program("second:second")?, program("first:first")?];
    let array = sys::open_pin(&pin("maps", "handlers"))?;
    let missed = events::missed()?;
    let each = calls / THREADS;
    let made = AtomicU64::new(0);
    let exchanged = AtomicU64::new(0);
    let failed = AtomicBool::new(false);
    thread::scope(|scope| -> Result<()> {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for part in 0..PARTS {
                    let due = part.saturating_sub(2) * exchanges / PARTS;
                    while exchanged.load(Ordering::Relaxed) < due {
                        if failed.load(Ordering::Relaxed) {
                            return;
                        }
                        thread::yield_now();
                    }
                    call(part * each / PARTS..(part + 1) * each / PARTS, &made);
                }
            });
        }
        for number in 0..exchanges {
            while made.load(Ordering::Relaxed) < number * calls / exchanges {
                thread::sleep(Duration::from_micros(20));
            }
            let handler = &handlers[usize::from(number % 2 == 1)];
            if let Err(error) = sys::set_slot(&array, CALL, handler) {
                failed.store(true, Ordering::Relaxed);
                return Err(error).context("exchange");
            }
            exchanged.store(number + 1, Ordering::Relaxed);
        }
        Ok(())
    })?;
    let count = count(way, each * THREADS, missed, exchanges)?;
    // Open, the array would not be cleared.
    drop((array, handlers));
    context.product.one_of_many(&["delete", PROBE])?.success()?;
    count.adds_up()
}

/// Swaps and reverts with the product's own command, again and again for some time, under the same load.
///
/// # Errors
/// A command fails, or calls don't add up.
pub fn by_command(context: &Context, way: Way, time: Duration) -> Result<Count> {
    let second = context.scratch.join(way.objects()[1]);
    let object = format!("second={}", path(&second)?);
    let slot = format!("{CALL}=second/second");
    let count = under_load(context, way, || {
        let begin = Instant::now();
        let mut exchanges = 0;
        while begin.elapsed() < time {
            let swap = ["swap", PROBE, "handlers", &slot, "--object", &object];
            context.product.one_of_many(&swap)?.success()?;
            context.product.one_of_many(&["swap", PROBE, "--revert"])?.success()?;
            exchanges += 2;
        }
        Ok(exchanges)
    })?;
    count.adds_up()
}

/// Does something else with the product under the same load: the slot stays as it is. Whether calls were lost meanwhile is
/// for the caller to ask.
///
/// # Errors
/// What is done fails.
pub fn beside(context: &Context, way: Way, act: impl FnOnce() -> Result<()>) -> Result<Count> {
    under_load(context, way, || act().map(|()| 0))
}

/// The calls that are made while `exchange` runs, which says how often it exchanged the slot.
fn under_load(
    context: &Context,
    way: Way,
    exchange: impl FnOnce() -> Result<u64>,
) -> Result<Count> {
    apply(context, way, &format!("{CALL}: first/first"))?;
    let missed = events::missed()?;
    let made = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let exchanges = thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    call(0..1000, &made);
                }
            });
        }
        let exchanges = exchange();
        is_over.store(true, Ordering::Relaxed);
        exchanges
    })?;
    let count = count(way, made.load(Ordering::Relaxed), missed, exchanges)?;
    context.product.one_of_many(&["delete", PROBE])?.success()?;
    Ok(count)
}

fn call(range: std::ops::Range<u64>, made: &AtomicU64) {
    // Told in steps: threads that count together slow each other down.
    const STEP: u64 = 256;
    let mut untold = 0;
    for _ in range {
        sys::call(CALL.into());
        untold += 1;
        if untold == STEP {
            made.fetch_add(untold, Ordering::Relaxed);
            untold = 0;
        }
    }
    made.fetch_add(untold, Ordering::Relaxed);
}

fn apply(context: &Context, way: Way, slots: &str) -> Result<()> {
    for object in way.objects() {
        objects::write(object, &context.scratch)?;
    }
    let [first, second] = way.objects();
    let second =
        if slots.contains("second") { format!(", second: {second}") } else { String::new() };
    let text = format!(
        "version: 1\nname: {PROBE}\nobjects: {{ first: {first}{second} }}\nglobals: {{ process: {} }}\nattach:\n  - {}\ntail_calls:\n  \
         handlers: {{ {slots} }}\n",
        std::process::id(),
        way.attachment()
    );
    let file = context.probe_file(PROBE, &text)?;
    context.product.one_of_many(&["apply", path(&file)?])?.success().map(drop)
}

fn pin(kind: &str, name: &str) -> PathBuf {
    Path::new(PINS).join(PROBE).join(kind).join(name)
}

fn program(name: &str) -> Result<OwnedFd> {
    sys::open_pin(&pin("programs", name)).with_context(|| format!("no program {name}"))
}

fn count(way: Way, calls: u64, missed: u64, exchanges: u64) -> Result<Count> {
    let map = Map::PerCpuArray(MapData::from_pin(pin("maps", "exchanged"))?);
    let map: PerCpuArray<_, [u64; 3]> = PerCpuArray::try_from(map)?;
    let mut sum = [0; 3];
    for cpu in map.get(&0, 0)?.iter() {
        for (sum, one) in sum.iter_mut().zip(cpu) {
            *sum += one;
        }
    }
    let [first, second, fell_through] = sum;
    let missed = events::missed()?.saturating_sub(missed);
    Ok(Count { calls, first, second, fell_through, missed, exchanges, way })
}

impl Count {
    /// # Errors
    /// A call was lost, or found the slot empty.
    pub fn is_complete(&self) -> Result<()> {
        let seen = self.first + self.second + self.fell_through;
        // On a tracepoint the kernel skips nothing; what it says of others doesn't count.
        let missed = if self.way == Way::Tracepoint { 0 } else { self.missed };
        let fits = seen <= self.calls && seen + missed >= self.calls;
        ensure!(fits, "{seen} seen: {self}");
        ensure!(self.fell_through == 0, "some found the slot empty: {self}");
        Ok(())
    }

    fn adds_up(self) -> Result<Self> {
        self.is_complete()?;
        ensure!(self.exchanges > 1, "there was no exchange: {self}");
        if self.first == 0 || self.second == 0 {
            return Err(anyhow!("only one handler ran: {self}"));
        }
        Ok(self)
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?}: {} calls, {} exchanges: {} + {} handled, {} fell through, {} skipped by the kernel",
            self.way,
            self.calls,
            self.exchanges,
            self.first,
            self.second,
            self.fell_through,
            self.missed
        )
    }
}
