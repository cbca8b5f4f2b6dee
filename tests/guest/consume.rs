//! Takes an applied probe's records as the product does, decodes each of them, and counts: what reading costs without
//! writing.

use std::hint::black_box;
use std::io::Write;
use std::os::fd::AsFd;

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use probe_runner::desired::View;
use probe_runner::kernel::PinDir;
use probe_runner::kernel::records::Records;
use probe_runner::kernel::waiter::{Waiter, Wake};
use probe_runner::read::{Lookups, record};
use probe_runner::readout;

/// Records that are taken before the signal is looked at again, as `run` does.
const BATCH: usize = 4096;

/// Which records.
#[derive(clap::Args)]
pub struct Args {
    /// An applied probe
    probe: String,
    /// A ring buffer of it
    map: String,
    /// The tag of its records' structure
    tag: String,
}

/// Consumes records until SIGINT; writes how many there were.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.thread_block()?;
    let stop = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC)?;
    let pins = PinDir::persistent(&args.probe);
    let view = View { record: Some(args.tag.clone()), ..View::plain(&args.map) };
    let streams = readout::event_streams(&pins, &[view])?;
    let columns = &streams.first().context("no records")?.columns;
    let mut records = Records::open(&pins, &args.map)?;
    let mut waiter = Waiter::new(&records.descriptors(), stop.as_fd())?;
    let mut count = 0_u64;
    loop {
        let wake = waiter.wait(None)?;
        let mut lookups = Lookups::default();
        records.drain(BATCH, |bytes| {
            black_box(record(columns, bytes, &mut lookups));
            count += 1;
        });
        if wake == Wake::Stop {
            writeln!(out, "{count} records")?;
            return Ok(());
        }
    }
}
