//! More calls than the machine can take in peace: numbers may be short, but never look exact when they are.

use anyhow::{Result, ensure};

use crate::features::Need;
use crate::product::{Reading, number, path};
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::child;

/// timer_gettime: of no timer here, so the kernel refuses it. It is seen all the same.
const CALL: i64 = 224;

/// More than CPUs, so that threads are preempted in the middle of a call.
const THREADS: i64 = 4;
const CALLS_OF_EACH: i64 = 25_000;
const CALLS: i64 = THREADS * CALLS_OF_EACH;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "storm-is-short-by-no-more-than-shown",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: |context| {
            let (counted, misses) = counted_and_missed(context, "syscalls")?;
            ensure!(
                counted <= CALLS && counted + misses >= CALLS,
                "{counted} of {CALLS} counted, {misses} misses shown"
            );
            Ok(())
        },
    },
    Scenario {
        name: "storm-is-counted-whole-by-the-exact-probe",
        boot: Boot::Usual,
        needs: &[Need::Tracepoints, Need::LastingPerfEvents],
        check: |context| {
            let (counted, _) = counted_and_missed(context, "syscalls-exact")?;
            ensure!(counted == CALLS, "{counted} of {CALLS} counted");
            Ok(())
        },
    },
];

/// The probe is applied, not run: nobody takes the events, so the ring buffer overflows, which must be shown too.
fn counted_and_missed(context: &Context, probe: &str) -> Result<(i64, i64)> {
    let product = &context.product;
    product.command(&["apply", path(&product.shipped(probe))?])?.success()?;
    let arguments = ["storm", &CALL.to_string(), &CALLS_OF_EACH.to_string(), &THREADS.to_string()];
    let (pid, _) = child(&arguments)?;
    let read = product.json(&["read", probe, "-o", "json"])?;
    product.command(&["delete", probe])?.success()?;

    let reading = Reading(&read);
    let events_lost = reading.loss("events");
    ensure!(events_lost > 0, "{CALLS} events fit the buffer, or losses are not shown: {read}");
    let counted = reading.sum("counts", "calls", |row| {
        number(row, "call").is_ok_and(|call| call == CALL)
            && number(row, "process").is_ok_and(|process| process == i64::from(pid))
    })?;
    Ok((counted, reading.loss("recursion_misses")))
}
