//! Attachments by perf event: kernels before 5.15 can't keep them without a process, and `apply` must know.

use anyhow::{Result, ensure};

use super::rps_probes::Way;
use crate::features::Need;
use crate::product::{Reading, path};
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::child;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "apply-keeps-kprobes",
        boot: Boot::Usual,
        needs: &[Need::Kprobes, Need::LastingPerfEvents],
        check: apply_keeps_kprobes,
    },
    Scenario {
        name: "apply-refuses-kprobes-that-cannot-last",
        boot: Boot::Usual,
        needs: &[Need::Kprobes, Need::NoLastingPerfEvents],
        check: apply_refuses_kprobes,
    },
    Scenario {
        name: "apply-prefers-what-lasts",
        boot: Boot::Usual,
        needs: &[Need::Kprobes, Need::Trampolines, Need::NoLastingPerfEvents],
        check: apply_prefers_what_lasts,
    },
    Scenario {
        name: "run-takes-the-first-alternative",
        boot: Boot::Usual,
        needs: &[Need::Kprobes, Need::Trampolines],
        check: run_takes_the_first,
    },
];

fn apply_keeps_kprobes(context: &Context) -> Result<()> {
    let product = &context.product;
    product.command(&["apply", path(&product.shipped("tail-call-hello"))?])?.success()?;
    child(&["naps", "20"])?;
    let read = product.json(&["read", "tail-call-hello", "-o", "json"])?;
    product.command(&["delete", "tail-call-hello"])?.success()?;
    let handled = Reading(&read).sum("hello_calls", "handled", |_| true)?;
    ensure!(handled >= 20, "{handled} of 20 handled after the process ended: {read}");
    Ok(())
}

fn apply_refuses_kprobes(context: &Context) -> Result<()> {
    let file = context.product.shipped("tail-call-hello");
    context
        .product
        .command(&["apply", path(&file)?])?
        .exits(1)?
        .complains(&["5.15", "probe-runner run"])
}

fn apply_prefers_what_lasts(context: &Context) -> Result<()> {
    let file = both_ways(context)?;
    let applied = context.product.json(&["apply", &file, "-o", "json"])?;
    context.product.command(&["delete", "both"])?.success()?;
    let attachment = &applied["probes"][0]["attachments"][0];
    ensure!(attachment["kind"] == "fexit", "not by fexit: {applied}");
    ensure!(
        attachment["passed_over"][0]["kind"] == "kprobe_pair",
        "it does not say what was passed over: {applied}"
    );
    Ok(())
}

fn run_takes_the_first(context: &Context) -> Result<()> {
    let file = both_ways(context)?;
    let transcript = context.product.run(file.as_ref(), &[])?.interrupt()?;
    let attachments = transcript.attachments()?;
    ensure!(attachments[0]["kind"] == "kprobe_pair", "not the first: {attachments:?}");
    Ok(())
}

/// A probe file whose first alternative is the one that may not last.
fn both_ways(context: &Context) -> Result<String> {
    let yaml = format!(
        "version: 1\nobject: rps.bpf.o\nattach:\n  - first_of:\n      - {}\n      - {}\n",
        Way::Pair.yaml(),
        Way::Fexit.yaml()
    );
    Ok(path(&context.probe_file("both", &yaml)?)?.to_owned())
}
