//! Executables and shared libraries: where in the file a function begins.

use std::collections::BTreeSet;
use std::fs::File;

use object::read::{File as Elf, Object, ObjectSegment, ObjectSymbol, ReadCache, SymbolKind};

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

/// Where the byte of an address lies in the file.
fn file_offset<'data>(elf: &impl Object<'data>, address: u64) -> Option<u64> {
    elf.segments().find_map(|segment| {
        let within = address.checked_sub(segment.address())?;
        let (start, size) = segment.file_range();
        (within < size).then_some(start + within)
    })
}
