//! Working ahead: while one thread looks at what was filled, another fills what comes next.

use std::io;
use std::sync::mpsc::channel;
use std::thread;

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

/// Looks at `first` and then at each piece that `fill` fills on a thread of its own. What is looked at is filled
/// again. When one of them fails the other one ends: what was filled until then is looked at before the
/// error of `fill` is returned, and nothing is looked at after an error of `look`.
pub(super) fn work<P, E>(
    first: P,
    mut fill: impl FnMut(&mut P) -> io::Result<Next> + Send,
    mut look: impl FnMut(&P) -> Result<(), E>,
    failed: impl Fn(io::Error) -> E,
) -> Result<(), E>
where
    P: Default + Send,
{
    let (to_look_at, filled) = channel();
    let (to_fill, empty) = channel::<P>();
    thread::scope(|scope| {
        // Owned in here: an end of a channel that is dropped is what ends the other thread.
        let (filled, to_fill) = (filled, to_fill);
        let filling = move || {
            for mut piece in empty {
                let next = fill(&mut piece);
                let is_end = !matches!(next, Ok(Next::More));
                if to_look_at.send(next.map(|_| piece)).is_err() || is_end {
                    break;
                }
            }
        };
        thread::Builder::new().spawn_scoped(scope, filling).map_err(&failed)?;
        for _ in 1..PIECES {
            // Whether anybody still fills is seen by what comes of it.
            let _ = to_fill.send(P::default());
        }
        let mut piece = first;
        loop {
            look(&piece)?;
            let _ = to_fill.send(piece);
            piece = match filled.recv() {
                Ok(filled) => filled.map_err(&failed)?,
                Err(_) => return Ok(()),
            };
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};

    use crate::kernel::maps::ahead::{Next, work};

    /// Fills pieces with 1, 2, 3, … until `end`, looks at them until `look` fails; what was looked at.
    fn numbers(
        end: u32,
        fails_at: Option<u32>,
        mut look: impl FnMut(u32) -> Result<(), String>,
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
        let result = work(
            0,
            fill,
            |piece| {
                seen.push(*piece);
                look(*piece)
            },
            |error| error.to_string(),
        );
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
