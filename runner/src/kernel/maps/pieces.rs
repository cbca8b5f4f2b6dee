//! A map's entries in pieces, whatever they are read with.
//!
//! The kernel takes longer to look entries up than we take to do something with them. So where there is
//! more than one piece, the next is asked for while one is visited.

use std::io;

use crate::kernel::maps::ahead::{self, Next};
use crate::kernel::sys::CheckedMap;

/// How many bytes a piece may have: per-CPU values can be large.
const BYTES: usize = 1 << 20;

/// Some entries of a map.
#[derive(Default)]
pub(super) struct Piece {
    /// Room for keys, one after the other.
    pub keys: Vec<u8>,
    /// Room for values, one after the other.
    pub values: Vec<u8>,
    /// How many there are.
    pub count: usize,
}

impl Piece {
    /// How many entries a piece has room for, of `count` that are wanted.
    pub fn fitting(map: &CheckedMap<'_>, count: usize) -> usize {
        (BYTES / (map.key_size() + map.value_size()).max(1)).clamp(1, count.max(1))
    }

    /// Makes room for so many entries.
    pub fn resize(&mut self, map: &CheckedMap<'_>, count: usize) {
        self.keys.resize(map.key_size() * count, 0);
        self.values.resize(map.value_size() * count, 0);
    }

    fn entries(&self, map: &CheckedMap<'_>) -> impl Iterator<Item = (&[u8], &[u8])> {
        let keys = self.keys.chunks_exact(map.key_size());
        keys.zip(self.values.chunks_exact(map.value_size().max(1))).take(self.count)
    }
}

/// Visits the entries of the first piece and of those that `read` gives. Where they are `taken` out of the map, no more
/// are until those that were are visited: if the visitor fails, the rest stays.
pub(super) fn visit<E>(
    map: &CheckedMap<'_>,
    first: (Piece, Next),
    is_taken: bool,
    read: impl FnMut(&mut Piece) -> io::Result<Next> + Send,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    failed: impl Fn(io::Error) -> E,
) -> Result<(), E> {
    let mut visit_all =
        |piece: &Piece| piece.entries(map).try_for_each(|(key, value)| visit(key, value));
    match first {
        (piece, Next::End) => visit_all(&piece),
        (piece, Next::More) if is_taken => ahead::in_turn(piece, read, visit_all, failed),
        (piece, Next::More) => ahead::work(piece, read, visit_all, failed),
    }
}
