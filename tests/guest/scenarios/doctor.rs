//! `doctor` tells what a kernel allows, on every kernel, and what it tells is what the test bed finds by trying.

use anyhow::{Context as _, Result, ensure};

use crate::features::{Need, try_out};
use crate::scenario::{Boot, Context, Scenario};

/// What both sides try, by doctor's names.
const TRIED_BY_BOTH: [(&str, Need); 5] = [
    ("raw tracepoints", Need::RawTracepoints),
    ("tracepoints", Need::Tracepoints),
    ("kprobes", Need::Kprobes),
    ("fexit", Need::Trampolines),
    ("pinned perf events", Need::LastingPerfEvents),
];

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "doctor-agrees-with-the-test-bed",
    boot: Boot::Usual,
    needs: &[],
    check: agrees,
}];

fn agrees(context: &Context) -> Result<()> {
    let report = context.product.json(&["doctor", "-o", "json"])?;
    ensure!(report["schema_version"] == 1, "no schema version: {report}");
    let features = report["features"].as_array().context("no features")?;
    for (name, need) in TRIED_BY_BOTH {
        let feature = features
            .iter()
            .find(|feature| feature["name"] == name)
            .with_context(|| format!("doctor does not speak of {name}: {report}"))?;
        let (told, tried) = (feature["ok"] == true, try_out(need));
        ensure!(told == tried.is_ok(), "{name}: doctor says {feature}, trying gives {tried:?}");
    }
    Ok(())
}
