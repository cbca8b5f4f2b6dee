//! A map's entries one by one, from key to key: for kernels and map types that have no batches.

use std::collections::BTreeSet;
use std::io;

use crate::kernel::maps::ahead::Next;
use crate::kernel::maps::pieces::Piece;
use crate::kernel::sys::{self, CheckedMap, Unpreempted};
use crate::object::MapType;

/// How many entries are looked up in one piece: some hundred microseconds.
const PIECE: usize = 512;

/// Where a walk through a map is.
pub(super) struct Walk<'m> {
    map: &'m CheckedMap<'m>,
    seen: Seen,
    /// The last key that was found.
    key: Option<Vec<u8>>,
}

impl<'m> Walk<'m> {
    /// Before the first key.
    pub fn new(map: &'m CheckedMap<'m>, map_type: MapType) -> Walk<'m> {
        Walk { map, seen: Seen::new(map_type), key: None }
    }

    /// Reads the next entries; those that go meanwhile are left out.
    pub fn read(&mut self, piece: &mut Piece) -> io::Result<Next> {
        let _piece = Unpreempted::begin();
        let map = self.map;
        let (key_size, value_size) = (map.key_size(), map.value_size());
        let room = Piece::fitting(map, PIECE);
        piece.resize(map, room);
        piece.count = 0;
        let mut next = vec![0; key_size];
        while piece.count < room {
            let is_there = sys::map_next_key(map, self.key.as_deref(), &mut next)?;
            if !is_there || !self.seen.is_new(&next) {
                return Ok(Next::End);
            }
            let value = &mut piece.values[piece.count * value_size..][..value_size];
            match sys::map_lookup(map, &next, value) {
                Ok(()) => {
                    piece.keys[piece.count * key_size..][..key_size].copy_from_slice(&next);
                    piece.count += 1;
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                Err(error) => return Err(error),
            }
            match &mut self.key {
                Some(key) => key.copy_from_slice(&next),
                None => self.key = Some(next.clone()),
            }
        }
        Ok(Next::More)
    }
}

/// What tells a walk from key to key that it began anew, as it does when the key at hand is deleted
/// meanwhile.
enum Seen {
    /// The keys of an array stay.
    Never,
    /// The keys that were there.
    Keys(BTreeSet<Vec<u8>>),
}

impl Seen {
    fn new(map_type: MapType) -> Seen {
        match map_type {
            MapType::ARRAY | MapType::PERCPU_ARRAY | MapType::ARRAY_OF_MAPS => Seen::Never,
            _ => Seen::Keys(BTreeSet::new()),
        }
    }

    fn is_new(&mut self, key: &[u8]) -> bool {
        match self {
            Seen::Never => true,
            Seen::Keys(keys) => keys.insert(key.to_vec()),
        }
    }
}
