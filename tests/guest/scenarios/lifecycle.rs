//! `apply`, `status`, `read`, `delete` and `run`, from nothing to nothing. Whether anything is left is for the leak check
//! that follows every scenario.

use std::fs::File;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::mount::{UnmountFlags, unmount};
use serde_json::Value;

use super::rps_probes::{self, Way, packets};
use crate::features::Need;
use crate::leak::Snapshot;
use crate::product::{Reading, path};
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::child;
use crate::traffic::packets::Receiver;
use crate::traffic::steering::Steering;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "apply-status-read-delete",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: apply_status_read_delete,
    },
    Scenario {
        name: "apply-replaces-what-it-does-not-understand",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: unreadable_state,
    },
    Scenario {
        name: "apply-and-run-go-on-where-nobody-hears-them",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: nobody_hears,
    },
    Scenario {
        name: "status-measures-runs-and-fill",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: status_measures,
    },
    Scenario {
        name: "apply-fexit-counts-without-a-process",
        boot: Boot::Usual,
        needs: &[Need::PacketSteering, Need::Trampolines],
        check: applied_fexit_counts,
    },
    Scenario {
        name: "apply-mounts-bpffs",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: apply_mounts_bpffs,
    },
    Scenario {
        name: "run-ends-after-its-time",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: run_ends_after_its_time,
    },
    Scenario {
        name: "run-killed-leaves-nothing",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: killed_run_leaves_nothing,
    },
];

fn apply_status_read_delete(context: &Context) -> Result<()> {
    let product = &context.product;
    let file = product.shipped("syscalls");
    let file = path(&file)?;

    let applied = product.json(&["apply", file, "-o", "json"])?;
    ensure!(applied["probes"][0]["result"] == "created", "not created: {applied}");
    let first = without_fill(probe_status(context, "syscalls")?)?;
    ensure!(first["state"] == "attached", "not attached: {first}");

    let again = product.json(&["apply", file, "-o", "json"])?;
    ensure!(again["probes"][0]["result"] == "unchanged", "changed: {again}");
    let second = without_fill(probe_status(context, "syscalls")?)?;
    for part in ["attachments", "maps", "slots"] {
        ensure!(
            first[part] == second[part],
            "{part} changed: {} and {}",
            first[part],
            second[part]
        );
    }
    ensure!(program_ids(&first)? == program_ids(&second)?, "programs changed: {second}");
    let slots = first["slots"].as_array().context("no slots")?;
    let mut indexes: Vec<_> = slots.iter().filter_map(|slot| slot["index"].as_u64()).collect();
    indexes.sort_unstable();
    ensure!(indexes == [59, 222, 223, 224, 225, 226], "slots {indexes:?}");

    // The process that filled the slots is gone: they must still be there.
    child(&["timers", "50"])?;
    let read = product.json(&["read", "syscalls", "-o", "json"])?;
    let calls = Reading(&read).sum("counts", "calls", |_| true)?;
    ensure!(calls >= 250 - Reading(&read).loss("recursion_misses"), "{calls} calls: {read}");

    product.command(&["delete", "syscalls"])?.success()?;
    let left = product.json(&["status", "-o", "json"])?;
    ensure!(left["probes"].as_array().is_some_and(Vec::is_empty), "still there: {left}");
    Ok(())
}

/// A state file that was cut off, and one of another version: told by `status`, cleared by `delete`, replaced by `apply`.
fn unreadable_state(context: &Context) -> Result<()> {
    const STATE: &str = "/run/probe-runner/syscalls.json";
    let product = &context.product;
    let file = product.shipped("syscalls");
    let file = path(&file)?;
    product.command(&["apply", file])?.success()?;
    let whole = std::fs::read_to_string(STATE)?;
    for (text, said) in [
        (whole[..whole.len() / 2].to_owned(), "EOF"),
        (whole.replacen("\"schema_version\": ", "\"schema_version\": 9", 1), "another version"),
    ] {
        std::fs::write(STATE, text)?;
        let status = probe_status(context, "syscalls")?;
        let why = status["unreadable"].as_str().context("status says nothing of it")?;
        ensure!(status["state"] == "incomplete" && why.contains(said), "{status}");
        product.command(&["plan", file, "--detailed-exitcode"])?.exits(2)?;
        product.command(&["apply", file])?.success()?.complains(&["with its data", said])?;
        product.command(&["plan", file, "--detailed-exitcode"])?.success()?;
    }
    std::fs::write(STATE, "")?;
    product.command(&["delete", "syscalls"])?.success().map(drop)
}

/// What is said while something is done is of less worth than that it is done: standard error may be full.
fn nobody_hears(context: &Context) -> Result<()> {
    let product = &context.product;
    let file = product.shipped("syscalls");
    let file = path(&file)?;
    let unheard = |arguments: &[&str]| {
        let mut command = Command::new(product.binary());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        let status = command.stderr(File::options().write(true).open("/dev/full")?).status()?;
        ensure!(status.success(), "{arguments:?} without being heard: {status}");
        anyhow::Ok(())
    };
    unheard(&["run", file, "--for", "100ms"])?;
    product.command(&["apply", file])?.success()?;
    // Found by the next one, which says so before it replaces the probe.
    std::fs::write("/run/probe-runner/syscalls.json", "{")?;
    unheard(&["apply", file])?;
    let status = probe_status(context, "syscalls")?;
    ensure!(status["state"] == "attached", "not attached: {status}");
    unheard(&["delete", "syscalls"])
}

/// A status without how many entries maps hold: programs go on counting.
fn without_fill(mut status: Value) -> Result<Value> {
    for map in status["maps"].as_array_mut().context("no maps")? {
        map["entries"] = Value::Null;
    }
    Ok(status)
}

/// Runs are those of the time of the measurement alone; fill is what `read` shows.
fn status_measures(context: &Context) -> Result<()> {
    let product = &context.product;
    let file = product.shipped("syscalls");
    product.command(&["apply", path(&file)?])?.success()?;
    let dispatch = |status: &Value| {
        let programs = status["probes"][0]["programs"].as_array().cloned().unwrap_or_default();
        programs.into_iter().find(|program| program["name"] == "dispatch").context("no dispatch")
    };
    let plain = probe_status_document(context)?;
    ensure!(dispatch(&plain)?["measured"].is_null(), "measured without being asked: {plain}");
    let measure = ["status", "syscalls", "--measure", "500ms", "-o", "json"];
    let finished = product.command_during(&measure, || child(&["timers", "50"]).map(drop))?;
    let measured: Value = serde_json::from_str(&finished.success()?.stdout)?;
    let runs = &dispatch(&measured)?["measured"];
    // 50 timers are 250 calls, and every process makes others.
    ensure!(runs["runs"].as_i64() > Some(250), "not counted: {runs}");
    ensure!(runs["ns_per_run"].as_i64() > Some(0), "not timed: {runs}");
    ensure!(runs["seconds"] == 0.5, "another time: {runs}");

    let maps = measured["probes"][0]["maps"].as_array().context("no maps")?;
    let counts = maps.iter().find(|map| map["name"] == "counts").context("no counts")?;
    let read = product.json(&["read", "syscalls", "counts", "-o", "json"])?;
    let rows = Reading(&read).rows("counts")?.len();
    let entries = counts["entries"].as_u64().context("no fill")?;
    // Programs were started since.
    ensure!((1..=rows as u64).contains(&entries), "{entries} entries, {rows} rows");
    product.command(&["delete", "syscalls"])?.success().map(drop)
}

fn probe_status_document(context: &Context) -> Result<Value> {
    context.product.json(&["status", "syscalls", "-o", "json"])
}

fn applied_fexit_counts(context: &Context) -> Result<()> {
    let product = &context.product;
    let file = rps_probes::write(context, Way::Fexit, "kept", "count_all: true")?;
    let _steering = Steering::on()?;
    product.command(&["apply", path(&file)?])?.success()?;
    let receiver = Receiver::bind([127, 0, 0, 1].into())?;
    receiver.send_from([127, 0, 0, 1].into(), 3000)?;
    let read = product.json(&["read", "kept-fexit", "-o", "json"])?;
    drop(receiver);
    product.command(&["delete", "kept-fexit"])?.success()?;
    let sum = packets(Reading(&read))?;
    ensure!(sum == 3000, "{sum} of 3000 packets: {read}");
    Ok(())
}

fn apply_mounts_bpffs(context: &Context) -> Result<()> {
    unmount("/sys/fs/bpf", UnmountFlags::empty())?;
    let file = context.product.shipped("syscalls");
    let applied = context.product.command(&["apply", path(&file)?]);
    let deleted = context.product.command(&["delete", "syscalls"]);
    applied?.success()?;
    deleted?.success()?;
    Ok(())
}

fn run_ends_after_its_time(context: &Context) -> Result<()> {
    let file = context.product.shipped("syscalls");
    let running = context.product.run(&file, &["--for", "1s"])?;
    child(&["timers", "50"])?;
    let transcript = running.wait()?;
    let calls = transcript.read()?.sum("counts", "calls", |_| true)?;
    ensure!(calls > 0, "nothing was counted");
    Ok(())
}

fn killed_run_leaves_nothing(context: &Context) -> Result<()> {
    let before = Snapshot::take()?;
    let file = context.product.shipped("syscalls");
    let running = context.product.run(&file, &[])?;
    ensure!(!before.left()?.is_empty(), "it holds nothing while it runs");
    running.kill()
}

fn probe_status(context: &Context, probe: &str) -> Result<Value> {
    let status = context.product.json(&["status", probe, "-o", "json"])?;
    let found = status["probes"].as_array().and_then(|probes| probes.first());
    found.cloned().with_context(|| format!("no status: {status}"))
}

fn program_ids(status: &Value) -> Result<Vec<Option<u64>>> {
    let programs = status["programs"].as_array().context("no programs")?;
    Ok(programs.iter().map(|program| program["id"].as_u64()).collect())
}
