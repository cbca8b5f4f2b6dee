//! `probe-runner inspect`: what an object holds.

use crate::btf::Layout;
use crate::commands::{Format, Outcome};
use crate::object::store::{ObjectFile, ObjectStore, StoreError};
use crate::object::{Global, Inventory, Map, Program, TailCall};
use crate::text::terminal::Escaping;
use anyhow::{anyhow, bail};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Shows the object of a path, or a built-in one.
///
/// # Errors
/// There is no such object, or the output can't be written.
pub fn run(name: &str, format: Format, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let object = find(name)?;
    match format {
        Format::Human => human(&object, &mut Escaping(out))?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &document(&object))?;
            writeln!(out)?;
        }
    }
    Ok(Outcome::Done)
}

/// The object of a path, or a built-in one.
///
/// # Errors
/// There is no such object, or it is none.
pub fn find(name: &str) -> anyhow::Result<Arc<ObjectFile>> {
    match ObjectStore::default().find(name, Path::new(".")) {
        Ok(object) => Ok(object),
        Err(StoreError::NotFound { .. }) => {
            let built_in: Vec<&str> = crate::object::builtin::names().collect();
            bail!("there is no file {name}; objects built in: {}", built_in.join(", "))
        }
        Err(StoreError::Io { path, error }) => {
            Err(anyhow!("can't read {}: {error}", path.display()))
        }
        Err(StoreError::NotAnObject { origin, error }) => Err(anyhow!("{origin}: {error}")),
    }
}

fn human(object: &ObjectFile, out: &mut impl Write) -> anyhow::Result<()> {
    let inventory = &object.inventory;
    writeln!(out, "{}", object.origin)?;
    writeln!(out, "  sha256   {}", object.sha256)?;
    writeln!(out, "  license  {}", inventory.license.as_deref().unwrap_or("none"))?;
    writeln!(out, "  types    {}", if inventory.has_btf { "BTF" } else { "none" })?;
    section(out, "programs", inventory.programs.iter().map(program_lines))?;
    section(out, "maps", inventory.maps.iter().map(map_lines))?;
    section(out, "globals", inventory.globals.iter().map(|global| vec![global_line(global)]))?;
    section(out, "externs", inventory.externs.iter().map(|name| vec![name.clone()]))?;
    Ok(())
}

fn section(
    out: &mut impl Write,
    title: &str,
    items: impl Iterator<Item = Vec<String>>,
) -> anyhow::Result<()> {
    let mut first = true;
    for lines in items {
        if first {
            writeln!(out, "\n{title}")?;
            first = false;
        }
        for (index, line) in lines.iter().enumerate() {
            writeln!(out, "{}{line}", if index == 0 { "  " } else { "      " })?;
        }
    }
    Ok(())
}

fn program_lines(program: &Program) -> Vec<String> {
    let mut lines = vec![format!(
        "{}  section {}, {} instructions, {} CO-RE relocations",
        program.name, program.section.name, program.instructions, program.core_relocations
    )];
    if !program.maps.is_empty() {
        lines.push(format!("maps: {}", program.maps.join(", ")));
    }
    if !program.helpers.is_empty() {
        let helpers: Vec<String> = program.helpers.iter().map(|id| helper(*id)).collect();
        lines.push(format!("helpers: {}", helpers.join(", ")));
    }
    if !program.tail_calls.is_empty() {
        let calls: Vec<String> = program.tail_calls.iter().map(tail_call).collect();
        lines.push(format!("tail calls: {}", calls.join(", ")));
    }
    let (context, stack) = (program.context_end(), program.stack.deepest.bytes);
    lines.push(format!("reads {context} bytes of its context, uses {stack} bytes of stack"));
    lines
}

fn helper(id: u32) -> String {
    crate::object::helper_name(id).unwrap_or_else(|| format!("helper {id}"))
}

fn tail_call(call: &TailCall) -> String {
    let map = call.map.as_deref().unwrap_or("(unknown map)");
    match call.slot {
        Some(slot) => format!("{map}[{slot}]"),
        None => format!("{map}[…]"),
    }
}

fn map_lines(map: &Map) -> Vec<String> {
    let mut lines = vec![format!(
        "{}  {}, key {} bytes, value {} bytes, max_entries {}{}",
        map.name,
        map.map_type,
        map.key_size,
        map.value_size,
        map.max_entries,
        if map.flags == 0 { String::new() } else { format!(", flags {:#x}", map.flags) }
    )];
    for (what, layout) in [("key", &map.key), ("value", &map.value)] {
        if let Some(layout) = layout {
            lines.push(format!("{what}: {}", shape(layout)));
        }
    }
    for (slot, program) in &map.static_slots {
        lines.push(format!("slot {slot}: {program}"));
    }
    if let Some(inner) = &map.inner {
        lines.push(format!(
            "holds maps: {}, key {} bytes, value {} bytes, max_entries {}",
            inner.map_type, inner.key_size, inner.value_size, inner.max_entries
        ));
    }
    for (index, inner) in &map.static_maps {
        lines.push(format!("entry {index}: {inner}"));
    }
    if map.pin_by_name {
        lines.push("asks to be pinned by its name".to_owned());
    }
    lines
}

/// A type with the names of its fields.
fn shape(layout: &Layout) -> String {
    match layout {
        Layout::Struct { fields, .. } | Layout::Union { fields, .. } => {
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{}: {}", field.name, field.layout)).collect();
            format!("{layout} {{ {} }}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

fn global_line(global: &Global) -> String {
    let kind = global.layout.as_ref().map_or_else(|| "unknown type".to_owned(), Layout::to_string);
    format!("{}  {kind}, {} bytes in {}", global.name, global.size, global.section)
}

fn document(object: &ObjectFile) -> Value {
    let Inventory { license, programs, maps, globals, externs, has_btf, .. } = &object.inventory;
    json!({
        "schema_version": 1,
        "object": object.origin,
        "sha256": object.sha256,
        "license": license,
        "has_btf": has_btf,
        "programs": programs.iter().map(|program| json!({
            "name": program.name,
            "section": program.section.name,
            "type": program.section.program_type.map(|t| t.to_string()),
            "attach_type": program.section.attach_type.to_string(),
            "target": program.section.target,
            "sleepable": program.section.sleepable,
            "instructions": program.instructions,
            "maps": program.maps,
            "helpers": program.helpers.iter().map(|id| helper(*id)).collect::<Vec<_>>(),
            "tail_calls": program.tail_calls.iter().map(|call| json!({
                "map": call.map,
                "slot": call.slot,
            })).collect::<Vec<_>>(),
            "core_relocations": program.core_relocations,
            "context_bytes": program.context_end(),
            "stack_bytes": program.stack.deepest.bytes,
        })).collect::<Vec<_>>(),
        "maps": maps.iter().map(|map| json!({
            "name": map.name,
            "type": map.map_type.to_string(),
            "key_size": map.key_size,
            "value_size": map.value_size,
            "max_entries": map.max_entries,
            "flags": map.flags,
            "key": map.key.as_ref().map(shape),
            "value": map.value.as_ref().map(shape),
            "static_slots": map.static_slots.iter().map(|(slot, program)| json!({
                "slot": slot,
                "program": program,
            })).collect::<Vec<_>>(),
            "inner": map.inner.as_ref().map(|inner| json!({
                "type": inner.map_type.to_string(),
                "key_size": inner.key_size,
                "value_size": inner.value_size,
                "max_entries": inner.max_entries,
            })),
            "static_maps": map.static_maps.iter().map(|(index, inner)| json!({
                "index": index,
                "map": inner,
            })).collect::<Vec<_>>(),
            "pin_by_name": map.pin_by_name,
        })).collect::<Vec<_>>(),
        "globals": globals.iter().map(|global| json!({
            "name": global.name,
            "section": global.section,
            "size": global.size,
            "type": global.layout.as_ref().map(Layout::to_string),
        })).collect::<Vec<_>>(),
        "externs": externs,
    })
}
