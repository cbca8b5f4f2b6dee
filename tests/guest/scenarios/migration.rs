//! A map of which the capacity changes while programs write to it.

use std::fs;
use std::thread;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::features::Need;
use crate::product::{Reading, number, path};
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::child;

/// timer_gettime of no timer: counted all the same.
const CALL: i64 = 224;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "migrate-keeps-entries",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: keeps_entries,
    },
    Scenario {
        name: "migrate-under-load-loses-what-it-says",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: under_load,
    },
    Scenario {
        name: "without-migrate-a-map-begins-anew",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: begins_anew,
    },
];

/// What was counted before is there after, in a larger map and in a smaller one as far as it fits.
fn keeps_entries(context: &Context) -> Result<()> {
    let product = &context.product;
    apply(context, "max_entries: 512, migrate: true")?;
    let mut children = Vec::new();
    for _ in 0..8 {
        children.push(child(&["storm", &CALL.to_string(), "100", "1"])?.0);
    }
    let grown = apply(context, "max_entries: 4096, migrate: true")?;
    ensure!(grown.contains("(migrate)") && grown.contains("entries were copied"), "{grown}");
    for pid in &children {
        let counted = counted(context, *pid)?;
        ensure!(counted == 100, "{counted} of 100 calls of {pid} are left in the larger map");
    }
    // What writes to it now is the new program.
    let (pid, _) = child(&["storm", &CALL.to_string(), "50", "1"])?;
    ensure!(counted(context, pid)? == 50, "the new map isn't written to");

    let shrunk = apply(context, "max_entries: 4, migrate: true")?;
    ensure!(shrunk.contains("found no room"), "{shrunk}");
    let rows = rows(context)?;
    ensure!((1..=4).contains(&rows.len()), "{} rows in a map of 4", rows.len());
    product.command(&["delete", "migrated"])?.success().map(drop)
}

/// Old and new programs both see an event while they change places, and each counts it in its own map: what is counted
/// in the end is at most what happened, and short by no more than what happened while they changed places unless it says
/// that an entry was contested.
fn under_load(context: &Context) -> Result<()> {
    const CALLS: i64 = 400_000;
    let product = &context.product;
    apply(context, "max_entries: 512, migrate: true")?;
    let calls = ["storm", &CALL.to_string(), &(CALLS / 2).to_string(), "2"];
    let mut notes = Vec::new();
    let mut storms = Vec::new();
    // One storm may be over before the second change.
    while notes.len() < 2 {
        let pid = thread::scope(|scope| -> Result<u32> {
            let storm = scope.spawn(|| child(&calls));
            while !storm.is_finished() {
                let size = if notes.len() % 2 == 0 { 1024 } else { 512 };
                notes.push(apply(context, &format!("max_entries: {size}, migrate: true"))?);
            }
            Ok(storm.join().ok().context("the storm's thread panicked")??.0)
        })?;
        storms.push(pid);
    }
    let made = CALLS * storms.len() as i64;
    let read = product.json(&["read", "migrated", "-o", "json"])?;
    let misses = Reading(&read).loss("recursion_misses");
    let mut counted_in_all = 0;
    for pid in storms {
        counted_in_all += counted(context, pid)?;
    }
    let contested = notes.iter().any(|note| note.contains("by old and new programs"));
    product.command(&["delete", "migrated"])?.success()?;
    ensure!(counted_in_all <= made, "{counted_in_all} of {made} calls: some were counted twice");
    ensure!(
        contested || counted_in_all + misses >= made,
        "{counted_in_all} of {made} calls, {misses} misses, and nothing was said of it: {notes:?}"
    );
    // Each change takes milliseconds of a storm's time: most of the counts have to survive.
    ensure!(counted_in_all >= made / 4, "only {counted_in_all} of {made} calls are left");
    Ok(())
}

fn begins_anew(context: &Context) -> Result<()> {
    apply(context, "max_entries: 512")?;
    let (pid, _) = child(&["storm", &CALL.to_string(), "100", "1"])?;
    ensure!(counted(context, pid)? == 100);
    let said = apply(context, "max_entries: 1024")?;
    ensure!(said.contains("(restart)"), "{said}");
    ensure!(counted(context, pid)? == 0, "the new map holds what the old one did");
    context.product.command(&["delete", "migrated"])?.success().map(drop)
}

/// Applies a probe with these settings of its map; what was said of it.
fn apply(context: &Context, counts: &str) -> Result<String> {
    let file = context.scratch.join("migrated.yaml");
    let text = format!(
        "version: 1\nname: migrated\nobject: syscalls.bpf.o\nmaps: {{ counts: {{ {counts} }} }}\n\
         attach:\n  - raw_tracepoint: {{ name: sys_enter, program: dispatch }}\n\
         tail_calls: {{ handlers: {{ 222-226: timer }} }}\n"
    );
    fs::write(&file, text)?;
    Ok(context.product.command(&["apply", path(&file)?])?.success()?.stderr)
}

fn rows(context: &Context) -> Result<Vec<Value>> {
    let read = context.product.json(&["read", "migrated", "counts", "-o", "json"])?;
    Ok(Reading(&read).rows("counts")?.to_vec())
}

/// How many of the calls of a process are counted.
fn counted(context: &Context, pid: u32) -> Result<i64> {
    let read = context.product.json(&["read", "migrated", "counts", "-o", "json"])?;
    Reading(&read).sum("counts", "value", |row| {
        number(row, "nr").is_ok_and(|call| call == CALL)
            && number(row, "pid").is_ok_and(|process| process == i64::from(pid))
    })
}
