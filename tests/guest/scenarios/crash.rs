//! Commands that are broken off, and commands that have nothing to do. `cargo xtask soak crash` tries every point; here it
//! is a few of each kind, on each of the shipped probes.

use anyhow::{Result, ensure};

use crate::crash::{self, Share};
use crate::features::{Features, Need};
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};
use crate::trace::{self, Act};

/// Enough to see every kind of command and every probe.
const CASES: [&str; 8] = [
    "syscalls replaced in steps",
    "syscalls with changed generation",
    "syscalls-portable created",
    "syscalls-exact deleted",
    "timer-latency swapped",
    "rps with changed pair",
    "rps created",
    "tail-call-hello swapped back",
];
const POINTS_OF_EACH: usize = 2;

/// The shipped probes that have to be unchanged when they are applied again, and what they need.
const PROBES: [(&str, &[Need]); 6] = [
    ("syscalls", &[Need::RawTracepoints]),
    ("syscalls-portable", &[Need::RawTracepoints]),
    ("syscalls-exact", &[Need::Tracepoints, Need::LastingPerfEvents]),
    ("timer-latency", &[Need::RawTracepoints]),
    ("rps", &[Need::PacketSteering, Need::Trampolines]),
    ("tail-call-hello", &[Need::Kprobes, Need::LastingPerfEvents]),
];

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "broken-off-anywhere-it-recovers",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: recovers,
    },
    Scenario {
        name: "apply-again-changes-nothing",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: changes_nothing,
    },
];

fn recovers(context: &Context) -> Result<()> {
    let mut said = Vec::new();
    let wanted = |case: &str| CASES.contains(&case);
    let tally = crash::run(context, wanted, Share::Each(POINTS_OF_EACH), &mut said)?;
    context.tell(tally.to_string());
    // What failed is in there.
    tally.all_passed().map_err(|error| error.context(String::from_utf8_lossy(&said).into_owned()))
}

/// Traced, so that what is made and taken back is seen too.
fn changes_nothing(context: &Context) -> Result<()> {
    let mut features = Features::default();
    let mut looked = 0;
    for (probe, needs) in PROBES {
        if features.check(needs).is_err() {
            continue;
        }
        let file = context.product.shipped(probe);
        let apply = ["apply", path(&file)?];
        let apply = |changed: bool| -> Result<()> {
            let traced = trace::run(context.product.binary(), &apply, |_, _| Act::Go)?;
            ensure!(traced.code == Some(0), "{probe}: {:?}: {}", traced.code, traced.stderr);
            let changes: Vec<_> = traced.steps.iter().filter(|step| step.worked()).collect();
            // The lock's file stays, so it is opened as one that may have to be made.
            let is_lock = |what: &str| what == "create /run/probe-runner/lock";
            let others = changes.iter().filter(|step| !is_lock(&step.what)).count();
            ensure!(changed == (others > 0), "{probe}: changed {changes:?}");
            Ok(())
        };
        // The first time it must be seen to change something.
        apply(true)?;
        apply(false)?;
        context.product.command(&["delete", probe])?.success()?;
        looked += 1;
    }
    context.tell(format!("{looked} probes applied again: no call that changes anything"));
    ensure!(looked > 0, "no probe was tried");
    Ok(())
}
