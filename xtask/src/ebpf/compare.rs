//! Compares the objects of two directories, byte for byte.
//!
//! It reports and never changes either side.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context;

/// What came of a comparison.
pub struct Comparison {
    /// How many objects are the same on both sides.
    pub equal: usize,
    /// A line an object that is not: its name and what is wrong with it.
    pub differences: Vec<String>,
}

/// Compares the committed objects with freshly built ones.
///
/// # Errors
/// When a directory or an object can't be read. A committed directory that is
/// not there counts as an empty one.
pub fn directories(committed: &Path, built: &Path) -> anyhow::Result<Comparison> {
    let old: BTreeSet<String> = match committed.exists() {
        true => super::files(committed)?.into_iter().collect(),
        false => BTreeSet::new(),
    };
    let new: BTreeSet<String> = super::files(built)?.into_iter().collect();

    let mut comparison = Comparison { equal: 0, differences: Vec::new() };
    for name in old.union(&new) {
        let difference = if !new.contains(name) {
            Some("has no source".to_owned())
        } else if !old.contains(name) {
            Some("is missing".to_owned())
        } else {
            difference(&read(&committed.join(name))?, &read(&built.join(name))?)
        };
        match difference {
            Some(what) => comparison.differences.push(format!("{name} {what}")),
            None => comparison.equal += 1,
        }
    }
    Ok(comparison)
}

fn difference(old: &[u8], new: &[u8]) -> Option<String> {
    if old == new {
        return None;
    }
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    Some(format!("differs from byte {same} on ({} bytes, built {})", old.len(), new.len()))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn equal_bytes_have_no_difference() {
        assert_eq!(difference(b"object", b"object"), None);
    }

    #[test]
    fn the_first_differing_byte_is_named() {
        let found = difference(b"object", b"obJect").expect("they differ");
        assert_eq!(found, "differs from byte 2 on (6 bytes, built 6)");
    }

    #[test]
    fn a_longer_object_differs_where_the_shorter_ends() {
        let found = difference(b"object", b"objects").expect("they differ");
        assert_eq!(found, "differs from byte 6 on (6 bytes, built 7)");
    }
}
