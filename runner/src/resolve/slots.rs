//! Tail-call slots: indices, ranges, system calls and globs over them.

use crate::model::{GlobalId, SlotEntry, SlotKey, Table};
use crate::resolve::binder::Binder;
use crate::resolve::number;
use crate::spec::shape::TableSpec;
use crate::spec::values::{Entries, Scalar};
use crate::syscall_table;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::At;
use crate::text::suggest::nearest;
use std::ops::RangeInclusive;
use wildmatch::WildMatch;

/// Slots that one table may fill: each is a system call, and a line of the state file.
const MOST_SLOTS: u64 = 65_536;

/// Binds `tail_calls`.
pub fn bind(tables: &Entries<TableSpec>, binder: &mut Binder<'_>) -> Vec<Table> {
    let mut bound = Vec::new();
    for (name, table) in &tables.0 {
        let map = binder.map(name);
        let slots = bind_entries(&table.slots, binder);
        let generation = table.generation.as_ref().and_then(|name| generation(name, binder));
        if let Some(map) = map {
            bound.push(Table { map: name.with(map), generation, slots });
        }
    }
    bound
}

fn bind_entries(entries: &Entries<At<Scalar>>, binder: &mut Binder<'_>) -> Vec<SlotEntry> {
    let mut slots = Vec::new();
    let mut filled = 0;
    for (index, (key, program)) in entries.0.iter().enumerate() {
        if binder.findings.is_full() {
            binder.findings.left_out += entries.0.len() - index;
            break;
        }
        let indices = bind_key(key, binder);
        let program = binder.program(program);
        let Some((written, indices)) = indices else { continue };
        let width = |range: &RangeInclusive<u32>| u64::from(range.end() - range.start()) + 1;
        filled += indices.iter().map(width).sum::<u64>();
        if filled > MOST_SLOTS {
            binder.findings.push(
                Diagnostic::error(
                    Code::InvalidValue,
                    key.span,
                    format!("more than {MOST_SLOTS} slots of one PROG_ARRAY"),
                )
                .help("fill those that are called"),
            );
            break;
        }
        if let Some(program) = program {
            slots.push(SlotEntry { key: written, indices: key.with(indices), program });
        }
    }
    slots
}

/// The variable that holds where the half in use begins.
fn generation(name: &At<Scalar>, binder: &mut Binder<'_>) -> Option<At<GlobalId>> {
    let name = binder.text(name)?;
    Some(name.with(binder.global(&name)?))
}

/// A key that names no slot.
#[derive(Debug)]
pub struct WrongSlot {
    /// What kind of mistake it is.
    code: Code,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

fn bind_key(
    key: &At<String>,
    binder: &mut Binder<'_>,
) -> Option<(SlotKey, Vec<RangeInclusive<u32>>)> {
    let key = binder.text(&key.with(Scalar(key.value.clone())))?;
    match indices(&key.value) {
        Ok(bound) => Some(bound),
        Err(wrong) => {
            binder
                .findings
                .push(Diagnostic::error(wrong.code, key.span, wrong.message).help(wrong.help));
            None
        }
    }
}

/// The slots that a key stands for: an index, a range, a system call, a glob over system calls.
///
/// # Errors
/// A key that stands for none.
pub fn indices(key: &str) -> Result<(SlotKey, Vec<RangeInclusive<u32>>), WrongSlot> {
    match key.strip_prefix("syscall:") {
        Some(pattern) => syscalls(pattern).map(|indices| (SlotKey::Syscalls, indices)),
        None => range(key).map(|range| (SlotKey::Numbers, vec![range])).ok_or_else(|| WrongSlot {
            code: Code::InvalidValue,
            message: format!("`{key}` is not a slot"),
            help:
                "a slot is an index (`59`), a range (`222-226`), `syscall:NAME` or `syscall:GLOB`"
                    .to_owned(),
        }),
    }
}

fn range(text: &str) -> Option<RangeInclusive<u32>> {
    let index = |text: &str| u32::try_from(number::parse(text.trim())?).ok();
    match text.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (index(first)?, index(last)?);
            (first <= last).then_some(first..=last)
        }
        None => index(text).map(|index| index..=index),
    }
}

fn syscalls(pattern: &str) -> Result<Vec<RangeInclusive<u32>>, WrongSlot> {
    let matcher = WildMatch::new(pattern);
    let indices: Vec<_> = syscall_table::all()
        .filter(|(_, name)| matcher.matches(name))
        .map(|(number, _)| number..=number)
        .collect();
    if !indices.is_empty() {
        return Ok(indices);
    }
    let names = syscall_table::all().map(|(_, name)| name);
    let what = if pattern.contains(['*', '?']) { "matches" } else { "is called" };
    Err(WrongSlot {
        code: Code::UnknownSyscall,
        message: format!("no system call of {} {what} `{pattern}`", std::env::consts::ARCH),
        help: match nearest(pattern, names) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "`ausyscall --dump` lists the system calls of this machine".to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_include_both_ends() {
        assert_eq!(range("59"), Some(59..=59));
        assert_eq!(range("222-226"), Some(222..=226));
        assert_eq!(range("0x10 - 0x1f"), Some(16..=31));
        for wrong in ["226-222", "-1", "1-", "a", "1-2-3", "4294967296"] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }
}
