//! What the kernel refuses: the message helps, and nothing is left half-attached.

use anyhow::{Result, ensure};

use crate::features::Need;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "unknown-function-is-named",
        boot: Boot::Usual,
        needs: &[Need::Trampolines, Need::Kprobes],
        check: unknown_function,
    },
    Scenario {
        name: "unknown-tracepoint-undoes-what-was-attached",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: unknown_tracepoint,
    },
];

const MISSING: &str = "get_rps_gpu";

fn unknown_function(context: &Context) -> Result<()> {
    let ways = [
        ("by-fexit", format!("fexit: {{ function: {MISSING}, program: rps_fexit }}")),
        (
            "by-pair",
            format!("kprobe_pair: {{ function: {MISSING}, entry: rps_entry, return: rps_return }}"),
        ),
    ];
    for (name, way) in ways {
        let yaml = format!("version: 1\nobject: rps.bpf.o\nattach:\n  - {way}\n");
        let file = context.probe_file(name, &yaml)?;
        for verb in ["apply", "run"] {
            refused(context, &[verb, path(&file)?], MISSING)?;
        }
    }
    Ok(())
}

/// The first attachment works and has to be undone.
fn unknown_tracepoint(context: &Context) -> Result<()> {
    let file = context.probe_file(
        "half",
        "version: 1\nobject: syscalls.bpf.o\nattach:\n  - raw_tracepoint: { name: sys_enter, program: dispatch }\n  - raw_tracepoint: { name: sys_entry, program: dispatch }\n",
    )?;
    for verb in ["apply", "run"] {
        refused(context, &[verb, path(&file)?], "sys_entry")?;
    }
    Ok(())
}

fn refused(context: &Context, arguments: &[&str], word: &str) -> Result<()> {
    let finished = context.product.command(arguments)?;
    ensure!(!finished.stderr.is_empty(), "it says nothing");
    finished.exits(1)?.complains(&[word])
}
