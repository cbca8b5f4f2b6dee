//! Whether what sits in a PROG_ARRAY is ever called, and whether what is called sits there.

use super::{Array, calls_into};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use std::collections::BTreeSet;

/// Applies these rules. What could not be bound was reported already and may be what is missed here.
pub fn check(array: &Array<'_>, findings: &mut Findings) {
    if findings.has_errors() || !somebody_calls(array, findings) {
        return;
    }
    if array.entries.is_empty() {
        something_is_called(array, findings);
    } else {
        constant_slots_are_filled(array, findings);
        handlers_are_reached(array, findings);
    }
}

/// Handlers that nobody calls never run. False if that is so.
fn somebody_calls(array: &Array<'_>, findings: &mut Findings) -> bool {
    let calls = |user: &&super::User<'_>| {
        let program = array.model.program(user.program.value);
        calls_into(program, array.name).next().is_some()
    };
    if array.callers.iter().any(|user| calls(&user)) {
        return true;
    }
    let name = array.name;
    let tables = array.model.tail_calls.iter();
    for table in tables.filter(|table| array.model.map(table.map.value).name == name) {
        let diagnostic = Diagnostic::warning(
            Code::UnusedTable,
            table.map.span,
            format!("nothing tail-calls into `{name}`"),
        )
        .label("its handlers never run");
        findings.push(match array.callers.first() {
            None => diagnostic.help("attach the program that calls it"),
            Some(user) => diagnostic
                .other(user.program.span, "refers to it, and has no tail call")
                .help("call `bpf_tail_call` with it there, or attach the program that does"),
        });
    }
    false
}

/// A PROG_ARRAY in which nothing sits makes every tail call fall through; it may be meant to be filled
/// while the probe runs.
fn something_is_called(array: &Array<'_>, findings: &mut Findings) {
    for user in &array.callers {
        let program = array.model.program(user.program.value);
        if calls_into(program, array.name).next().is_none() {
            continue;
        }
        findings.push(
            Diagnostic::remark(
                Code::EmptyTable,
                user.program.span,
                format!(
                    "`{}` tail-calls into `{}`, which is empty",
                    array.program_name(&user.program),
                    array.name
                ),
            )
            .label("its tail calls fall through")
            .help(format!("fill its slots: `tail_calls: {{ {}: {{ 0: … }} }}`", array.name)),
        );
        return;
    }
}

/// A tail call into an empty slot does nothing, and the program goes on after it.
fn constant_slots_are_filled(array: &Array<'_>, findings: &mut Findings) {
    let mut reported = BTreeSet::new();
    for user in &array.callers {
        let program = array.model.program(user.program.value);
        for slot in calls_into(program, array.name).flatten() {
            if array.handler(slot).is_some() || !reported.insert((user.program.value, slot)) {
                continue;
            }
            findings.push(
                Diagnostic::warning(
                    Code::EmptySlot,
                    user.program.span,
                    format!(
                        "`{}` tail-calls slot {slot} of `{}`, which is empty",
                        array.program_name(&user.program),
                        array.name
                    ),
                )
                .label("that call falls through")
                .help(format!("fill it: `tail_calls: {{ {}: {{ {slot}: … }} }}`", array.name)),
            );
        }
    }
}

/// Where every caller says by a constant which slot it calls, the others are never called.
fn handlers_are_reached(array: &Array<'_>, findings: &mut Findings) {
    let mut called = BTreeSet::new();
    for user in &array.callers {
        for slot in calls_into(array.model.program(user.program.value), array.name) {
            let Some(slot) = slot else { return };
            called.insert(slot);
        }
    }
    let list: Vec<String> = called.iter().map(u32::to_string).collect();
    let tables = array.model.tail_calls.iter();
    let tables = tables.filter(|table| array.model.map(table.map.value).name == array.name);
    for entry in tables.flat_map(|table| &table.slots) {
        let ranges = &entry.indices.value;
        let is_called = ranges.iter().any(|range| called.range(range.clone()).next().is_some());
        if is_called {
            continue;
        }
        findings.push(
            Diagnostic::warning(
                Code::UnreachedSlot,
                entry.indices.span,
                format!(
                    "`{}` is never called through `{}`",
                    array.program_name(&entry.program),
                    array.name
                ),
            )
            .label("no program in use calls this slot")
            .note(format!("the slots that are called: {}", list.join(", "))),
        );
    }
}
