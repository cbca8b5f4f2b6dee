//! Executables and shared libraries: where in the file a function begins, and where its authors left
//! places for probes (USDT).

use std::collections::BTreeSet;
use std::fs::File;

use object::read::{
    File as Elf, Object, ObjectSection, ObjectSegment, ObjectSymbol, ReadCache, SymbolKind,
};

use crate::text::suggest::nearest;

/// Why a function's place is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutableError {
    /// Not an ELF file, or a damaged one.
    Unreadable(String),
    /// It has no function of that name.
    NoFunction {
        /// Whether it has symbols at all.
        has_symbols: bool,
        /// The name that is nearest, if one is near enough.
        near: Option<String>,
    },
    /// It has no USDT probe of that name.
    NoProbe {
        /// Those that it has, as `provider:name`.
        names: Vec<String>,
    },
    /// It has several of that name.
    Several {
        /// Their offsets in the file.
        offsets: Vec<u64>,
    },
}

/// The offset in the file at which a function begins, as uprobes want it. Only the parts of the file
/// that are needed are read.
pub fn function_offset(file: File, name: &str) -> Result<u64, ExecutableError> {
    let cache = ReadCache::new(file);
    let elf = Elf::parse(&cache).map_err(|error| ExecutableError::Unreadable(error.to_string()))?;
    let functions = || {
        elf.symbols()
            .chain(elf.dynamic_symbols())
            .filter(|symbol| symbol.is_definition() && symbol.kind() == SymbolKind::Text)
    };
    // A function stands in both tables of a library that was not stripped.
    let offsets: BTreeSet<u64> = functions()
        .filter(|symbol| symbol.name() == Ok(name))
        .filter_map(|symbol| file_offset(&elf, symbol.address()))
        .collect();
    let offsets: Vec<u64> = offsets.into_iter().collect();
    match offsets[..] {
        [offset] => Ok(offset),
        [] => {
            let names = functions().filter_map(|symbol| symbol.name().ok());
            let near = nearest(name, names).map(str::to_owned);
            Err(ExecutableError::NoFunction { has_symbols: functions().next().is_some(), near })
        }
        _ => Err(ExecutableError::Several { offsets }),
    }
}

/// A place that the author of a program left for probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsdtSite {
    /// Offset in the file of the instruction.
    pub offset: u64,
    /// Offset in the file of the 16-bit count of those who watch it, which the kernel keeps up; 0 if
    /// the program has none.
    pub semaphore: u64,
}

/// The places of a USDT probe: one for each place where the compiler put it.
///
/// They are listed in notes of the section `.note.stapsdt`: owner `stapsdt`, type 3, and three
/// addresses (of the instruction, of `.stapsdt.base` when the note was written, of the semaphore)
/// followed by the provider's and the probe's name.
pub fn usdt_sites(
    file: File,
    provider: &str,
    name: &str,
) -> Result<Vec<UsdtSite>, ExecutableError> {
    let cache = ReadCache::new(file);
    let unreadable = |error: object::Error| ExecutableError::Unreadable(error.to_string());
    let elf = Elf::parse(&cache).map_err(unreadable)?;
    let notes = match elf.section_by_name(".note.stapsdt") {
        Some(section) => section.data().map_err(unreadable)?,
        None => &[],
    };
    let base = elf.section_by_name(".stapsdt.base").map(|section| section.address());
    let width = if elf.is_64() { 8 } else { 4 };
    let probes: Vec<UsdtNote<'_>> =
        Notes { rest: notes }.filter_map(|note| usdt_note(note, width)).collect();
    let mut sites: Vec<UsdtSite> = probes
        .iter()
        .filter(|probe| probe.provider == provider && probe.name == name)
        .filter_map(|probe| {
            // A linker that moved the program later moved the base with it.
            let moved = match base {
                Some(base) if probe.base != 0 => base.wrapping_sub(probe.base),
                _ => 0,
            };
            let offset = file_offset(&elf, probe.address.wrapping_add(moved))?;
            let semaphore = match probe.semaphore {
                0 => 0,
                address => file_offset(&elf, address.wrapping_add(moved))?,
            };
            Some(UsdtSite { offset, semaphore })
        })
        .collect();
    sites.sort_unstable();
    sites.dedup();
    if sites.is_empty() {
        let mut names: Vec<String> =
            probes.iter().map(|probe| format!("{}:{}", probe.provider, probe.name)).collect();
        names.sort_unstable();
        names.dedup();
        return Err(ExecutableError::NoProbe { names });
    }
    Ok(sites)
}

struct UsdtNote<'a> {
    address: u64,
    base: u64,
    semaphore: u64,
    provider: &'a str,
    name: &'a str,
}

fn usdt_note<'a>(description: &'a [u8], width: usize) -> Option<UsdtNote<'a>> {
    let mut addresses = description
        .chunks_exact(width)
        .map(|bytes| bytes.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)));
    let (address, base, semaphore) = (addresses.next()?, addresses.next()?, addresses.next()?);
    let mut names = description.get(3 * width..)?.split(|byte| *byte == 0);
    let provider = std::str::from_utf8(names.next()?).ok()?;
    let name = std::str::from_utf8(names.next()?).ok()?;
    Some(UsdtNote { address, base, semaphore, provider, name })
}

/// The descriptions of a section's USDT notes. Ends where the notes are damaged.
struct Notes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Notes<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (header, after) = self.rest.split_at_checked(12)?;
            let word = |at: usize| {
                let bytes = header[at..at + 4].try_into().unwrap_or_default();
                u32::from_le_bytes(bytes)
            };
            let [owner_size, size] = [word(0), word(4)].map(|size| size as usize);
            let owner = after.get(..owner_size)?;
            let start = owner_size.checked_next_multiple_of(4)?;
            let description = after.get(start..start.checked_add(size)?)?;
            // The last one may lack its padding.
            let end = (start + size).next_multiple_of(4).min(after.len());
            self.rest = &after[end..];
            if owner == b"stapsdt\0" && word(8) == 3 {
                return Some(description);
            }
        }
    }
}

/// Where the byte of an address lies in the file.
fn file_offset<'data>(elf: &impl Object<'data>, address: u64) -> Option<u64> {
    elf.segments().find_map(|segment| {
        let within = address.checked_sub(segment.address())?;
        let (start, size) = segment.file_range();
        if within < size { start.checked_add(within) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::{Notes, usdt_note};

    fn note(owner: &[u8], kind: u32, description: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            [owner.len() as u32, description.len() as u32, kind].map(u32::to_le_bytes).concat();
        for part in [owner, description] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    fn probe() -> Vec<u8> {
        let addresses = [0x1234_u64, 0, 0x5678].map(u64::to_le_bytes).concat();
        [&addresses, &b"guest\0tick\x004@%edi\0"[..]].concat()
    }

    #[test]
    fn notes_of_others_are_passed_over() {
        let section = [note(b"GNU\0", 3, b"12345"), note(b"stapsdt\0", 3, &probe())].concat();
        let found: Vec<_> = Notes { rest: &section }.collect();
        assert_eq!(found, [probe()]);
        let parsed = usdt_note(found[0], 8).expect("it is whole");
        assert_eq!((parsed.address, parsed.base, parsed.semaphore), (0x1234, 0, 0x5678));
        assert_eq!((parsed.provider, parsed.name), ("guest", "tick"));
    }

    #[test]
    fn damaged_notes_end_the_list() {
        let section = note(b"stapsdt\0", 3, &probe());
        for length in 0..section.len() - 4 {
            let found = Notes { rest: &section[..length] }.count();
            assert_eq!(found, 0, "{length} of {} bytes", section.len());
        }
        let endless = [u32::MAX, u32::MAX, 3].map(u32::to_le_bytes).concat();
        assert_eq!(Notes { rest: &endless }.count(), 0);
        assert!(usdt_note(&probe()[..20], 8).is_none());
    }
}
