//! What kernels have besides probes: security hooks, trampolines that may sleep, iterators.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::features::Need;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::child;

const OBJECT: &str = "attach-kernel.bpf.o";

const COUNT: i64 = 300;

/// With zeroes, setpriority sets the caller's own nice value, prctl is asked for an option that doesn't exist.
const SETPRIORITY: &str = "141";
const PRCTL: &str = "157";
const GETPGID: &str = "121";

const LSM: &str = "lsm: { hook: task_setnice, program: on_setnice }";

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "lsm-sees-each-call",
        boot: Boot::Usual,
        needs: &[Need::SecurityModule, Need::Trampolines],
        check: lsm_counts,
    },
    Scenario {
        name: "lsm-that-would-never-run-is-refused",
        boot: Boot::Usual,
        needs: &[Need::NoSecurityModule, Need::Trampolines],
        check: lsm_refused,
    },
    Scenario {
        name: "lsm-hook-that-does-not-exist-is-named",
        boot: Boot::Usual,
        needs: &[Need::Trampolines],
        check: lsm_unknown,
    },
    Scenario {
        name: "sleepable-fentry-sees-each-call",
        boot: Boot::Usual,
        needs: &[Need::SleepableTrampolines],
        check: sleepable_counts,
    },
    Scenario {
        name: "sleepable-lsm-sees-each-call",
        boot: Boot::Usual,
        needs: &[Need::SecurityModule, Need::Trampolines],
        check: sleepable_lsm_counts,
    },
    Scenario {
        name: "iterator-lists-each-task-once",
        boot: Boot::Usual,
        needs: &[],
        check: iterator_lists,
    },
    Scenario {
        name: "iterator-that-does-not-exist-is-named",
        boot: Boot::Usual,
        needs: &[],
        check: iterator_unknown,
    },
];

fn lsm_counts(context: &Context) -> Result<()> {
    exact(context, LSM, SETPRIORITY)
}

fn sleepable_lsm_counts(context: &Context) -> Result<()> {
    exact(context, "lsm: { hook: task_prctl, program: on_prctl }", PRCTL)
}

fn sleepable_counts(context: &Context) -> Result<()> {
    exact(context, "fentry: { function: __x64_sys_getpgid, program: may_sleep }", GETPGID)
}

fn exact(context: &Context, hook: &str, call: &str) -> Result<()> {
    let running = context.product.run(probe(context, hook)?.as_ref(), &[])?;
    let (pid, _) = child(&["calls", call, &COUNT.to_string()])?;
    let transcript = running.interrupt()?;
    let counted = transcript.read()?.sum("hits", "value", |row| row["pid"] == pid)?;
    ensure!(counted == COUNT, "{counted} of {COUNT}");
    Ok(())
}

fn lsm_refused(context: &Context) -> Result<()> {
    refused(context, LSM, &["security modules", "lsm="])
}

fn lsm_unknown(context: &Context) -> Result<()> {
    let hook = "lsm: { hook: task_setnicer, program: on_setnice }";
    refused(context, hook, &["no security hook task_setnicer"])
}

fn iterator_unknown(context: &Context) -> Result<()> {
    let hook = "iter: { over: tusk, program: each_task }";
    refused(context, hook, &["iterator", "tusk"])
}

fn refused(context: &Context, hook: &str, words: &[&str]) -> Result<()> {
    let file = probe(context, hook)?;
    context.product.command(&["run", &file, "--for", "1s"])?.exits(1)?.complains(words)
}

/// Both ways of reading it: at the end of `run`, and from what `apply` left.
fn iterator_lists(context: &Context) -> Result<()> {
    let file = probe(context, "iter: { over: task, program: each_task }")?;
    let product = &context.product;
    let transcript = product.run(file.as_ref(), &[])?.interrupt()?;
    listed_once(transcript.read()?.0)?;
    product.command(&["apply", &file])?.success()?;
    let read = product.json(&["read", "kernel", "-o", "json"]);
    let table = product.command(&["read", "kernel"]);
    product.command(&["delete", "kernel"])?.success()?;
    listed_once(&read?)?;
    let table = table?.success()?.stdout;
    let own = format!("\ntask {}\n", std::process::id());
    ensure!(table.contains("each_task\n") && table.contains(&own), "not shown: {table}");
    Ok(())
}

fn listed_once(document: &serde_json::Value) -> Result<()> {
    let text = document["listings"][0]["text"].as_str().context("there is no listing")?;
    let own = format!("task {}", std::process::id());
    let times = text.lines().filter(|line| *line == own).count();
    // A thread is a task, and is listed under its process's id.
    let threads = fs::read_dir("/proc/self/task")?.count();
    ensure!(times == threads, "`{own}`, of {threads} threads, is listed {times} times:\n{text}");
    Ok(())
}

fn probe(context: &Context, hook: &str) -> Result<String> {
    let file = context.probe_of(OBJECT, "kernel", &format!("attach:\n  - {hook}\n"))?;
    Ok(path(&file)?.to_owned())
}
