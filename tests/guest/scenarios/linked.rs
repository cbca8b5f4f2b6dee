//! What an object leaves to the loader is there when its programs run.

use anyhow::{Result, ensure};

use crate::features::Need;
use crate::product::{Reading, number};
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::child;

/// The test object, built for the machine that the scenarios are for.
const OBJECT: &[u8] = include_bytes!("../../objects/prebuilt/x86_64/linked.bpf.o");

/// Above the kernel's table, so that nobody else makes it.
const CALL: &str = "10007";
const CALLS: i64 = 3000;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "an-object-fills-its-own-slots-and-maps",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: fills_its_own,
    },
    Scenario {
        name: "a-probe-file-overrides-an-objects-slots",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: overrides_slots,
    },
];

fn fills_its_own(context: &Context) -> Result<()> {
    let counted = count(context, "")?;
    ensure!(counted.handled == counted.entered, "{counted:?}");
    ensure!(counted.inner == counted.entered, "{counted:?}");
    ensure!(counted.fell_through == 0, "{counted:?}");
    // Each call weighs 2; several CPUs don't wait for each other, one caller does.
    ensure!(counted.weighed == 2 * counted.entered, "{counted:?}");
    ensure!(counted.has_function == 1, "{counted:?}");
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut numbers = release.split(['.', '-', '+']).map(|part| part.trim().parse().unwrap_or(0));
    let wanted: (i64, i64) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let found = (counted.version >> 16, counted.version >> 8 & 0xff);
    ensure!(found == wanted, "{found:?} instead of {wanted:?}");
    Ok(())
}

fn overrides_slots(context: &Context) -> Result<()> {
    let counted = count(context, "tail_calls: { own_slots: { 1: unreached } }\n")?;
    ensure!(counted.handled == 0 && counted.inner == 0, "{counted:?}");
    ensure!(counted.fell_through == 0, "{counted:?}");
    Ok(())
}

#[derive(Debug)]
struct Counted {
    entered: i64,
    handled: i64,
    fell_through: i64,
    inner: i64,
    weighed: i64,
    version: i64,
    has_function: i64,
}

/// Makes the calls; every one of them must have been seen or shown as missed.
fn count(context: &Context, more: &str) -> Result<Counted> {
    std::fs::write(context.scratch.join("linked.bpf.o"), OBJECT)?;
    let yaml = format!(
        "version: 1\nobject: linked.bpf.o\nglobals: {{ wanted: {CALL} }}\nattach:\n  - \
         raw_tracepoint: {{ name: sys_enter, program: entry }}\n{more}"
    );
    let running = context.product.run(&context.probe_file("linked", &yaml)?, &[])?;
    child(&["calls", CALL, &CALLS.to_string()])?;
    let transcript = running.interrupt()?;
    let reading = transcript.read()?;
    let counted = counted(reading)?;
    let misses = reading.loss("recursion_misses");
    ensure!(
        counted.entered <= CALLS && counted.entered + misses >= CALLS && counted.entered > 0,
        "{CALLS} calls, {misses} misses: {counted:?}"
    );
    Ok(counted)
}

fn counted(reading: Reading<'_>) -> Result<Counted> {
    let [row] = &reading.rows("seen")?[..] else { anyhow::bail!("not one entry: {}", reading.0) };
    Ok(Counted {
        entered: number(row, "entered")?,
        handled: number(row, "handled")?,
        fell_through: number(row, "fell_through")?,
        inner: reading.sum("inner", "value", |_| true)?,
        weighed: number(row, "weighed")?,
        version: number(row, "version")?,
        has_function: number(row, "has_function")?,
    })
}
