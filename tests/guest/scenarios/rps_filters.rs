//! The packet filter lets through what it should and nothing else, by both ways of attaching alike.
//!
//! Every scenario counts all packets beside the filtered ones: a filter that lets all through would show.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Result, ensure};

use super::rps_probes::{self, Way, packets};
use crate::features::Need;
use crate::product::Running;
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::packets::{Receiver, tcp};
use crate::traffic::steering::Steering;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const LOCALHOST_V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// The loopback device is the first of every network namespace.
const LOOPBACK: u32 = 1;

const NEEDS: &[Need] = &[Need::PacketSteering, Need::Trampolines, Need::Kprobes];

pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "rps-filter-protocol", boot: Boot::Usual, needs: NEEDS, check: by_protocol },
    Scenario { name: "rps-filter-ports", boot: Boot::Usual, needs: NEEDS, check: by_port },
    Scenario { name: "rps-filter-family", boot: Boot::Usual, needs: NEEDS, check: by_family },
    Scenario { name: "rps-filter-address", boot: Boot::Usual, needs: NEEDS, check: by_address },
    Scenario { name: "rps-filter-device", boot: Boot::Usual, needs: NEEDS, check: by_device },
];

fn by_protocol(context: &Context) -> Result<()> {
    let receiver = Receiver::bind(LOCALHOST)?;
    let traffic = || {
        receiver.send_from(LOCALHOST, 3000)?;
        tcp(LOCALHOST, 1_000_000)
    };
    check(context, &[("filter_protocol: 17", 3000)], traffic)
}

fn by_port(context: &Context) -> Result<()> {
    let (one, other) = (Receiver::bind(LOCALHOST)?, Receiver::bind(LOCALHOST)?);
    let traffic = || {
        one.send_from(LOCALHOST, 3000)?;
        other.send_from(LOCALHOST, 2000)
    };
    let to_one = format!("filter_destination_port: {}", one.address()?.port());
    // Nothing is ever sent from a receiver.
    let from_one = format!("filter_source_port: {}", one.address()?.port());
    check(context, &[(&to_one, 3000), (&from_one, 0)], traffic)
}

fn by_family(context: &Context) -> Result<()> {
    let (v4, v6) = (Receiver::bind(LOCALHOST)?, Receiver::bind(LOCALHOST_V6)?);
    let traffic = || {
        v4.send_from(LOCALHOST, 3000)?;
        v6.send_from(LOCALHOST_V6, 2000)
    };
    // The kernel itself may send IPv6 housekeeping.
    check(
        context,
        &[
            ("filter_family: 4, filter_protocol: 17", 3000),
            ("filter_family: 6, filter_protocol: 17", 2000),
        ],
        traffic,
    )
}

fn by_address(context: &Context) -> Result<()> {
    let (v4, v6) = (Receiver::bind(LOCALHOST)?, Receiver::bind(LOCALHOST_V6)?);
    let traffic = || {
        v4.send_from(LOCALHOST, 3000)?;
        v4.send_from(NEIGHBOUR, 2000)?;
        v6.send_from(LOCALHOST_V6, 1000)
    };
    check(
        context,
        &[
            ("filter_source: 127.0.0.2", 2000),
            ("filter_destination: \"::1\", filter_protocol: 17", 1000),
        ],
        traffic,
    )
}

fn by_device(context: &Context) -> Result<()> {
    let receiver = Receiver::bind(LOCALHOST)?;
    let this = format!("filter_ifindex: {LOOPBACK}");
    let another = format!("filter_ifindex: {}", LOOPBACK + 1000);
    check(context, &[(&this, 3000), (&another, 0)], || receiver.send_from(LOCALHOST, 3000))
}

/// Runs both ways with each filter, and once without; `traffic` must give each filter its number.
fn check(
    context: &Context,
    filters: &[(&str, i64)],
    traffic: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let _steering = Steering::on()?;
    let mut running: Vec<(&str, i64, Running)> = Vec::new();
    for (index, &(filter, expected)) in filters.iter().enumerate() {
        for way in [Way::Fexit, Way::Pair] {
            let globals = format!("count_all: true, {filter}");
            let probe = rps_probes::start(context, way, &format!("filter-{index}"), &globals)?;
            running.push((filter, expected, probe));
        }
    }
    let everything = rps_probes::start(context, Way::Fexit, "everything", "count_all: true")?;
    traffic()?;

    let everything = packets(everything.interrupt()?.read()?)?;
    let most = filters.iter().map(|(_, expected)| *expected).max().unwrap_or_default();
    ensure!(everything >= most, "only {everything} packets in all");
    for (filter, expected, probe) in running {
        let transcript = probe.interrupt()?;
        let reading = transcript.read()?;
        let sum = packets(reading)?;
        ensure!(sum == expected, "{filter}: {sum} instead of {expected}: {}", reading.0);
    }
    Ok(())
}
