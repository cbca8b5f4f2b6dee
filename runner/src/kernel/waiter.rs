//! Waiting for what comes: records, keys, signals.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::kernel::error::{Error, Phase};

/// Why [`Waiter::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// At least one of the sources has something.
    Ready,
    /// The stop descriptor became readable.
    Stop,
    /// The time is over, or a signal interrupted the waiting.
    Timeout,
}

/// Waits for the same sources again and again: the kernel keeps the list of them.
#[derive(Debug)]
pub struct Waiter {
    epoll: Epoll,
    happened: Vec<EpollEvent>,
}

/// What [`Waiter`] calls the descriptor that ends the waiting.
const STOP: u64 = u64::MAX;

impl Waiter {
    /// For these sources (buffers, a terminal); `stop` becomes readable when the waiting is to end.
    pub fn new(sources: &[BorrowedFd<'_>], stop: BorrowedFd<'_>) -> Result<Waiter, Error> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(failed)?;
        epoll.add(stop, EpollEvent::new(EpollFlags::EPOLLIN, STOP)).map_err(failed)?;
        for (source, number) in sources.iter().zip(0..) {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, number);
            epoll.add(*source, event).map_err(failed)?;
        }
        Ok(Waiter { epoll, happened: vec![EpollEvent::empty(); sources.len() + 1] })
    }

    /// Waits until a source has something, `stop` is readable, or `timeout` is over (`None`: for ever;
    /// a long one may be cut off). Take all there is from every source before waiting again.
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
            Ok(_) => Ok(Wake::Ready),
            Err(errno) => Err(failed(errno)),
        }
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

fn failed(errno: Errno) -> Error {
    Error::from_io(Phase::Read, "what comes", &io::Error::from(errno))
}
