//! Events that a shipped probe counts, sent from this process, and how many of them the kernel's maps hold.
//!
//! Maps are found by their pins, wherever the product keeps those at the moment. Not by their ids: who opens a PROG_ARRAY that
//! way whose last pin just went, and closes it again, may leak it (`prog_array_map_clear` in kernel/bpf/arraymap.c takes a
//! reference for work that is queued already).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aya::maps::{HashMap, Map, MapData, MapInfo, PerCpuArray};
use aya::programs::loaded_programs;

use crate::leak::PINS;
use crate::sys;
use crate::traffic::packets::Receiver;
use crate::traffic::steering::Steering;

/// timer_gettime: of no timer here, so the kernel refuses it. It is seen all the same.
const CALL: u32 = 224;
const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Events {
    /// System calls, counted in `counts` by number and process.
    Calls,
    /// Packets over `lo`, counted in `rps_record`.
    Packets,
    /// Sleeps, counted in `hello_calls`.
    Sleeps,
}

/// Sends events.
pub struct Source {
    events: Events,
    /// Held open: to a closed port the kernel answers, which is a packet too.
    packets: Option<(Steering, Receiver)>,
}

/// Some events that were sent.
#[derive(Debug)]
pub struct Batch {
    /// How many.
    pub sent: u64,
    /// By how much the counts grew.
    pub counted: u64,
    /// How many events the kernel says it skipped meanwhile.
    pub missed: u64,
    /// Whether other processes' events are counted too.
    pub has_strangers: bool,
}

impl Source {
    /// Gets ready.
    pub fn open(events: Events) -> Result<Self> {
        let packets = match events {
            Events::Packets => Some((Steering::on()?, Receiver::bind(LOCALHOST)?)),
            Events::Calls | Events::Sleeps => None,
        };
        Ok(Self { events, packets })
    }

    /// Sends some.
    pub fn send(&self, sent: u64) -> Result<Batch> {
        let (before, missed_before) = (self.counted()?, missed()?);
        match (self.events, &self.packets) {
            (Events::Packets, Some((_, receiver))) => {
                receiver.send_from(LOCALHOST, usize::try_from(sent)?)?;
            }
            (Events::Sleeps, _) => (0..sent).for_each(|_| sleep(Duration::from_micros(10))),
            _ => (0..sent).for_each(|_| sys::call(CALL.into())),
        }
        Ok(Batch {
            sent,
            counted: self.counted()?.saturating_sub(before),
            missed: missed()?.saturating_sub(missed_before),
            has_strangers: self.events == Events::Sleeps,
        })
    }

    /// How many are counted in all maps of the name that this kind of event has.
    pub fn counted(&self) -> Result<u64> {
        let wanted = match self.events {
            Events::Calls => "counts",
            Events::Packets => "rps_record",
            Events::Sleeps => "hello_calls",
        };
        let mut seen = BTreeSet::new();
        let mut sum = 0;
        for probe in std::fs::read_dir(PINS).into_iter().flatten() {
            let pin = probe?.path().join("maps").join(wanted);
            // The same map may be pinned in two places while a probe changes.
            if let Ok(info) = MapInfo::from_pin(&pin)
                && seen.insert(info.id())
            {
                sum += self.counted_in(MapData::from_pin(&pin)?)?;
            }
        }
        Ok(sum)
    }

    fn counted_in(&self, data: MapData) -> Result<u64> {
        match self.events {
            Events::Calls => {
                let map: HashMap<_, [u32; 2], u64> = HashMap::try_from(Map::HashMap(data))?;
                Ok(map.get(&[CALL, std::process::id()], 0).unwrap_or(0))
            }
            Events::Packets => {
                let map: HashMap<_, [u32; 4], u64> = HashMap::try_from(Map::HashMap(data))?;
                map.iter().map(|entry| Ok(entry?.1)).sum()
            }
            Events::Sleeps => {
                let map: PerCpuArray<_, [u64; 3]> = PerCpuArray::try_from(Map::PerCpuArray(data))?;
                Ok(map.get(&0, 0)?.iter().map(|[_, handled, _]| handled).sum())
            }
        }
    }
}

/// Recursion misses of all programs that there are.
pub fn missed() -> Result<u64> {
    let mut sum = 0;
    for program in loaded_programs() {
        let Ok(fd) = program.and_then(|program| program.fd()) else {
            continue;
        };
        let info =
            std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd()))?;
        let line = info.lines().find_map(|line| line.strip_prefix("recursion_misses:"));
        if let Some(count) = line {
            sum += count.trim().parse::<u64>().context("recursion_misses")?;
        }
    }
    Ok(sum)
}
