//! An object that was written in Rust with aya-ebpf does what its source says.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::features::Need;
use crate::product::number;
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::child;

/// Above the kernel's table, so that nobody else makes it.
const CALL: &str = "10011";
const CALLS: i64 = 3000;

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "an-object-of-aya-ebpf-counts-exactly",
    boot: Boot::Usual,
    needs: &[Need::RawTracepoints, Need::Tracepoints],
    check: counts,
}];

fn counts(context: &Context) -> Result<()> {
    let rest = format!(
        "globals: {{ WANTED: {CALL} }}\nattach:\n  \
         - tracepoint: {{ name: raw_syscalls/sys_enter, program: count_calls }}\n  \
         - raw_tracepoint: {{ name: sys_enter, program: dispatch }}\n\
         tail_calls: {{ HANDLERS: {{ 0: handler }} }}\n\
         read:\n  CALLS: {{ layout: {{ key: {{ tgid: u32 }}, value: {{ calls: u64 }} }} }}\n  \
         HANDLED: {{}}\n  MISSED: {{}}\n"
    );
    let running = context.product.run(&context.probe_of("aya-probe.bpf.o", "aya", &rest)?, &[])?;
    let (process, _) = child(&["calls", CALL, &CALLS.to_string()])?;
    let transcript = running.interrupt()?;
    let reading = transcript.read()?;
    let of = |map| reading.sum(map, "value", |row| number(row, "key").ok() == Some(process.into()));
    // This map has no types but those of the file.
    let is_process = |row: &Value| number(row, "tgid").ok() == Some(process.into());
    let counted = reading.sum("CALLS", "calls", is_process)?;
    let (handled, missed) = (of("HANDLED")?, of("MISSED")?);
    ensure!(counted == CALLS, "{counted} of {CALLS} calls");
    // From 7.2 on a raw tracepoint may skip events; it says how many.
    let skipped = reading.loss("recursion_misses");
    ensure!(
        handled <= CALLS && handled + skipped >= CALLS && handled > 0,
        "{handled} of {CALLS} calls, {skipped} skipped"
    );
    ensure!(missed == 0, "{missed} calls found no handler");
    Ok(())
}
