//! A kernel that hides its memory even from root: privileges are there, and still it refuses.

use anyhow::{Context as _, Result, ensure};

use super::rps_probes::{self, Way, packets};
use crate::features::Need;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::packets::Receiver;
use crate::traffic::steering::Steering;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "lockdown-is-named-when-it-refuses",
        boot: Boot::Lockdown,
        needs: &[Need::LockedDown],
        check: lockdown_is_named,
    },
    Scenario {
        name: "lockdown-lets-fexit-count-without-reading-memory",
        boot: Boot::Lockdown,
        needs: &[Need::LockedDown, Need::PacketSteering, Need::Trampolines],
        check: fexit_counts,
    },
];

/// kprobes are refused as such, and programs that read kernel memory by a helper are.
fn lockdown_is_named(context: &Context) -> Result<()> {
    let pair = rps_probes::write(context, Way::Pair, "refused", "")?;
    let filtered = rps_probes::write(context, Way::Fexit, "refused", "filter_protocol: 17")?;
    for file in [pair, filtered, context.product.shipped("syscalls")] {
        context
            .product
            .command(&["run", path(&file)?, "--for", "1s"])?
            .exits(1)?
            .complains(&["lockdown"])
            .with_context(|| format!("with {}", file.display()))?;
    }
    Ok(())
}

fn fexit_counts(context: &Context) -> Result<()> {
    let _steering = Steering::on()?;
    let running = rps_probes::start(context, Way::Fexit, "all", "count_all: true")?;
    let receiver = Receiver::bind([127, 0, 0, 1].into())?;
    receiver.send_from([127, 0, 0, 1].into(), 3000)?;
    let transcript = running.interrupt()?;
    drop(receiver);
    let sum = packets(transcript.read()?)?;
    ensure!(sum == 3000, "{sum} of 3000 packets");
    Ok(())
}
