//! What a probe costs each event: the same events with the probe and without it, in turn, by the clock.
//!
//! Under an emulator that counts instructions (`-icount shift=0`) a nanosecond is an instruction, and the least of some
//! rounds is what is left when nothing disturbs.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Instant;

use anyhow::{Context, Error, Result, bail, ensure};

use crate::product::{Product, Reading, path};
use crate::traffic::calls::plain;
use crate::traffic::steering::LOOPBACK_MASK;

/// timer_gettime: of no timer here, so the kernel refuses it. It is seen all the same.
const CALL: i64 = 224;
/// Events that are timed together, and how often: all of them fit the ring buffer of `syscalls`.
const EVENTS: usize = 40;
const TIMES: usize = 50;
/// Rounds of each case.
const ROUNDS: usize = 4;

/// What to measure.
#[derive(clap::Args)]
pub struct Args {
    /// What happens, `packets` or `calls`, and the file of the probe that sees it: `packets:FILE`
    #[arg(long = "case", value_name = "EVENTS:FILE", required = true)]
    cases: Vec<Case>,
}

/// Events, and a probe that sees them.
#[derive(Clone)]
struct Case {
    events: Events,
    file: PathBuf,
}

#[derive(Clone, Copy)]
enum Events {
    /// Datagrams over a loopback device with receive packet steering.
    Packets,
    /// System calls of one number.
    Calls,
}

impl FromStr for Case {
    type Err = Error;

    fn from_str(text: &str) -> Result<Case> {
        let (events, file) = text.split_once(':').context("EVENTS:FILE")?;
        let events = match events {
            "packets" => Events::Packets,
            "calls" => Events::Calls,
            other => bail!("no such events: {other}"),
        };
        Ok(Case { events, file: file.into() })
    }
}

/// Writes a line for each case: its number from 0, and the nanoseconds of an event without the probe and with it.
///
/// # Errors
/// When the probe can't be applied, or doesn't see exactly what happened.
pub fn run(args: &Args, product: &Product, out: &mut dyn Write) -> Result<ExitCode> {
    // One processor, which steers to itself.
    fs::write(LOOPBACK_MASK, "1")?;
    for (number, case) in args.cases.iter().enumerate() {
        let (mut without, mut with) = (u128::MAX, u128::MAX);
        for _ in 0..ROUNDS {
            without = without.min(case.events.time()?);
            with = with.min(with_probe(product, case)?);
        }
        let of_each = |time: u128| time as f64 / EVENTS as f64;
        writeln!(out, "{number} {:.2} {:.2}", of_each(without), of_each(with))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn with_probe(product: &Product, case: &Case) -> Result<u128> {
    product.one_of_many(&["apply", path(&case.file)?])?.success()?;
    let time = case.events.time();
    let name = case.file.file_stem().and_then(|stem| stem.to_str()).context("a name")?;
    let counted = counted(product, name, case.events);
    product.one_of_many(&["delete", name])?.success()?;
    let (time, counted) = (time?, counted?);
    let all = (TIMES * EVENTS) as i64;
    ensure!(counted == all, "{name}: {counted} counted of {all}");
    Ok(time)
}

fn counted(product: &Product, probe: &str, events: Events) -> Result<i64> {
    let read = product.json(&["read", probe, "-o", "json"])?;
    match events {
        Events::Packets => Reading(&read).sum("rps_record", "value", |_| true),
        Events::Calls => Reading(&read).sum("counts", "value", |row| row["nr"] == CALL),
    }
}

impl Events {
    /// The least nanoseconds that a few events took, of many times: the kernel's clock ticks in some.
    fn time(self) -> Result<u128> {
        let pair = Pair::open()?;
        let mut least = u128::MAX;
        for _ in 0..TIMES {
            let begin = Instant::now();
            match self {
                Events::Packets => pair.send_and_receive(EVENTS)?,
                Events::Calls => plain(CALL, EVENTS),
            }
            least = least.min(begin.elapsed().as_nanos());
        }
        Ok(least)
    }
}

/// Two sockets on the loopback device. Each datagram is taken before the next is sent, so that the kernel always does
/// the same.
struct Pair {
    sender: UdpSocket,
    receiver: UdpSocket,
}

impl Pair {
    fn open() -> Result<Self> {
        let loopback = (Ipv4Addr::LOCALHOST, 0);
        let (sender, receiver) = (UdpSocket::bind(loopback)?, UdpSocket::bind(loopback)?);
        sender.connect(receiver.local_addr()?)?;
        Ok(Self { sender, receiver })
    }

    fn send_and_receive(&self, count: usize) -> Result<()> {
        let mut datagram = [0; 8];
        for _ in 0..count {
            self.sender.send(b"datagram")?;
            self.receiver.recv(&mut datagram)?;
        }
        Ok(())
    }
}
