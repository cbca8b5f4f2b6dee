//! The tests that probe files carry: they pass where the programs are right, and can fail.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::features::Need;
use crate::leak::Snapshot;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};

/// Shipped probes of raw tracepoints and how many tests each has.
const SHIPPED: [(&str, u64); 3] = [("syscalls", 5), ("syscalls-portable", 3), ("timer-latency", 1)];

/// Kernels take their time to let go of what a killed process held.
const PATIENCE: Duration = Duration::from_secs(30);

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "tests-of-shipped-probes-pass",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: shipped_tests_pass,
    },
    Scenario {
        name: "tests-with-wrong-expectations-fail",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: wrong_expectations_fail,
    },
    Scenario {
        name: "tests-that-are-killed-leave-nothing",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: killed_test_leaves_nothing,
    },
];

fn shipped_tests_pass(context: &Context) -> Result<()> {
    for (probe, count) in SHIPPED {
        let file = context.product.shipped(probe);
        let finished = context.product.command(&["test", path(&file)?, "-o", "json"])?;
        let document: Value = serde_json::from_str(&finished.stdout)
            .with_context(|| format!("not JSON: {}{}", finished.stdout, finished.stderr))?;
        ensure!(document["passed"] == count, "{probe}: not {count} passed: {document}");
        let tests = document["tests"].as_array().context("no tests")?;
        ensure!(tests.len() as u64 == count, "{probe}: not {count} tests: {document}");
        finished.success()?;
    }
    Ok(())
}

/// Each test is wrong in one thing, and in all of them the program does the same: three execs of a path.
const WRONG: &str = "\
attach: [{ raw_tracepoint: { name: sys_enter, program: dispatch } }]
tail_calls: { handlers: { syscall:execve: exec } }
read:
  counts: { columns: { nr: { as: syscall } } }
  events: { type: syscall_event }
tests:
  - name: right
    run: dispatch
    args: [{ syscall_args: [{ text: /bin/ls }] }, syscall:execve]
    repeat: 3
    expect:
      returns: 0
      maps: { counts: [{ nr: execve, value: 3 }], calls: [] }
      events: { events: [{ path: /bin/ls }, { path: /bin/ls }, { path: /bin/ls }] }
  - name: returns
    run: dispatch
    args: [0, syscall:execve]
    expect: { returns: 1 }
  - name: a count
    run: dispatch
    args: [0, syscall:execve]
    repeat: 3
    expect: { maps: { counts: [{ nr: execve, value: 4 }] } }
  - name: an entry too many
    run: dispatch
    args: [0, syscall:execve]
    expect: { maps: { counts: [] } }
  - name: an event too few
    run: dispatch
    args: [{ syscall_args: [{ text: /bin/ls }] }, syscall:execve]
    repeat: 2
    expect: { events: { events: [{ path: /bin/ls }] } }
  - name: another text
    run: dispatch
    args: [{ syscall_args: [{ text: /bin/ls }] }, syscall:execve]
    expect: { events: { events: [{ path: /bin/sh }] } }
";

fn wrong_expectations_fail(context: &Context) -> Result<()> {
    let text = format!("version: 1\nobject: syscalls.bpf.o\n{WRONG}");
    let file = context.probe_file("wrong", &text)?;
    let finished = context.product.command(&["test", path(&file)?, "-o", "json"])?.exits(1)?;
    let document: Value = serde_json::from_str(&finished.stdout).context("not JSON")?;
    let counts = ["passed", "failed", "errors"].map(|what| document[what].clone());
    ensure!(counts == [json!(1), json!(5), json!(0)], "{document}");
    let failures = |name: &str| -> Result<Value> {
        let tests = document["tests"].as_array().context("no tests")?;
        let test = tests.iter().find(|test| test["name"] == name).context("no such test")?;
        Ok(test["failures"].clone())
    };
    ensure!(failures("right")? == json!([]), "{document}");
    let told = [
        ("returns", "returns", "1", "0"),
        ("a count", "counts", "nr=execve value=4", " value=3"),
        ("an event too few", "events", "", "path=/bin/ls"),
        ("another text", "events", "path=/bin/sh", "path=/bin/ls"),
        ("an entry too many", "counts", "", "nr=execve "),
    ];
    for (test, what, expected, got) in told {
        let failures = failures(test)?;
        let failure = &failures[0];
        let holds = |side: &str, text: &str| match failure[side].as_array().map(Vec::as_slice) {
            Some([]) => text.is_empty(),
            Some([line]) => {
                !text.is_empty() && line.as_str().is_some_and(|line| line.contains(text))
            }
            _ => false,
        };
        ensure!(
            failure["what"] == what && holds("expected", expected) && holds("got", got),
            "{test}: {failures}"
        );
    }
    Ok(())
}

fn killed_test_leaves_nothing(context: &Context) -> Result<()> {
    let text = "version: 1\nobject: syscalls.bpf.o\n\
        attach: [{ raw_tracepoint: { name: sys_enter, program: dispatch } }]\n\
        tests:\n  - name: long\n    run: dispatch\n    args: [0, 39]\n    repeat: 1000000\n    \
        expect: { returns: 0 }\n";
    let file = context.probe_file("long", text)?;
    let before = Snapshot::take()?;
    let running = context.product.start(&["test", path(&file)?])?;
    let start = Instant::now();
    while before.left()?.is_empty() {
        ensure!(start.elapsed() < PATIENCE, "it held nothing while it ran");
        sleep(Duration::from_millis(1));
    }
    running.kill()
}
