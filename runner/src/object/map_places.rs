//! Where maps are in the file, to tell which one an instruction refers to.

use std::collections::BTreeMap;

use super::elf::{Elf, Place, Relocation, SymbolKind};

/// The maps of an object, by section and offset of their definitions.
#[derive(Default)]
pub(super) struct MapPlaces(BTreeMap<(usize, u64), String>);

impl MapPlaces {
    pub(super) fn add(&mut self, section: usize, offset: u64, name: &str) {
        self.0.insert((section, offset), name.to_owned());
    }

    /// The map that a relocation refers to. `addend` is what the relocated place holds: the offset,
    /// where the symbol is the section's.
    pub(super) fn find(&self, elf: &Elf<'_>, relocation: Relocation, addend: i32) -> Option<&str> {
        let symbol = &elf.symbols[relocation.symbol];
        let Place::Section(section) = symbol.place else {
            return None;
        };
        let offset = match symbol.kind {
            SymbolKind::Section => symbol.value.wrapping_add_signed(addend.into()),
            _ => symbol.value,
        };
        self.0.get(&(section, offset)).map(String::as_str)
    }
}
