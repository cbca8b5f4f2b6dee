//! The sections of variables, with the values that they get for this load.

use super::Linkable;
use super::error::{LinkError, Problem};
use super::linked::DataSection;
use crate::object::elf::{Place, Section, SymbolKind};

/// Bytes of all sections together.
const MAX_BYTES: u64 = 64 << 20;

/// Whether programs can refer to a section's bytes.
pub(super) fn holds_data(section: &Section<'_>) -> bool {
    let kinds = [".rodata", ".data", ".bss"];
    let rest = kinds.iter().find_map(|kind| section.name.strip_prefix(kind));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// All of them that aren't empty, constants of the compiler too.
pub(super) fn sections(
    object: &Linkable<'_>,
    globals: &[(String, Vec<u8>)],
) -> Result<Vec<DataSection>, LinkError> {
    let elf = &object.parts.elf;
    let wanted: Vec<usize> = (0..elf.sections.len())
        .filter(|&index| holds_data(&elf.sections[index]) && elf.sections[index].size > 0)
        .collect();
    let sizes = wanted.iter().map(|&index| elf.sections[index].size);
    if sizes.fold(0, u64::saturating_add) > MAX_BYTES {
        let what = "its variables take more than 64 MiB";
        return Err(Problem::TooLarge { what }.into());
    }
    let mut sections = Vec::with_capacity(wanted.len());
    for &index in &wanted {
        let section = &elf.sections[index];
        let bytes = match section.zeroed {
            true => vec![0; section.size as usize],
            false => section.bytes.to_vec(),
        };
        sections.push(DataSection {
            name: section.name.to_owned(),
            bytes,
            read_only: section.name.starts_with(".rodata"),
            ty: object.section_type(section.name),
        });
    }
    for (name, value) in globals {
        set(object, &wanted, &mut sections, name, value)?;
    }
    Ok(sections)
}

/// Gives a variable a value.
fn set(
    object: &Linkable<'_>,
    wanted: &[usize],
    sections: &mut [DataSection],
    name: &str,
    value: &[u8],
) -> Result<(), LinkError> {
    let problem = |what: String| Problem::Global { name: name.to_owned(), what };
    for symbol in &object.parts.elf.symbols {
        let Place::Section(section) = symbol.place else {
            continue;
        };
        let Some(index) = wanted.iter().position(|&index| index == section) else {
            continue;
        };
        if symbol.name != name || symbol.kind != SymbolKind::Data {
            continue;
        }
        if symbol.size != value.len() as u64 {
            let what = format!("it has {} bytes, its value {}", symbol.size, value.len());
            return Err(problem(what).into());
        }
        let rest = sections[index].bytes.get_mut(symbol.value as usize..);
        let place = rest.and_then(|rest| rest.get_mut(..value.len()));
        let Some(place) = place else {
            return Err(problem("it is not inside of its section".to_owned()).into());
        };
        place.copy_from_slice(value);
        return Ok(());
    }
    Err(problem("the object has no such variable".to_owned()).into())
}
