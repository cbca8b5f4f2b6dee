//! uprobes, uretprobes and perf events: hooks that are not places of the kernel.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::features::Need;
use crate::product::{Reading, Transcript, path};
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::{TICK, child};

const OBJECT: &str = "attach-user.bpf.o";

const COUNT: i64 = 500;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "uprobe-counts-each-call",
        boot: Boot::Usual,
        needs: &[Need::Uprobes],
        check: uprobe_counts,
    },
    Scenario {
        name: "uprobe-goes-by-offset-and-process",
        boot: Boot::Usual,
        needs: &[Need::Uprobes],
        check: uprobe_by_offset,
    },
    Scenario {
        name: "uprobe-has-a-cookie",
        boot: Boot::Usual,
        needs: &[Need::Uprobes, Need::LastingPerfEvents],
        check: uprobe_cookie,
    },
    Scenario {
        name: "uprobe-stays-applied",
        boot: Boot::Usual,
        needs: &[Need::Uprobes, Need::LastingPerfEvents],
        check: uprobe_stays,
    },
    Scenario {
        name: "uprobe-that-cannot-last-is-refused",
        boot: Boot::Usual,
        needs: &[Need::Uprobes, Need::NoLastingPerfEvents],
        check: uprobe_cannot_last,
    },
    Scenario {
        name: "uprobe-of-an-unknown-function-is-explained",
        boot: Boot::Usual,
        needs: &[Need::Uprobes],
        check: unknown_function,
    },
    Scenario {
        name: "usdt-counts-each-pass-and-is-switched-on",
        boot: Boot::Usual,
        needs: &[Need::Uprobes],
        check: usdt_counts,
    },
    Scenario {
        name: "usdt-probe-that-does-not-exist-is-named",
        boot: Boot::Usual,
        needs: &[Need::Uprobes],
        check: unknown_usdt,
    },
    Scenario {
        name: "perf-event-counts-each-page-fault",
        boot: Boot::Usual,
        needs: &[],
        check: page_faults,
    },
    Scenario {
        name: "perf-event-samples-by-the-clock",
        boot: Boot::Usual,
        needs: &[],
        check: samples,
    },
];

/// This program, which is the traffic's too.
fn this() -> Result<String> {
    Ok(path(&std::env::current_exe()?)?.to_owned())
}

fn uprobe_counts(context: &Context) -> Result<()> {
    let file = context.probe_of(
        OBJECT,
        "calls",
        &format!(
            "attach:\n  - uprobe: {{ binary: {this}, symbol: guest_tick, program: at_entry }}\n  - uretprobe: {{ binary: {this}, symbol: guest_tick, program: at_return }}\n",
            this = this()?
        ),
    )?;
    let running = context.product.run(&file, &[])?;
    let (pid, _) = child(&["ticks", &COUNT.to_string()])?;
    let transcript = running.interrupt()?;
    for (what, seen) in [("entries", TICK), ("returns", TICK + 1)] {
        let count = counted(&transcript, pid, |row| row["number"] == seen)?;
        ensure!(count == COUNT, "{count} {what} of {COUNT}");
    }
    let attachments = transcript.attachments()?;
    let place = format!("{}:guest_tick", this()?);
    ensure!(attachments[0]["target"] == place.as_str(), "wrong target: {attachments:?}");
    Ok(())
}

/// The offset of the function in the file is that of its address in what was mapped from there.
fn uprobe_by_offset(context: &Context) -> Result<()> {
    let offset = file_offset(crate::sys::guest_tick as *const () as usize)?;
    let this = this()?;
    let own = std::process::id();
    let file = context.probe_of(
        OBJECT,
        "by-offset",
        &format!(
            "attach:\n  - uprobe: {{ binary: {this}, offset: {offset:#x}, pid: {own}, program: at_entry }}\n"
        ),
    )?;
    let running = context.product.run(&file, &[])?;
    let (other, _) = child(&["ticks", "20"])?;
    for _ in 0..COUNT {
        crate::sys::guest_tick(TICK);
    }
    let transcript = running.interrupt()?;
    let (counted, strange) =
        (counted(&transcript, own, |_| true)?, counted(&transcript, other, |_| true)?);
    ensure!(
        counted == COUNT && strange == 0,
        "{counted} of {COUNT}, and {strange} of another process"
    );
    Ok(())
}

fn file_offset(address: usize) -> Result<usize> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    maps.lines()
        .find_map(|line| {
            let mut words = line.split_whitespace();
            let (start, end) = words.next()?.split_once('-')?;
            let hexadecimal = |text| usize::from_str_radix(text, 16).ok();
            let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
            let offset = hexadecimal(words.nth(1)?)?;
            (start..end).contains(&address).then(|| address - start + offset)
        })
        .context("the function is not mapped")
}

fn uprobe_cookie(context: &Context) -> Result<()> {
    let hook = |cookie| {
        format!(
            "  - uprobe: {{ binary: {}, symbol: guest_tick, program: at_entry_with_cookie, cookie: {cookie} }}\n",
            this().unwrap_or_default()
        )
    };
    let attach = format!("attach:\n{}{}", hook("0x1234567890"), hook("42"));
    let file = context.probe_of(OBJECT, "cookies", &attach)?;
    let running = context.product.run(&file, &[])?;
    let (pid, _) = child(&["ticks", &COUNT.to_string()])?;
    let transcript = running.interrupt()?;
    for cookie in [0x12_3456_7890_i64, 42] {
        let count = counted(&transcript, pid, |row| row["cookie"] == cookie)?;
        ensure!(count == COUNT, "{count} of {COUNT} with cookie {cookie:#x}");
    }
    Ok(())
}

fn uprobe_stays(context: &Context) -> Result<()> {
    let file = tick_probe(context, "stays")?;
    let product = &context.product;
    product.command(&["apply", &file])?.success()?;
    let (pid, _) = child(&["ticks", &COUNT.to_string()])?;
    let read = product.json(&["read", "stays", "-o", "json"])?;
    let again = product.command(&["apply", &file])?.success()?;
    product.command(&["delete", "stays"])?.success()?;
    let count = Reading(&read).sum("hits", "value", |row| row["pid"] == pid)?;
    ensure!(count == COUNT, "{count} of {COUNT} after the process ended: {read}");
    ensure!(again.stdout.contains("unchanged"), "applied again: {}", again.stdout);
    Ok(())
}

fn uprobe_cannot_last(context: &Context) -> Result<()> {
    let file = tick_probe(context, "stays")?;
    context.product.command(&["apply", &file])?.exits(1)?.complains(&["5.15", "probe-runner run"])
}

fn tick_probe(context: &Context, name: &str) -> Result<String> {
    let attach = format!(
        "attach:\n  - uprobe: {{ binary: {}, symbol: guest_tick, program: at_entry }}\n",
        this()?
    );
    Ok(path(&context.probe_of(OBJECT, name, &attach)?)?.to_owned())
}

fn unknown_function(context: &Context) -> Result<()> {
    let attach = format!(
        "attach:\n  - uprobe: {{ binary: {}, symbol: guest_tikc, program: at_entry }}\n",
        this()?
    );
    let file = context.probe_of(OBJECT, "unknown", &attach)?;
    context
        .product
        .command(&["run", path(&file)?, "--for", "1s"])?
        .exits(1)?
        .complains(&["has no function guest_tikc", "did you mean guest_tick?"])
}

fn usdt_probe(context: &Context, probe: &str) -> Result<String> {
    let attach = format!(
        "attach:\n  - usdt: {{ binary: {}, provider: guest, name: {probe}, program: at_entry }}\n",
        this()?
    );
    Ok(path(&context.probe_of(OBJECT, "usdt", &attach)?)?.to_owned())
}

/// The traffic fails where its count of watchers is 0: before, and again after the end.
fn usdt_counts(context: &Context) -> Result<()> {
    ensure!(!crate::sys::usdt_tick(TICK), "somebody watches already");
    let running = context.product.run(usdt_probe(context, "tick")?.as_ref(), &[])?;
    let (pid, _) = child(&["usdt-ticks", &COUNT.to_string()])?;
    let transcript = running.interrupt()?;
    let count = counted(&transcript, pid, |row| row["number"] == TICK)?;
    ensure!(count == COUNT, "{count} of {COUNT}");
    // The kernel lets go of links a little later than the process ends.
    let start = Instant::now();
    while crate::sys::usdt_tick(TICK) {
        ensure!(start.elapsed() < Duration::from_secs(10), "somebody watches still");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn unknown_usdt(context: &Context) -> Result<()> {
    let file = usdt_probe(context, "tock")?;
    context
        .product
        .command(&["run", &file, "--for", "1s"])?
        .exits(1)?
        .complains(&["no USDT probe guest:tock", "guest:tick"])
}

/// The program sees each fault's address, and counts those in memory that only the child has.
fn page_faults(context: &Context) -> Result<()> {
    const ADDRESS: usize = 0x1000_0000_0000;
    let count = usize::try_from(COUNT)?;
    let end = ADDRESS + count * 4096;
    let file = context.probe_of(
        OBJECT,
        "faults",
        &format!(
            "globals: {{ first_address: {ADDRESS}, end_address: {end} }}\nattach:\n  - perf_event: {{ event: page-faults, period: 1, program: at_fault }}\n"
        ),
    )?;
    let running = context.product.run(&file, &[])?;
    let (pid, _) = child(&["faults", &ADDRESS.to_string(), &count.to_string()])?;
    let transcript = running.interrupt()?;
    let counted = counted(&transcript, pid, |_| true)?;
    ensure!(counted == COUNT, "{counted} of {COUNT} page faults");
    Ok(())
}

/// Virtual machines without an accelerator count no cycles: the clock is what every machine has.
fn samples(context: &Context) -> Result<()> {
    let hook = |event| {
        format!("{{ perf_event: {{ event: {event}, frequency: 99, program: at_sample }} }}")
    };
    let attach = format!("attach:\n  - first_of: [{}, {}]\n", hook("cycles"), hook("cpu-clock"));
    let file = context.probe_of(OBJECT, "samples", &attach)?;
    let running = context.product.run(&file, &[])?;
    let start = Instant::now();
    while start.elapsed().as_millis() < 500 {
        std::hint::spin_loop();
    }
    let transcript = running.interrupt()?;
    let counted = counted(&transcript, std::process::id(), |_| true)?;
    // 500 ms are about 50 periods.
    ensure!((10..=200).contains(&counted), "{counted} samples in half a second at 99 Hz");
    let taken = &transcript.attachments()?[0];
    if taken["target"] != "cycles 99 times a second" {
        let reason = taken["passed_over"][0]["reason"].as_str().unwrap_or_default();
        ensure!(reason.contains("doesn't count cycles"), "passed over without a reason: {taken}");
    }
    Ok(())
}

/// What a process was counted with, over the rows that `keep` wants.
fn counted(
    transcript: &Transcript,
    pid: u32,
    keep: impl Fn(&serde_json::Value) -> bool,
) -> Result<i64> {
    transcript.read()?.sum("hits", "value", |row| row["pid"] == pid && keep(row))
}
