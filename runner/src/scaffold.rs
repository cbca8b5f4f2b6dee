//! A first probe file for an object: what `init` writes. Text alone; it passes `check`, and what only
//! its author can know is marked.

use crate::desired::HookKind;
use crate::object::{Global, Inventory, Map, MapType, Program};
use std::fmt::Write as _;

/// Stands where the object doesn't say what to attach to.
const TO_CHANGE: &str = "CHANGE_ME";

/// Writes a probe file for an object. `file` is how the probe file will name it, `name` the probe's
/// name.
///
/// None if the object has no program that could be attached.
pub fn probe_file(name: &str, file: &str, inventory: &Inventory) -> Option<String> {
    let entries = entries(inventory);
    let hooks = hooks(&entries);
    if hooks.is_empty() {
        return None;
    }
    let mut text = String::new();
    text.push_str("# For editors: probe-runner schema > probe.schema.json\n");
    text.push_str("# yaml-language-server: $schema=probe.schema.json\n");
    text.push_str("version: 1\n");
    line(&mut text, &format!("name: {name}"));
    line(&mut text, &format!("object: {}", quoted(file)));
    globals(&mut text, inventory);
    text.push_str("\nattach:\n");
    for hook in &hooks {
        text.push_str(hook);
    }
    tail_calls(&mut text, inventory, &entries);
    views(&mut text, inventory);
    Some(text)
}

fn line(text: &mut String, line: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "{line}");
}

/// YAML takes a double-quoted scalar for anything.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.' || c == '/');
    if plain { text.to_owned() } else { format!("{text:?}") }
}

/// The programs to attach: where some tail-call, those do the dispatching, and the others of their
/// type that don't are handlers.
fn entries(inventory: &Inventory) -> Vec<&Program> {
    let dispatcher_type = inventory
        .programs
        .iter()
        .find(|program| !program.tail_calls.is_empty())
        .map(|program| (program.section.program_type, program.section.attach_type));
    let is_handler = |program: &Program| {
        let own = (program.section.program_type, program.section.attach_type);
        program.tail_calls.is_empty() && dispatcher_type == Some(own)
    };
    inventory.programs.iter().filter(|program| !is_handler(program)).collect()
}

/// Entries of `attach`, each with its indentation.
fn hooks(programs: &[&Program]) -> Vec<String> {
    let mut hooks = Vec::new();
    let mut done: Vec<&str> = Vec::new();
    for program in programs {
        if done.contains(&program.name.as_str()) {
            continue;
        }
        let same_target: Vec<&&Program> = programs
            .iter()
            .filter(|other| other.section.target == program.section.target)
            .filter(|other| program.section.target.is_some() && is_of_a_function(other))
            .collect();
        let alternatives = alternatives(&same_target);
        if alternatives.len() > 1 {
            done.extend(same_target.iter().map(|program| program.name.as_str()));
            let mut text = String::from("  - first_of:\n");
            for alternative in alternatives {
                line(&mut text, &format!("      - {alternative}"));
            }
            hooks.push(text);
        } else if let Some(hook) = pair(&same_target).filter(|_| is_of_a_function(program)) {
            done.extend(same_target.iter().map(|program| program.name.as_str()));
            hooks.push(format!("  - {hook}\n"));
        } else if let Some(hook) = hook(program) {
            hooks.push(format!("  - {hook}\n"));
        }
    }
    hooks
}

fn is_of_a_function(program: &Program) -> bool {
    matches!(program.section.prefix.as_str(), "fexit" | "kprobe" | "kretprobe")
}

/// One function seen by fexit and by a pair: the same thing in two ways.
fn alternatives(programs: &[&&Program]) -> Vec<String> {
    let fexit = programs.iter().find(|program| program.section.prefix == "fexit");
    match (fexit.and_then(|program| hook(program)), pair(programs)) {
        (Some(fexit), Some(pair)) => vec![fexit, pair],
        _ => Vec::new(),
    }
}

fn pair(programs: &[&&Program]) -> Option<String> {
    let of = |prefix: &str| {
        let mut found = programs.iter().filter(|program| program.section.prefix == prefix);
        found.next().filter(|_| found.next().is_none())
    };
    let (entry, result) = (of("kprobe")?, of("kretprobe")?);
    let function = quoted(entry.section.target.as_deref()?);
    Some(format!(
        "kprobe_pair: {{ function: {function}, entry: {}, return: {} }}",
        entry.name, result.name
    ))
}

/// An entry of `attach` for one program, by its section.
fn hook(program: &Program) -> Option<String> {
    let section = &program.section;
    let target = section.target.as_deref().unwrap_or(TO_CHANGE);
    // `PATH:SYMBOL` and `PATH:PROVIDER:NAME`.
    let mut parts = section.target.as_deref().unwrap_or_default().split(':');
    let mut part = || quoted(parts.next().filter(|part| !part.is_empty()).unwrap_or(TO_CHANGE));
    let kind = HookKind::of_section(&section.prefix)?;
    let place = match kind {
        HookKind::Fentry
        | HookKind::Fexit
        | HookKind::FmodRet
        | HookKind::Kprobe
        | HookKind::Kretprobe
        | HookKind::KprobePair => format!("function: {}", quoted(target)),
        HookKind::KprobeMulti | HookKind::KretprobeMulti => format!("functions: [{target:?}]"),
        HookKind::Tracepoint if section.target.is_none() => {
            format!("name: {TO_CHANGE}/{TO_CHANGE}")
        }
        HookKind::RawTracepoint | HookKind::Tracepoint | HookKind::BtfTracepoint => {
            format!("name: {}", quoted(target))
        }
        HookKind::Lsm => format!("hook: {}", quoted(target)),
        HookKind::Iter => format!("over: {}", quoted(target)),
        HookKind::Uprobe | HookKind::Uretprobe => {
            format!("binary: {}, symbol: {}", part(), part())
        }
        HookKind::Usdt => {
            format!("binary: {}, provider: {}, name: {}", part(), part(), part())
        }
        HookKind::PerfEvent => "event: cpu-clock, frequency: 99".to_owned(),
    };
    Some(format!("{}: {{ {place}, program: {} }}", kind.name(), program.name))
}

/// Variables that can be set, as comments: their types and what they are called.
fn globals(text: &mut String, inventory: &Inventory) {
    let settable: Vec<_> = inventory.globals.iter().filter(|global| is_settable(global)).collect();
    if settable.is_empty() {
        return;
    }
    text.push_str("\n# Variables of the object that can be set:\n# globals:\n");
    for global in settable {
        let kind =
            global.layout.as_ref().map_or_else(String::new, |layout| format!("   # {layout}"));
        line(text, &format!("#   {}:{kind}", global.name));
    }
}

/// A constant of the whole object; those of one function (`function.variable`) are its own business.
fn is_settable(global: &Global) -> bool {
    global.section.starts_with(".rodata") && !global.name.contains('.')
}

/// Slots that the object fills itself, and handlers whose slots only the author knows.
fn tail_calls(text: &mut String, inventory: &Inventory, entries: &[&Program]) {
    let is_entry = |name: &str| entries.iter().any(|entry| entry.name == name);
    let handlers: Vec<&Program> =
        inventory.programs.iter().filter(|program| !is_entry(&program.name)).collect();
    let tables: Vec<&Map> =
        inventory.maps.iter().filter(|map| map.map_type == MapType::PROG_ARRAY).collect();
    if tables.is_empty() || handlers.is_empty() {
        return;
    }
    text.push_str(
        "\n# Which handler sits in which slot: an index, a range, syscall:NAME.\n# tail_calls:\n",
    );
    for table in tables {
        line(
            text,
            &format!("#   {}:   # slots 0 to {}", table.name, table.max_entries.saturating_sub(1)),
        );
        let mut called = called_slots(inventory, &table.name).into_iter();
        for (index, handler) in (0..).zip(&handlers) {
            let slot = called.next().unwrap_or(index);
            line(text, &format!("#     {slot}: {}", handler.name));
        }
    }
}

/// Slots of a PROG_ARRAY that the programs call by a constant.
fn called_slots(inventory: &Inventory, table: &str) -> Vec<u32> {
    let calls = inventory.programs.iter().flat_map(|program| &program.tail_calls);
    calls.filter(|call| call.map.as_deref() == Some(table)).filter_map(|call| call.slot).collect()
}

/// Ring buffers need to be told the type of their records.
fn views(text: &mut String, inventory: &Inventory) {
    let rings: Vec<&Map> =
        inventory.maps.iter().filter(|map| map.map_type == MapType::RINGBUF).collect();
    if rings.is_empty() {
        return;
    }
    let structs: Vec<&str> = inventory.structs.iter().map(|(name, _)| name.as_str()).collect();
    text.push_str("\n# The structure of each record; `run` shows them as they come. ");
    line(text, &format!("Structures: {}", structs.join(", ")));
    text.push_str("# read:\n");
    for ring in rings {
        line(text, &format!("#   {}: {{ type: {TO_CHANGE} }}", ring.name));
    }
}
