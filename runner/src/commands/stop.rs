//! Signals that ask the program to stop, as something to wait for.

use crate::kernel::Error;
use crate::kernel::waiter::{Waiter, Wake};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// SIGINT, SIGTERM and SIGHUP: blocked, and readable from a descriptor.
#[derive(Debug)]
pub struct StopSignals(SignalFd);

impl StopSignals {
    /// Blocks the signals for the calling thread; call it before there are others.
    ///
    /// # Errors
    /// The kernel gives no descriptor.
    pub fn block() -> anyhow::Result<StopSignals> {
        Ok(StopSignals(blocked(&[Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP])?))
    }

    /// Waits until one comes, or the time is over (`None`: for ever); says whether one came. A process
    /// that is stopped and goes on meanwhile waits on.
    ///
    /// # Errors
    /// The kernel can't be asked.
    pub fn within(&self, time: Option<Duration>) -> Result<bool, Error> {
        let end = time.map(|time| Instant::now() + time);
        let mut waiter = Waiter::new(&[], self.as_fd())?;
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            match waiter.wait(left)? {
                Wake::Stop => return Ok(true),
                _ if left.is_some_and(|left| left.is_zero()) => return Ok(false),
                _ => {}
            }
        }
    }
}

/// SIGWINCH: blocked, and readable from a descriptor.
#[derive(Debug)]
pub struct Resizes(SignalFd);

impl Resizes {
    /// Blocks the signal for the calling thread; call it before there are others.
    ///
    /// # Errors
    /// The kernel gives no descriptor.
    pub fn block() -> anyhow::Result<Resizes> {
        Ok(Resizes(blocked(&[Signal::SIGWINCH])?))
    }

    /// Whether the terminal changed its size since this was asked the last time.
    pub fn take(&self) -> bool {
        matches!(self.0.read_signal(), Ok(Some(_)))
    }
}

impl AsFd for Resizes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn blocked(signals: &[Signal]) -> nix::Result<SignalFd> {
    let mut set = SigSet::empty();
    signals.iter().for_each(|signal| set.add(*signal));
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

impl AsFd for StopSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
