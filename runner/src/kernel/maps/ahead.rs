//! Working ahead: while one thread looks at what was filled, another fills what comes next.

use std::io;
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::thread;

use crate::kernel::sys::Unpreempted;

/// How many pieces there are: one that is looked at, one that waits, and one that is being filled.
const PIECES: usize = 3;

/// What becomes of the filling after a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// There is more.
    More,
    /// That was all.
    End,
}

/// Looks at `first` and then at each piece that `fill` fills, from the third on by a thread of its own where there can be
/// one. What is looked at is filled again. When one of them fails the other one ends: what was filled until then is
/// looked at before the error of `fill` is returned, and nothing is looked at after an error of `look`.
pub(super) fn work<P, E, F>(
    first: P,
    mut fill: F,
    mut look: impl FnMut(&P) -> Result<(), E>,
    failed: impl Fn(io::Error) -> E,
) -> Result<(), E>
where
    P: Default + Send,
    F: FnMut(&mut P) -> io::Result<Next> + Send,
{
    let (hand_over, handed) = channel::<F>();
    let (to_look_at, filled) = channel();
    let (to_fill, empty) = channel::<P>();
    thread::scope(|scope| {
        // Owned in here: an end of a channel that is dropped is what ends the other thread.
        let (hand_over, filled, to_fill) = (hand_over, filled, to_fill);
        let filling = move || {
            let Some(mut fill) = received(&handed) else { return };
            while let Some(mut piece) = received(&empty) {
                let _piece = Unpreempted::begin();
                let next = fill(&mut piece);
                let is_end = !matches!(next, Ok(Next::More));
                if send(&to_look_at, next.map(|_| piece)).is_err() || is_end {
                    break;
                }
            }
        };
        if thread::Builder::new().spawn_scoped(scope, filling).is_err() {
            // There may be as many tasks as are allowed; it only takes longer then.
            return in_turn(first, fill, look, failed);
        }
        // Until the thread has begun, a piece can be filled here.
        let mut second = P::default();
        let next = fill(&mut second);
        if matches!(next, Ok(Next::More)) {
            // Whether anybody still fills is seen by what comes of it.
            let _ = send(&hand_over, fill);
            for _ in 2..PIECES {
                let _ = send(&to_fill, P::default());
            }
        } else {
            drop(hand_over);
        }
        look(&first)?;
        let _ = send(&to_fill, first);
        next.map_err(&failed)?;
        let mut piece = second;
        loop {
            look(&piece)?;
            let _ = send(&to_fill, piece);
            piece = match received(&filled) {
                Some(filled) => filled.map_err(&failed)?,
                None => return Ok(()),
            };
        }
    })
}

/// The same in one thread: nothing is filled before what was filled is looked at.
pub(super) fn in_turn<P, E>(
    mut piece: P,
    mut fill: impl FnMut(&mut P) -> io::Result<Next>,
    mut look: impl FnMut(&P) -> Result<(), E>,
    failed: impl Fn(io::Error) -> E,
) -> Result<(), E> {
    loop {
        look(&piece)?;
        let next = fill(&mut piece).map_err(&failed)?;
        if next == Next::End {
            return look(&piece);
        }
    }
}

/// Sends to the other thread, which may wait for it.
///
/// Who sends and who waits have the same real-time priority for that moment: then the kernel lets the one that is woken
/// go on at another CPU than this one's. An ordinary thread is often put where the one is that woke it, and waits until
/// that waits in its turn: virtual machines take CPUs that nobody uses for taken (`vcpu_is_preempted` in the kernel).
fn send<T>(to: &Sender<T>, what: T) -> Result<(), SendError<T>> {
    let _sending = Unpreempted::begin();
    to.send(what)
}

/// What the other thread sends; `None` when it has ended.
fn received<T>(from: &Receiver<T>) -> Option<T> {
    from.try_recv().ok().or_else(|| {
        let _waiting = Unpreempted::begin();
        from.recv().ok()
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};

    use crate::kernel::maps::ahead::{Next, in_turn, work};

    /// Fills pieces with 1, 2, 3, … until `end`, looks at them until `look` fails; what was looked at. That is
    /// the same whether there can be a second thread or not.
    fn numbers(
        end: u32,
        fails_at: Option<u32>,
        look: impl Fn(u32) -> Result<(), String>,
    ) -> (Vec<u32>, Result<(), String>) {
        let [with_thread, alone] =
            [true, false].map(|has_thread| run(has_thread, end, fails_at, &look));
        assert_eq!(with_thread, alone);
        alone
    }

    fn run(
        has_thread: bool,
        end: u32,
        fails_at: Option<u32>,
        look: impl Fn(u32) -> Result<(), String>,
    ) -> (Vec<u32>, Result<(), String>) {
        let mut seen = Vec::new();
        let mut number = 0;
        let fill = |piece: &mut u32| {
            number += 1;
            *piece = number;
            match number {
                _ if Some(number) == fails_at => Err(io::Error::from_raw_os_error(libc::EPERM)),
                _ if number == end => Ok(Next::End),
                _ => Ok(Next::More),
            }
        };
        let look = |piece: &u32| {
            seen.push(*piece);
            look(*piece)
        };
        let failed = |error: io::Error| error.to_string();
        let result = match has_thread {
            true => work(0, fill, look, failed),
            false => in_turn(0, fill, look, failed),
        };
        (seen, result)
    }

    #[test]
    fn all_are_looked_at_in_their_order() {
        for end in [1, 2, 3, 4, 5, 100] {
            let (seen, result) = numbers(end, None, |_| Ok(()));
            assert_eq!(result, Ok(()));
            assert_eq!(seen, (0..=end).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_comes_after_what_was_there_before_it() {
        for fails_at in [1, 2, 3, 4, 50] {
            let (seen, result) = numbers(100, Some(fails_at), |_| Ok(()));
            assert!(result.is_err_and(|error| error.contains("os error 1")));
            assert_eq!(seen, (0..fails_at).collect::<Vec<_>>());
        }
    }

    #[test]
    fn who_looks_can_stop_it() {
        for stops_at in [0, 1, 2, 3, 50] {
            let stop = |number| if number == stops_at { Err("enough".into()) } else { Ok(()) };
            let (seen, result) = numbers(u32::MAX, None, stop);
            assert_eq!(result, Err("enough".into()));
            assert_eq!(seen, (0..=stops_at).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_more_is_filled_than_there_are_pieces() {
        let filled = AtomicU32::new(0);
        let fill = |_: &mut ()| {
            let next =
                if filled.fetch_add(1, Ordering::SeqCst) == 99 { Next::End } else { Next::More };
            Ok(next)
        };
        let mut looked = 0;
        let look = |(): &()| {
            looked += 1;
            assert!(filled.load(Ordering::SeqCst) < looked + 2);
            Ok::<(), io::Error>(())
        };
        work((), fill, look, |error| error).expect("nothing fails");
        assert_eq!(looked, 101);
    }
}
