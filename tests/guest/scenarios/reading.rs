//! Maps of every type are read as what a program put into them.

use std::path::PathBuf;
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
use serde_json::{Value, json};

use crate::exchange::{self, Way};
use crate::features::Need;
use crate::filled;
use crate::product::{Product, Reading, path};
use crate::scenario::{Boot, Context, Scenario};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "reading-every-type-of-map",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: every_type,
    },
    Scenario {
        name: "reading-resets-and-filters",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: resets_and_filters,
    },
    Scenario {
        name: "reading-large-maps",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: large_maps,
    },
    Scenario {
        name: "reading-perf-buffers",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: perf_buffers,
    },
    Scenario {
        name: "reading-takes-no-event-from-a-tracepoint",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints, Need::Tracepoints, Need::LastingPerfEvents],
        check: takes_no_event,
    },
    Scenario {
        name: "reading-stacks-that-were-not-kept",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: stacks_not_kept,
    },
];

/// How many entries a map has that is read in several batches.
const LARGE: u32 = 20_000;

/// How many a per-CPU array has, which before Linux 5.13 is read one by one, in several pieces.
const SLOTS: u32 = 2000;

/// What the program stores as key and as value: `struct outer`.
fn outer() -> Value {
    json!({
        "number": 42, "colour": "GREEN", "bits.low": -3, "bits.high": 1000,
        "word": 0x0100_007f, "octets": [127, 0, 0, 1], "name": "abc", "list": [1, 2, 65535],
        "yes": true,
    })
}

fn with(mut row: Value, name: &str, value: Value) -> Value {
    row[name] = value;
    row
}

/// Applies the probe with these views and makes it fill its maps.
fn fill(context: &Context, views: &str) -> Result<()> {
    filled::apply(context, "Fills maps", views)
}

fn rows(context: &Context, map: &str) -> Result<Value> {
    let document = context.product.json(&["read", "types", map, "-o", "json"])?;
    Ok(Value::Array(Reading(&document).rows(map)?.clone()))
}

fn every_type(context: &Context) -> Result<()> {
    fill(
        context,
        "  by_struct: {}\n  by_cpu: { by_cpu: true }\n  \
         samples: { columns: { kernel: { as: kstack }, user: { as: ustack } } }\n",
    )?;
    let expected = [
        ("by_struct", json!([with(outer(), "value", json!(10))])),
        ("numbers", json!([with(outer(), "key", json!(2))])),
        ("recent", json!([{ "key": 1, "value": 10 }, { "key": 2, "value": 20 }])),
        ("recent_by_cpu", json!([{ "key": 2, "value": 20 }])),
        ("slots_by_cpu", json!([{ "key": 2, "value": 10 }])),
        ("networks", json!([{ "length": 24, "octets": [192, 0, 2, 0], "value": 10 }])),
        ("waiting", json!([{ "value": 10 }])),
        ("piled", json!([{ "value": 20 }])),
        ("inners", json!([{ "map": 1, "key": 1, "value": 20 }])),
        ("main:.data", json!([{ "total": 7, "offsets": [1, -7, 3] }])),
    ];
    for (map, expected) in expected {
        let found = rows(context, map)?;
        ensure!(found == expected, "{map} is {found} instead of {expected}");
    }
    let by_cpu = rows(context, "by_cpu")?;
    let cpu = &by_cpu[0]["cpu"];
    ensure!(cpu.is_u64() && by_cpu == json!([{ "key": 1, "cpu": cpu, "value": 10 }]), "{by_cpu}");
    let variables = rows(context, "main:.bss")?;
    ensure!(
        variables[0]["last"]["name"] == "abc" || variables[0]["last.name"] == "abc",
        "{variables}"
    );

    let samples = rows(context, "samples")?;
    let kernel = samples[0]["kernel"].as_array().cloned().unwrap_or_default();
    let is_entry = |call: &Value| {
        call.as_str().is_some_and(|call| {
            call.starts_with("do_syscall_64+") || call.starts_with("entry_SYSCALL_64")
        })
    };
    ensure!(kernel.iter().any(is_entry), "no system call in the kernel's stack: {samples}");
    let user = samples[0]["user"].as_array().cloned().unwrap_or_default();
    ensure!(!user.is_empty(), "no call in the process's stack: {samples}");
    context.product.command(&["delete", "types"])?.success()?;
    Ok(())
}

/// The kernel's stack takes the only place there is, so that the process's has none.
fn stacks_not_kept(context: &Context) -> Result<()> {
    fill(
        context,
        "  samples: { columns: { kernel: { as: kstack }, user: { as: ustack } } }\n\
         maps: { stacks: { max_entries: 1 } }\n",
    )?;
    let why = "[no stack: another has its place (EEXIST)]";
    let samples = rows(context, "samples")?;
    let sample = &samples[0];
    ensure!(sample["user"] == json!([why]), "{samples}");
    // The field has no sign.
    ensure!(sample["user_raw"] == json!((-17_i32).cast_unsigned()), "{samples}");
    ensure!(sample["kernel"].as_array().is_some_and(|calls| calls.len() > 1), "{samples}");
    let table = context.product.command(&["read", "types", "samples"])?.success()?;
    ensure!(table.stdout.contains(why), "{}", table.stdout);
    context.product.command(&["delete", "types"])?.success()?;
    Ok(())
}

fn resets_and_filters(context: &Context) -> Result<()> {
    fill(
        context,
        "  recent: { reset: true }\n  recent_by_cpu: { reset: true }\n  waiting: { reset: true }\n",
    )?;
    let filter = |expression: &str| -> Result<Value> {
        let arguments = ["read", "types", "numbers", "-o", "json", "--filter", expression];
        let document = context.product.json(&arguments)?;
        Ok(json!(Reading(&document).rows("numbers")?.len()))
    };
    ensure!(filter("name == 'abc' and number > 41")? == json!(1), "a row is missing");
    ensure!(filter("name == 'abd' or number > 42")? == json!(0), "a row is too much");
    let unknown =
        context.product.command(&["read", "types", "numbers", "--filter", "nmae == 1"])?;
    unknown.exits(1)?.complains(&["nmae", "name"])?;

    let taken = [
        ("recent", json!([{ "key": 1, "value": 10 }, { "key": 2, "value": 20 }])),
        ("recent_by_cpu", json!([{ "key": 2, "value": 20 }])),
        ("waiting", json!([{ "value": 10 }, { "value": 20 }])),
    ];
    for (map, expected) in taken {
        let (first, second) = (rows(context, map)?, rows(context, map)?);
        ensure!(first == expected, "{map} is {first} instead of {expected}");
        ensure!(second == json!([]), "{map} still has {second}");
    }
    context.product.command(&["delete", "types"])?.success()?;
    Ok(())
}

/// Maps of several batches: every entry once and in order, on whichever thread it was read and written.
fn large_maps(context: &Context) -> Result<()> {
    // Spread over the key's fields as `fill.bpf.c` does.
    let mut expected: Vec<(u32, u32, u32, i32, u64)> = (0..LARGE)
        .map(|n| (n % 7, n / 7 % 64, n / 448, -((n % 3) as i32), 1_000_003 * u64::from(n)))
        .collect();
    expected.sort_unstable();
    for (map, program) in [("flows", "fill_flows"), ("flows_by_cpu", "fill_flows_by_cpu")] {
        let rest = format!(
            "globals: {{ wanted: {LARGE} }}\nmaps: {{ {map}: {{ max_entries: {LARGE} }} }}\n\
             attach:\n  - raw_tracepoint: {{ name: sys_enter, program: {program} }}\n\
             read: {{ {map}: {{}} }}\n"
        );
        let file = context.probe_of("fill.bpf.o", "large", &rest)?;
        context.product.command(&["apply", path(&file)?])?.success()?;
        // Each adds 64; two CPUs at once may add the same ones.
        for _ in 0..LARGE / 16 {
            filled::fill();
        }
        let document = context.product.json(&["read", "large", "-o", "json"])?;
        let rows = Reading(&document).rows(map)?;
        ensure!(rows.len() == expected.len(), "{map} has {} rows", rows.len());
        for (row, &(device, queue, cpu, target, packets)) in rows.iter().zip(&expected) {
            let mut right =
                json!({ "device": device, "queue": queue, "cpu": cpu, "target": target });
            right["value"] = json!(packets);
            // Added on two CPUs it is there twice.
            if map == "flows_by_cpu" {
                right["value"] = row["value"].clone();
            }
            ensure!(*row == right, "{map} has {row} instead of {right}");
        }
        let sheet = context.product.command(&["read", "large", map, "-o", "csv"])?.success()?;
        let lines = sheet.stdout.lines().count();
        ensure!(lines == expected.len() + 1, "{map} has {lines} lines as CSV");
        context.product.command(&["delete", "large"])?.success()?;
    }
    large_array(context)
}

/// As long as an array has nothing but zeros these are its rows.
fn large_array(context: &Context) -> Result<()> {
    let views =
        format!("  slots_by_cpu: {{}}\nmaps: {{ slots_by_cpu: {{ max_entries: {SLOTS} }} }}\n");
    let file = filled::probe(context, "Has a large array", &views)?;
    context.product.command(&["apply", path(&file)?])?.success()?;
    let read = || context.product.json(&["read", "types", "-o", "json"]);
    let zeros: Vec<Value> = (0..SLOTS).map(|key| json!({ "key": key, "value": 0 })).collect();
    ensure!(*Reading(&read()?).rows("slots_by_cpu")? == zeros, "not one row for each slot");
    filled::fill();
    let rows = read()?;
    let rows = Reading(&rows).rows("slots_by_cpu")?;
    ensure!(rows.len() == 1, "slots_by_cpu has {rows:?}");
    context.product.command(&["delete", "types"])?.success()?;
    Ok(())
}

fn perf_buffers(context: &Context) -> Result<()> {
    let views = "  perf_events: { type: event, columns: { spent_ns: { as: duration } } }\n";
    let file = filled::probe(context, "Sends records through perf buffers", views)?;
    let running = context.product.run(&file, &[])?;
    for _ in 0..100 {
        filled::fill();
    }
    let transcript = running.interrupt()?;
    let mut numbers: Vec<i64> = Vec::new();
    for event in transcript.events("perf_events") {
        ensure!(event["spent_ns"] == "1.5µs" && event["spent_ns_raw"] == 1500, "{event}");
        numbers.extend(event["number"].as_i64());
    }
    // Each CPU's records come in order, those of several may not.
    numbers.sort_unstable();
    ensure!(numbers == Vec::from_iter(0..100), "records {numbers:?} instead of 0 to 99");
    Ok(())
}

/// While the kernel looks elements up, it skips the perf events of that CPU: no thread may be put aside in the middle of that.
/// The same without the priority that sees to it comes first, to show what there is to lose.
fn takes_no_event(context: &Context) -> Result<()> {
    let views = "  numbers: { top: 1 }\nmaps: { numbers: { max_entries: 65536 } }\n";
    fill(context, views)?;
    let read = |product: &Product| {
        let every = ["read", "types", "numbers", "--every", "1ms", "-o", "json"];
        let reading = product.start(&every)?;
        sleep(Duration::from_secs(5));
        let read = reading.terminate()?.success()?;
        ensure!(read.stdout.lines().count() > 1, "nothing was read: {}", read.stderr);
        Ok(())
    };
    let unprivileged = exchange::beside(context, Way::Tracepoint, || {
        // What a thread may not gain is inherited by the commands that it starts, and by nothing else.
        let binary = context.product.binary().to_owned();
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                remove_capability_from_bounding_set(CapabilitySet::SYS_NICE)?;
                read(&Product::new(binary, PathBuf::from("/"))?)
            });
            other.join().unwrap_or_else(|_| bail!("the reader panicked"))
        })
    })?;
    context.tell(format!("without CAP_SYS_NICE: {unprivileged}"));
    let count = exchange::beside(context, Way::Tracepoint, || read(&context.product))?;
    context.tell(count.to_string());
    count.is_complete()?;
    context.product.command(&["delete", "types"])?.success().map(drop)
}
