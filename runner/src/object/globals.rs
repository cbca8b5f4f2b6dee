//! The variables of an object that can be set before it is loaded.

use super::elf::{Elf, Place, Section, Symbol, SymbolKind};
use super::error::ObjectError;
use super::inventory::Global;
use super::variables::Variables;
use crate::btf::{Btf, Layout};

/// Initial values that are held at most, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// The variables by section and offset. `budget` is what all layouts together may cost.
pub(super) fn read(
    elf: &Elf<'_>,
    btf: Option<&Btf>,
    variables: &Variables<'_>,
    budget: &mut usize,
) -> Result<Vec<Global>, ObjectError> {
    let mut symbols: Vec<(usize, &Symbol<'_>)> = elf
        .symbols
        .iter()
        .filter_map(|symbol| match symbol.place {
            Place::Section(section) => Some((section, symbol)),
            Place::Undefined | Place::Nowhere => None,
        })
        .filter(|(section, symbol)| holds_variables(&elf.sections[*section]) && is_variable(symbol))
        .collect();
    symbols.sort_by_key(|(section, symbol)| (*section, symbol.value));

    let total = symbols.iter().map(|(_, symbol)| symbol.size);
    if total.fold(0, u64::saturating_add) > MAX_BYTES {
        return Err(ObjectError::TooLarge {
            what: "its global variables have more than 64 MiB of initial values",
        });
    }
    symbols
        .into_iter()
        .map(|(section, symbol)| {
            let section = &elf.sections[section];
            let ty = variables.find(section.name, symbol.name);
            Ok(Global {
                name: symbol.name.to_owned(),
                section: section.name.to_owned(),
                offset: u32::try_from(symbol.value).map_err(|_| outside(symbol))?,
                size: u32::try_from(symbol.size).map_err(|_| outside(symbol))?,
                layout: btf.zip(ty).and_then(|(btf, ty)| Layout::within(btf, ty, budget)),
                default: initial(section, symbol).ok_or_else(|| outside(symbol))?,
            })
        })
        .collect()
}

fn holds_variables(section: &Section<'_>) -> bool {
    let kinds = [".rodata", ".data", ".bss"];
    let rest = kinds.iter().find_map(|kind| section.name.strip_prefix(kind));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) && !section.mergeable
}

/// Whether a symbol is a variable of the source. Compilers make others: initial values and tables
/// (`__const.…`, `switch.table.…`, `anon.…`) and, with libbpf's `bpf_printk`, `….____fmt`.
fn is_variable(symbol: &Symbol<'_>) -> bool {
    let name = symbol.name;
    let made = [".", "__const.", "switch.table.", "anon."];
    symbol.kind == SymbolKind::Data
        && symbol.size > 0
        && !name.is_empty()
        && !made.iter().any(|prefix| name.starts_with(prefix))
        && !name.contains("____fmt")
}

/// A variable's bytes in the file; `None` if it isn't inside of its section.
fn initial(section: &Section<'_>, symbol: &Symbol<'_>) -> Option<Vec<u8>> {
    let end = symbol.value.checked_add(symbol.size)?;
    if end > section.size {
        return None;
    }
    if section.zeroed {
        return Some(vec![0; symbol.size as usize]);
    }
    let bytes = section.bytes.get(symbol.value as usize..end as usize)?;
    Some(bytes.to_vec())
}

fn outside(symbol: &Symbol<'_>) -> ObjectError {
    ObjectError::Damaged {
        what: format!("variable `{}` is not inside of its section", symbol.name),
    }
}
