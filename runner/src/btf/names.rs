//! Types by name, for the names that somebody asks for: one pass over the types.
//!
//! An index of all names of a kernel would take longer to make than everything else that is done with
//! its types.

use std::collections::{BTreeSet, HashMap};

use super::read::Btf;
use super::types::TypeId;

/// Where a name's flavor begins, which tells definitions of one type apart: `task_struct___old` is
/// one of `task_struct`.
const FLAVOR: &str = "___";
/// The kernel's names are shorter (`KSYM_NAME_LEN`).
const MAX_NAME: usize = 512;

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
        let filter = Filter::new(names);
        for (id, ty) in btf.types() {
            let text = btf.string_bytes(ty.name_offset());
            if filter.may_be(text)
                && let Some(types) = index.types.get_mut(essential(name_in(text)))
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

/// The name at the beginning of a string table's rest; empty if it is too long for one.
fn name_in(text: &[u8]) -> &str {
    let text = &text[..text.len().min(MAX_NAME)];
    let end = text.iter().position(|&byte| byte == 0).unwrap_or_default();
    str::from_utf8(&text[..end]).unwrap_or_default()
}

/// Tells most names that nobody asks for by their first four bytes: a bit for each hash of these.
struct Filter([u64; 64]);

impl Filter {
    fn new(names: &BTreeSet<&str>) -> Filter {
        let mut filter = Filter([0; 64]);
        for name in names.iter().filter(|name| !name.is_empty()) {
            // A short name may stand alone or before a flavor.
            for end in ["\0", FLAVOR] {
                let (word, bit) = Filter::place(format!("{name}{end}\0\0\0").as_bytes());
                filter.0[word] |= bit;
            }
        }
        filter
    }

    /// Whether one of the names may be at the beginning of a string table's rest.
    fn may_be(&self, text: &[u8]) -> bool {
        let (word, bit) = Filter::place(text);
        self.0[word] & bit != 0 && text.first().is_some_and(|&byte| byte != 0)
    }

    /// Where the bit of a beginning is. What comes behind the name's end doesn't count.
    fn place(text: &[u8]) -> (usize, u64) {
        let start = match text.first_chunk::<4>() {
            Some(bytes) => u32::from_le_bytes(*bytes),
            None => text.iter().rev().fold(0, |start, &byte| start << 8 | u32::from(byte)),
        };
        // A bit at the top of the first byte that is 0, and perhaps of later ones.
        let zeros = start.wrapping_sub(0x0101_0101) & !start & 0x8080_8080;
        let before_end = (zeros & zeros.wrapping_neg()).wrapping_sub(1) >> 7;
        let name = match zeros {
            0 => start,
            _ => start & before_end,
        };
        // Fibonacci hashing: the product's top bits depend on all of the number's.
        let hash = name.wrapping_mul(0x9e37_79b9) >> 20;
        (hash as usize / 64, 1 << (hash % 64))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Filter, essential, name_in};

    #[test]
    fn the_filter_takes_names_with_and_without_flavor_and_few_others() {
        let filter = Filter::new(&BTreeSet::from(["sk", "a", "task_struct"]));
        for text in
            ["sk\0", "sk\0next\0", "sk___old\0", "a\0b\0", "a___b\0", "task_struct\0", "a\0"]
        {
            assert!(filter.may_be(text.as_bytes()), "{text:?}");
        }
        let others = ["\0", "skb\0", "s\0", "ab\0", "mask\0", "page\0", "sock\0", "int\0"];
        let taken = others.iter().filter(|text| filter.may_be(text.as_bytes())).count();
        assert_eq!(taken, 0, "none of these has the hash of a name");
    }

    #[test]
    fn a_name_ends_where_it_ends() {
        assert_eq!(name_in(b"one\0two\0"), "one");
        assert_eq!(name_in(b"\0two\0"), "");
        assert_eq!(name_in(b""), "");
        let long = [vec![b'x'; 600], vec![0]].concat();
        assert_eq!(name_in(&long), "", "no kernel has such names");
    }

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
