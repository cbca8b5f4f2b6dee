//! Types by name, for the names that somebody asks for: one pass over the string table and one over
//! the types.
//!
//! An index of all names of a kernel would take longer to make than everything else that is done with
//! its types.

use std::collections::{BTreeSet, HashMap};

use super::read::Btf;
use super::types::TypeId;

/// Where a name's flavor begins, which tells definitions of one type apart: `task_struct___old` is
/// one of `task_struct`.
const FLAVOR: &str = "___";

/// A name without its flavor: three underscores and what follows them, where a further underscore
/// neither precedes nor follows.
pub(super) fn essential(name: &str) -> &str {
    let bytes = name.as_bytes();
    let is_flavor = |&at: &usize| {
        bytes[at..].starts_with(FLAVOR.as_bytes()) && bytes[at - 1] != b'_' && bytes[at + 3] != b'_'
    };
    match (1..bytes.len().saturating_sub(FLAVOR.len())).rev().find(is_flavor) {
        Some(at) => &name[..at],
        None => name,
    }
}

/// The types that have one of some names, with or without a flavor.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    types: HashMap<String, Vec<TypeId>>,
}

impl NameIndex {
    /// Finds all of the BTF's own types of the names, which have no flavors.
    pub(super) fn scan(btf: &Btf, names: &BTreeSet<&str>) -> NameIndex {
        let mut index = NameIndex::default();
        index.types.extend(names.iter().map(|&name| (name.to_owned(), Vec::new())));
        let places = Places::find(btf, names);
        for (id, ty) in btf.types() {
            if let Some(name) = places.name(ty.name_offset())
                && let Some(types) = index.types.get_mut(name)
            {
                types.push(id);
            }
        }
        index
    }

    /// The types of a name, ascending; none if the name wasn't asked for.
    pub(super) fn get(&self, name: &str) -> Option<&[TypeId]> {
        self.types.get(name).map(Vec::as_slice)
    }

    /// The names that were asked for.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    /// Takes over what another index knows.
    pub(super) fn merge(&mut self, other: NameIndex) {
        self.types.extend(other.types);
    }
}

/// Where some names lie in a string table.
struct Places<'a> {
    /// A bit an offset: most types are none of those looked for, and one look at it tells.
    bits: Vec<u64>,
    names: HashMap<u32, &'a str>,
}

impl<'a> Places<'a> {
    fn find(btf: &Btf, names: &BTreeSet<&'a str>) -> Places<'a> {
        let size = btf.strings_before() as usize + btf.strings().len();
        let mut places = Places { bits: vec![0; size / 64 + 1], names: HashMap::new() };
        let filter = Filter::new(names);
        let mut next = Some(btf);
        while let Some(btf) = next {
            let mut offset = btf.strings_before();
            for text in btf.strings().split('\0') {
                if filter.may_be(text) {
                    places.note(offset, text, names);
                }
                offset += text.len() as u32 + 1;
            }
            next = btf.base();
        }
        places
    }

    /// Notes which names a string of the table stands for: its own without the flavor, and those
    /// that it ends with, since tables may share ends.
    fn note(&mut self, offset: u32, text: &str, names: &BTreeSet<&'a str>) {
        if let Some(&name) = names.get(essential(text)) {
            self.add(offset, name);
        }
        for &name in names.iter().filter(|name| text.len() > name.len() && text.ends_with(*name)) {
            self.add(offset + (text.len() - name.len()) as u32, name);
        }
    }

    fn add(&mut self, offset: u32, name: &'a str) {
        self.bits[offset as usize / 64] |= 1 << (offset % 64);
        self.names.insert(offset, name);
    }

    fn name(&self, offset: u32) -> Option<&'a str> {
        let word = self.bits.get(offset as usize / 64)?;
        if word & (1 << (offset % 64)) == 0 {
            return None;
        }
        self.names.get(&offset).copied()
    }
}

/// Tells most strings that are none of the names apart by four of their bytes.
struct Filter {
    first: Vec<u64>,
    last: Vec<u64>,
}

impl Filter {
    fn new(names: &BTreeSet<&str>) -> Filter {
        let mut filter = Filter { first: vec![0; 1 << 10], last: vec![0; 1 << 10] };
        for name in names.iter().filter(|name| !name.is_empty()) {
            let (first, last) = ends(name);
            filter.first[first / 64] |= 1 << (first % 64);
            filter.last[last / 64] |= 1 << (last % 64);
        }
        filter
    }

    fn may_be(&self, text: &str) -> bool {
        if text.is_empty() {
            return false;
        }
        let (first, last) = ends(text);
        self.first[first / 64] & (1 << (first % 64)) != 0
            || self.last[last / 64] & (1 << (last % 64)) != 0
    }
}

/// A text's first two bytes and its last two, as numbers; of a single byte the second is 0.
fn ends(text: &str) -> (usize, usize) {
    match text.as_bytes() {
        &[only] => (only.into(), only.into()),
        &[first, second, ..] => {
            let last = &text.as_bytes()[text.len() - 2..];
            (
                usize::from(second) << 8 | usize::from(first),
                usize::from(last[0]) << 8 | usize::from(last[1]),
            )
        }
        [] => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::essential;

    #[test]
    fn flavors_are_three_underscores_between_other_things() {
        for (name, expected) in [
            ("task_struct", "task_struct"),
            ("task_struct___old", "task_struct"),
            ("a___b___c", "a___b"),
            ("a____b", "a____b"),
            ("a___", "a___"),
            ("a____", "a____"),
            ("___a", "___a"),
            ("__a___b", "__a"),
            ("", ""),
            ("é___è", "é"),
        ] {
            assert_eq!(essential(name), expected, "{name}");
        }
    }
}
