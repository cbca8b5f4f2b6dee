//! The functions of an object: programs and the subprograms that they call.

use std::collections::BTreeMap;

use super::elf::{Elf, Place, SymbolKind};

/// A function's section and the offset in it where it begins.
pub(super) type Start = (usize, u64);

/// A function.
#[derive(Clone, Copy)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    /// Where it ends in its section; inside of it, and not behind the next function's beginning.
    pub(super) end: u64,
    /// Whether the kernel can be given it as a program: it is global and not in `.text`, where
    /// compilers put what others call.
    pub(super) entry: bool,
}

/// All functions, by place. Where several symbols name one place, an entry's is taken.
pub(super) fn read<'a>(elf: &Elf<'a>) -> BTreeMap<Start, Function<'a>> {
    let mut functions: BTreeMap<Start, Function<'a>> = BTreeMap::new();
    for symbol in &elf.symbols {
        let Place::Section(index) = symbol.place else {
            continue;
        };
        let section = &elf.sections[index];
        if symbol.kind != SymbolKind::Function || !section.executable {
            continue;
        }
        let function = Function {
            name: symbol.name,
            end: symbol.value.saturating_add(symbol.size),
            entry: !symbol.local && section.name != ".text",
        };
        let known = functions.entry((index, symbol.value)).or_insert(function);
        if function.entry && !known.entry {
            *known = function;
        }
    }
    limit_ends(elf, &mut functions);
    functions
}

/// Symbols' sizes are not to be trusted: functions that overlap would be looked at many times.
fn limit_ends(elf: &Elf<'_>, functions: &mut BTreeMap<Start, Function<'_>>) {
    let mut next: Option<Start> = None;
    for (&(section, begin), function) in functions.iter_mut().rev() {
        let mut limit = elf.sections[section].bytes.len() as u64;
        if let Some((next_section, next_begin)) = next
            && next_section == section
        {
            limit = limit.min(next_begin);
        }
        function.end = function.end.min(limit).max(begin);
        next = Some((section, begin));
    }
}
