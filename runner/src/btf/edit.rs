//! Changes BTF: types keep their ids and their sizes in the data, others and strings are added at the
//! end.

use super::kind::Kind;
use super::read::{Btf, TYPE_SIZE};
use super::types::TypeId;

/// BTF that is being changed.
pub struct Editor<'a> {
    btf: &'a Btf,
    /// The types' data.
    types: Vec<u8>,
    /// Where the types begin in the BTF's data.
    start: usize,
    strings: Vec<u8>,
    count: u32,
}

impl<'a> Editor<'a> {
    /// Begins with an object's types as they are. A module's, which continue others, can't be edited.
    pub fn new(btf: &'a Btf) -> Editor<'a> {
        let types = btf.types_range();
        Editor {
            btf,
            start: types.start,
            types: btf.data()[types].to_vec(),
            strings: btf.strings().as_bytes().to_vec(),
            count: btf.len(),
        }
    }

    /// The types as they were.
    pub fn original(&self) -> &'a Btf {
        self.btf
    }

    /// Adds a type: the words that follow its name. A name of 0 is none.
    pub fn add_type(&mut self, name: u32, words: &[u32]) -> TypeId {
        for word in [name].iter().chain(words) {
            self.types.extend(word.to_le_bytes());
        }
        self.count += 1;
        TypeId(self.count)
    }

    /// Adds a string and returns its offset.
    pub fn add_string(&mut self, text: &str) -> u32 {
        let offset = self.strings.len() as u32;
        self.strings.extend(text.bytes().chain([0]));
        offset
    }

    /// Sets one of a type's own three words or of those that follow it.
    pub fn set(&mut self, id: TypeId, word: usize, value: u32) {
        let Some(position) = self.btf.ty(id).position() else {
            return;
        };
        let at = position - self.start + 4 * word;
        if let Some(bytes) = self.types.get_mut(at..at + 4) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Makes a type one of another kind, whose entries take the same room.
    pub fn set_kind(&mut self, id: TypeId, kind: Kind, flag: bool, entries: u32) {
        self.set(id, 1, information(kind, flag, entries));
    }

    /// Sets the words of one of a type's entries.
    pub fn set_entry(&mut self, id: TypeId, entry: u32, words: &[u32]) {
        let first = TYPE_SIZE / 4 + entry as usize * words.len();
        for (offset, &word) in words.iter().enumerate() {
            self.set(id, first + offset, word);
        }
    }

    /// The BTF in the form that the kernel takes.
    pub fn finish(self) -> Vec<u8> {
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, types, types, strings] {
            bytes.extend(u32::to_le_bytes(word));
        }
        bytes.extend(self.types);
        bytes.extend(self.strings);
        bytes
    }
}

/// A type's second word.
pub fn information(kind: Kind, flag: bool, entries: u32) -> u32 {
    u32::from(flag) << 31 | u32::from(kind.number()) << 24 | entries
}
