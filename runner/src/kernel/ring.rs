//! Consuming ring buffers: records as bytes, in the order in which programs submitted them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use aya::maps::{MapData, MapError, RingBuf};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::kernel::error::{Error, Phase};
use crate::kernel::pins::PinDir;

/// The consumer of a ring buffer. A ring buffer has one reading position for everybody: two
/// consumers take each other's records.
pub struct RingReader {
    name: String,
    ring: RingBuf<MapData>,
}

/// Why [`wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// At least one ring buffer has records.
    Records,
    /// The stop descriptor became readable.
    Stop,
    /// The time is over.
    Timeout,
}

impl RingReader {
    /// Opens one of a probe's ring buffers by its symbol.
    pub fn open(pins: &PinDir, name: &str) -> Result<RingReader, Error> {
        let failed = |error: MapError| {
            Error::new(Phase::Read, format!("ring buffer {name}"), innermost(&error))
        };
        let map = MapData::from_pin(pins.map(name)).map_err(failed)?;
        let ring = RingBuf::try_from(aya::maps::Map::RingBuf(map)).map_err(failed)?;
        Ok(RingReader { name: name.to_owned(), ring })
    }

    /// The map's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hands the records that are there to `record`, oldest first, at most `limit` of them; returns
    /// how many there were. The bytes are padded to 8 only in the buffer, not here.
    pub fn drain(&mut self, limit: usize, mut record: impl FnMut(&[u8])) -> usize {
        let mut count = 0;
        while count < limit {
            let Some(item) = self.ring.next() else { break };
            record(&item);
            count += 1;
        }
        count
    }
}

impl AsFd for RingReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// Waits for many buffers again and again: the kernel keeps the list of them.
#[derive(Debug)]
pub struct Waiter {
    epoll: Epoll,
    happened: Vec<EpollEvent>,
}

/// What [`Waiter`] calls the descriptor that ends the waiting.
const STOP: u64 = u64::MAX;

impl Waiter {
    /// For these buffers; `stop` becomes readable when the waiting is to end.
    pub fn new(buffers: &[BorrowedFd<'_>], stop: BorrowedFd<'_>) -> Result<Waiter, Error> {
        let failed = |errno| Error::from_io(Phase::Read, "buffers", &io::Error::from(errno));
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(failed)?;
        epoll.add(stop, EpollEvent::new(EpollFlags::EPOLLIN, STOP)).map_err(failed)?;
        for (buffer, number) in buffers.iter().zip(0..) {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, number);
            epoll.add(*buffer, event).map_err(failed)?;
        }
        Ok(Waiter { epoll, happened: vec![EpollEvent::empty(); buffers.len() + 1] })
    }

    /// Waits as [`wait`] does.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Wake, Error> {
        let timeout = match timeout {
            None => EpollTimeout::NONE,
            Some(timeout) => EpollTimeout::try_from(timeout).unwrap_or(EpollTimeout::MAX),
        };
        match self.epoll.wait(&mut self.happened, timeout) {
            Ok(0) | Err(Errno::EINTR) => Ok(Wake::Timeout),
            Ok(count) if self.happened[..count].iter().any(|event| event.data() == STOP) => {
                Ok(Wake::Stop)
            }
            Ok(_) => Ok(Wake::Records),
            Err(errno) => Err(Error::from_io(Phase::Read, "buffers", &io::Error::from(errno))),
        }
    }
}

/// Waits until one of these buffers has records, `stop` is readable, or `timeout` is over (`None`: for
/// ever). Drain every buffer before waiting again. A signal that interrupts the waiting counts as a
/// timeout.
pub fn wait(
    buffers: &[BorrowedFd<'_>],
    stop: BorrowedFd<'_>,
    timeout: Option<Duration>,
) -> Result<Wake, Error> {
    let mut fds = vec![PollFd::new(stop, PollFlags::POLLIN)];
    fds.extend(buffers.iter().map(|buffer| PollFd::new(*buffer, PollFlags::POLLIN)));
    let timeout = match timeout {
        None => PollTimeout::NONE,
        // Longer ones are cut off: the caller waits again.
        Some(timeout) => PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX),
    };
    match poll(&mut fds, timeout) {
        Ok(0) | Err(Errno::EINTR) => Ok(Wake::Timeout),
        Ok(_) if fds[0].any().unwrap_or(false) => Ok(Wake::Stop),
        Ok(_) => Ok(Wake::Records),
        Err(errno) => Err(Error::from_io(Phase::Read, "ring buffers", &io::Error::from(errno))),
    }
}

/// Whether something can be read from a descriptor now, or its other end is gone.
pub fn is_readable(descriptor: BorrowedFd<'_>) -> Result<bool, Error> {
    let mut fds = [PollFd::new(descriptor, PollFlags::POLLIN)];
    match poll(&mut fds, PollTimeout::ZERO) {
        Ok(count) => Ok(count > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(errno) => Err(Error::from_io(Phase::Read, "a terminal", &io::Error::from(errno))),
    }
}

/// The last of an error's causes: aya's own messages only name the call.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
