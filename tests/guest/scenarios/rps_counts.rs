//! Packets that receive packet steering saw are counted, each once.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Result, ensure};

use super::rps_probes::{self, Way, is_moved, packets};
use crate::features::{Need, try_out};
use crate::product::{Reading, number};
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::packets::Receiver;
use crate::traffic::steering::Steering;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DATAGRAMS: usize = 20_000;

/// As many flows: their hashes spread over both CPUs, so some are moved whichever CPU sends.
const FLOWS: usize = 40;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "rps-fexit-and-pair-count-every-datagram",
        boot: Boot::Usual,
        needs: &[Need::PacketSteering, Need::Trampolines, Need::Kprobes],
        check: both_count_every_datagram,
    },
    Scenario {
        name: "rps-fexit-counts-moved-packets",
        boot: Boot::Usual,
        needs: &[Need::PacketSteering, Need::Trampolines],
        check: |context| counts_moved_packets(context, Way::Fexit),
    },
    Scenario {
        name: "rps-pair-counts-moved-packets",
        boot: Boot::Usual,
        needs: &[Need::PacketSteering, Need::Kprobes],
        check: |context| counts_moved_packets(context, Way::Pair),
    },
    Scenario {
        name: "rps-shipped-probe-counts",
        boot: Boot::Usual,
        needs: &[Need::PacketSteering, Need::Kprobes],
        check: shipped_probe_counts,
    },
    Scenario {
        name: "rps-without-mask-hints",
        boot: Boot::Usual,
        needs: &[Need::PacketSteering, Need::Kprobes],
        check: hints_without_mask,
    },
];

fn both_count_every_datagram(context: &Context) -> Result<()> {
    let _steering = Steering::on()?;
    let fexit = rps_probes::start(context, Way::Fexit, "all", "count_all: true")?;
    let pair = rps_probes::start(context, Way::Pair, "all", "count_all: true")?;
    let receiver = send_datagrams()?;
    let (fexit, pair) = (fexit.interrupt()?, pair.interrupt()?);
    drop(receiver);

    let (fexit, pair) = (fexit.read()?, pair.read()?);
    for (way, reading) in [("fexit", fexit), ("pair", pair)] {
        let sum = packets(reading)?;
        ensure!(sum == DATAGRAMS as i64, "{way} counted {sum} of {DATAGRAMS}: {}", reading.0);
    }
    ensure!(
        by_cpus(fexit)? == by_cpus(pair)?,
        "they disagree on the CPUs: {} and {}",
        fexit.0,
        pair.0
    );
    Ok(())
}

fn counts_moved_packets(context: &Context, way: Way) -> Result<()> {
    let _steering = Steering::on()?;
    let all = rps_probes::start(context, way, "all", "count_all: true")?;
    let moved = rps_probes::start(context, way, "moved", "")?;
    let receiver = send_datagrams()?;
    let (all, moved) = (all.interrupt()?, moved.interrupt()?);
    drop(receiver);

    let (all, moved) = (all.read()?, moved.read()?);
    let expected = all.sum("rps_record", "packets", is_moved)?;
    ensure!(expected > 0, "no packet was moved, nothing is shown by this: {}", all.0);
    let (sum, truly) = (packets(moved)?, moved.sum("rps_record", "packets", is_moved)?);
    ensure!(sum == expected && sum == truly, "{sum} of {expected}: {}", moved.0);
    Ok(())
}

fn shipped_probe_counts(context: &Context) -> Result<()> {
    let _steering = Steering::on()?;
    let shipped = context.product.shipped("rps");
    let running = context.product.run(&shipped, &["--set", "all=true", "--set", "device=lo"])?;
    let receiver = send_datagrams()?;
    let transcript = running.interrupt()?;
    drop(receiver);

    let expected = match try_out(Need::Trampolines) {
        Ok(()) => "fexit",
        Err(_) => "kprobe_pair",
    };
    let attachments = transcript.attachments()?;
    ensure!(attachments[0]["kind"] == expected, "not by {expected}: {attachments:?}");

    let reading = transcript.read()?;
    let sum = packets(reading)?;
    ensure!(sum == DATAGRAMS as i64, "{sum} of {DATAGRAMS} datagrams: {}", reading.0);
    ensure!(
        reading.rows("rps_record")?.iter().all(|row| row["device"] == "lo"),
        "the device has no name: {}",
        reading.0
    );
    Ok(())
}

fn hints_without_mask(context: &Context) -> Result<()> {
    let running = context.product.run(&context.product.shipped("rps"), &[])?;
    let receiver = send_datagrams()?;
    let transcript = running.interrupt()?;
    drop(receiver);

    let rows = transcript.read()?.rows("rps_record")?;
    ensure!(rows.is_empty(), "packets were counted: {rows:?}");
    ensure!(
        transcript.stderr.contains("rps_cpus"),
        "no hint at the mask; stderr:\n{}",
        transcript.stderr
    );
    Ok(())
}

/// The receiver must live until the maps were read.
fn send_datagrams() -> Result<Receiver> {
    let receiver = Receiver::bind(LOCALHOST)?;
    for _ in 0..FLOWS {
        receiver.send_from(LOCALHOST, DATAGRAMS / FLOWS)?;
    }
    Ok(receiver)
}

fn by_cpus(reading: Reading<'_>) -> Result<BTreeMap<(i64, i64), i64>> {
    reading
        .rows("rps_record")?
        .iter()
        .map(|row| {
            let cpus = (number(row, "curr_cpu")?, number(row, "targ_cpu")?);
            Ok((cpus, number(row, "packets")?))
        })
        .collect()
}
