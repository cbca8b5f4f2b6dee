//! Reading pinned maps as bytes: entries, slots, and the BTF that says what the bytes mean.
//!
//! It knows sizes and system calls, not types: decoding is the readout's work.

mod ahead;
mod batches;
mod pieces;
mod walk;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use crate::kernel::error::{Error, Phase};
use crate::kernel::maps::batches::Reader;
use crate::kernel::maps::pieces::Piece;
use crate::kernel::maps::walk::Walk;
use crate::kernel::pins::PinDir;
use crate::kernel::sys::{self, Batches, CheckedMap, MapInfo};
use crate::object::MapType;

/// How many slots are looked up in one piece: some hundred microseconds.
const PIECE: usize = 512;

/// An open map.
#[derive(Debug)]
pub struct Map {
    name: String,
    fd: OwnedFd,
    info: MapInfo,
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key's bytes; an array's index in 4 bytes.
    pub key: Vec<u8>,
    /// The value's bytes; for per-CPU maps those of every possible CPU, see [`Map::stride`].
    pub value: Vec<u8>,
}

impl Map {
    /// Opens one of a probe's maps by its symbol, or an object's variables by `OBJECT:.SECTION`.
    pub fn open(pins: &PinDir, name: &str) -> Result<Map, Error> {
        Map::open_pin(&pins.map(name), name)
    }

    /// Opens a map by its id, as maps of maps have it; `None` if it is gone.
    pub fn open_id(id: u32, name: &str) -> Result<Option<Map>, Error> {
        let failed =
            |error: io::Error| Error::from_io(Phase::Read, format!("map {id} in {name}"), &error);
        let fd = match sys::map_open(id) {
            Ok(fd) => fd,
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let info = sys::map_info(fd.as_fd()).map_err(failed)?;
        Ok(Some(Map { name: name.to_owned(), fd, info }))
    }

    /// Opens a pinned map; `name` is what errors call it.
    pub fn open_pin(path: &Path, name: &str) -> Result<Map, Error> {
        let failed = |error: io::Error| {
            let result = Error::from_io(Phase::Read, format!("map {name}"), &error);
            match error.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => result
                    .hint("run it as root: opening a pinned map takes its permissions and CAP_BPF"),
                Some(libc::ENOENT) => result.hint("the probe has no such map, or is not applied"),
                _ => result,
            }
        };
        let fd = sys::obj_get(path).map_err(failed)?;
        let info = sys::map_info(fd.as_fd()).map_err(failed)?;
        Ok(Map { name: name.to_owned(), fd, info })
    }

    /// The name that it was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its descriptor.
    pub fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Its type.
    pub fn map_type(&self) -> MapType {
        MapType(self.info.map_type)
    }

    /// Its sizes and ids.
    pub fn info(&self) -> &MapInfo {
        &self.info
    }

    /// Distance in bytes from one CPU's value to the next one's in a per-CPU map's entry.
    pub fn stride(&self) -> usize {
        (self.info.value_size as usize).next_multiple_of(8)
    }

    /// The parts of an entry's value: one for each possible CPU, or the whole value where the map
    /// has only one. Each is `value_size` bytes long.
    pub fn values<'a>(&self, value: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let size = self.info.value_size as usize;
        let stride = if self.map_type().is_per_cpu() { self.stride() } else { size };
        value.chunks_exact(stride.max(1)).map(move |value| &value[..size])
    }

    /// Visits every entry: its key and its value's bytes. Arrays give all of their indices; hashes
    /// what there was while they were read: entries that come or go meanwhile may or may not be
    /// among them, none is there twice.
    ///
    /// # Errors
    /// A map type without keys, such as a ring buffer; what `visit` returns.
    pub fn scan<E: From<Error>>(
        &self,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.is_queue() {
            // Without taking it out only the next element can be seen.
            let next = self.lookup(&[])?;
            return next.map_or(Ok(()), |value| visit(&[], &value));
        }
        if self.info.key_size == 0 {
            return Err(Error::new(
                Phase::Read,
                format!("map {}", self.name),
                "a map of its type has no keys to go through",
            )
            .into());
        }
        let map = CheckedMap::new(self.fd.as_fd()).map_err(|error| self.failed(&error))?;
        self.visit(&map, Batches::Kept, visit, |_| ())
    }

    /// Visits every entry and takes it out of the map.
    ///
    /// # Errors
    /// As for [`Map::scan`]; a map whose entries can't be deleted, such as an array.
    pub fn take<E: From<Error>>(
        &self,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let map = CheckedMap::new(self.fd.as_fd()).map_err(|error| self.failed(&error))?;
        if self.is_queue() {
            let mut value = vec![0; map.value_size()];
            while sys::map_pop(&map, &mut value).map_err(|error| self.failed(&error))? {
                visit(&[], &value)?;
            }
            return Ok(());
        }
        let mut taken = Vec::new();
        self.visit(&map, Batches::Taken, visit, |key| taken.push(key.to_vec()))?;
        // What was counted between the lookup and this is lost: only batches take an entry at once.
        for key in taken {
            sys::map_delete(&map, &key).map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Every entry, see [`Map::scan`].
    ///
    /// # Errors
    /// A map type without keys.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.scan(|key, value| {
            entries.push(Entry { key: key.to_vec(), value: value.to_vec() });
            Ok::<(), Error>(())
        })?;
        Ok(entries)
    }

    /// How many entries there are, of those that [`Map::entries`] gives.
    ///
    /// # Errors
    /// As of [`Map::entries`].
    pub fn count(&self) -> Result<u64, Error> {
        let mut count = 0;
        self.scan(|_, _| {
            count += 1;
            Ok::<(), Error>(())
        })?;
        Ok(count)
    }

    /// Whether it is a queue or a stack, which have no keys.
    fn is_queue(&self) -> bool {
        matches!(self.map_type(), MapType::QUEUE | MapType::STACK)
    }

    /// The value of one key, `None` if there is no such key.
    pub fn lookup(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let map = CheckedMap::new(self.fd.as_fd()).map_err(|error| self.failed(&error))?;
        lookup(&map, key).map_err(|error| self.failed(&error))
    }

    /// A PROG_ARRAY's occupied slots: index and program id, ascending.
    pub fn slots(&self) -> Result<Vec<(u32, u32)>, Error> {
        let map = CheckedMap::new(self.fd.as_fd()).map_err(|error| self.failed(&error))?;
        let mut slots = Vec::new();
        let end = self.info.max_entries;
        for first in (0..end).step_by(PIECE) {
            let _piece = sys::Unpreempted::begin();
            for index in (first..end).take(PIECE) {
                let id = lookup(&map, &index.to_ne_bytes()).map_err(|error| self.failed(&error))?;
                if let Some(id) = id.and_then(|bytes| bytes.try_into().ok()) {
                    slots.push((index, u32::from_ne_bytes(id)));
                }
            }
        }
        Ok(slots)
    }

    /// The BTF that the kernel holds for this map, `None` if the map came without.
    /// [`MapInfo::btf_key_type_id`] and [`MapInfo::btf_value_type_id`] are ids in it.
    pub fn btf(&self) -> Result<Option<Vec<u8>>, Error> {
        if self.info.btf_id == 0 {
            return Ok(None);
        }
        sys::btf_bytes(self.info.btf_id).map(Some).map_err(|error| self.failed(&error))
    }

    /// Visits every entry, in batches where there are any. Elsewhere nothing is taken out; `kept` is told what was found.
    fn visit<E: From<Error>>(
        &self,
        map: &CheckedMap<'_>,
        batches: Batches,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
        mut kept: impl FnMut(&[u8]),
    ) -> Result<(), E> {
        let failed = |error: io::Error| E::from(self.failed(&error));
        let mut piece = Piece::default();
        let mut reader = Reader::new(map, self.info.max_entries, batches);
        match reader.read(&mut piece) {
            Ok(next) => {
                let is_taken = batches == Batches::Taken;
                let read = |piece: &mut Piece| reader.read(piece);
                pieces::visit(map, (piece, next), is_taken, read, visit, failed)
            }
            Err(error) if batches::are_missing(&error) => {
                let mut walk = Walk::new(map, self.map_type());
                let next = walk.read(&mut piece).map_err(failed)?;
                let visit = |key: &[u8], value: &[u8]| {
                    kept(key);
                    visit(key, value)
                };
                let read = |piece: &mut Piece| walk.read(piece);
                pieces::visit(map, (piece, next), false, read, visit, failed)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::from_io(Phase::Read, format!("map {}", self.name), error)
    }
}

/// The BTF that the kernel holds for a pinned program, `None` if it was loaded without: the one
/// place where the record types of ring buffers are found without the object file.
pub fn program_btf(pin: &Path) -> Result<Option<Vec<u8>>, Error> {
    let failed = |error: io::Error| {
        Error::from_io(Phase::Read, format!("types of {}", pin.display()), &error)
    };
    let program = sys::obj_get(pin).map_err(failed)?;
    let info = sys::prog_info(program.as_fd()).map_err(failed)?;
    if info.btf_id == 0 {
        return Ok(None);
    }
    sys::btf_bytes(info.btf_id).map(Some).map_err(failed)
}

fn lookup(map: &CheckedMap<'_>, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut value = vec![0; map.value_size()];
    match sys::map_lookup(map, key, &mut value) {
        Ok(()) => Ok(Some(value)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}
