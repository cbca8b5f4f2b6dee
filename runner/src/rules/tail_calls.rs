//! Whether PROG_ARRAYs can hold what they are given.

use crate::model::{MapId, Model, ProgramId, Table};
use crate::object::{AttachType, MapType, ProgramType};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::{At, Span};
use std::collections::BTreeMap;
use std::fmt;

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    for table in &model.tail_calls {
        if !is_prog_array(model, table, findings) {
            continue;
        }
        slots_in_range(model, table, findings);
        slots_set_once(model, table, findings);
        somebody_calls(model, table, findings);
    }
    for map in prog_arrays(model) {
        types_agree(model, map, findings);
    }
}

fn is_prog_array(model: &Model, table: &Table, findings: &mut Findings) -> bool {
    let map = model.map(table.map.value);
    if map.map_type == MapType::PROG_ARRAY {
        return true;
    }
    let origin = &model.objects[table.map.value.object].file.origin;
    findings.push(
        Diagnostic::error(
            Code::NotAProgArray,
            table.map.span,
            format!("`{}` has no tail-call slots", map.name),
        )
        .label(format!("this is a {} map", map.map_type))
        .note(format!("`{}` is defined in {origin}", map.name))
        .help("slots are filled in maps of the type BPF_MAP_TYPE_PROG_ARRAY"),
    );
    false
}

/// An index must be below max_entries (`fd_array_map_update_elem`, kernel/bpf/arraymap.c: E2BIG).
fn slots_in_range(model: &Model, table: &Table, findings: &mut Findings) {
    let map = model.map(table.map.value);
    let changed = model
        .maps
        .iter()
        .filter(|setting| model.map(setting.map.value).name == map.name)
        .find_map(|setting| setting.max_entries.as_ref());
    let max_entries = changed.map_or(map.max_entries, |changed| changed.value);
    for slot in &table.slots {
        let Some(index) = slot.indices.value.iter().map(|range| *range.end()).max() else {
            continue;
        };
        if index < max_entries {
            continue;
        }
        let message = format!("slot {index} is not in `{}`", map.name);
        let mut diagnostic = Diagnostic::error(Code::SlotOutOfRange, slot.indices.span, message)
            .label(format!("must be below {max_entries}"));
        diagnostic = match changed {
            Some(changed) => diagnostic.other(changed.span, "the number of slots is set here"),
            None => {
                let origin = &model.objects[table.map.value.object].file.origin;
                diagnostic
                    .note(format!("in {origin}: `{}` has max_entries {max_entries}", map.name))
                    .help(format!(
                        "raise it: `maps: {{ {}: {{ max_entries: {} }} }}`",
                        map.name,
                        index + 1
                    ))
            }
        };
        findings.push(diagnostic);
    }
}

/// Each slot holds one program; the last one set would win without a word.
fn slots_set_once(model: &Model, table: &Table, findings: &mut Findings) {
    // First index of a range → its last index and where it was written. Ranges don't overlap.
    let mut taken: BTreeMap<u32, (u32, Span)> = BTreeMap::new();
    for slot in &table.slots {
        for range in &slot.indices.value {
            let before = taken.range(..=*range.end()).next_back();
            let clash = before.filter(|(_, (last, _))| last >= range.start());
            if let Some((first, (_, span))) = clash {
                let index = (*first).max(*range.start());
                findings.push(
                    Diagnostic::error(
                        Code::DuplicateSlot,
                        slot.indices.span,
                        format!(
                            "slot {index} of `{}` is filled twice",
                            model.map(table.map.value).name
                        ),
                    )
                    .label(format!("slot {index} again"))
                    .other(*span, "filled here first")
                    .help("leave the slot out of one of them"),
                );
                break;
            }
            taken.insert(*range.start(), (*range.end(), slot.indices.span));
        }
    }
}

/// Handlers that nobody calls never run.
fn somebody_calls(model: &Model, table: &Table, findings: &mut Findings) {
    let map = &model.map(table.map.value).name;
    if callers(model, map).next().is_some() || findings.has_errors() {
        return;
    }
    findings.push(
        Diagnostic::warning(
            Code::UnusedTable,
            table.map.span,
            format!("nothing tail-calls into `{map}`"),
        )
        .label("its handlers never run")
        .help("attach the program that calls it"),
    );
}

/// What a PROG_ARRAY's callers and targets must have in common: `__bpf_prog_map_compatible`,
/// kernel/bpf/core.c. The program type since 4.2; the function's prototype (of tracing programs) since
/// 6.12; the attach type since 6.18 and in stable kernels; whether it may sleep since 7.0. Kernels
/// carry backports, so the strictest of them holds everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Compatibility {
    program_type: Option<ProgramType>,
    attach_type: AttachType,
    sleepable: bool,
    /// The function or tracepoint of a tracing program: another one may have another prototype.
    target: Option<String>,
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.program_type {
            None => f.write_str("a program of unknown type")?,
            Some(ProgramType::Tracing) => write!(f, "a tracing program ({})", self.attach_type)?,
            Some(program_type) => write!(f, "a {program_type} program")?,
        }
        if self.sleepable {
            f.write_str(" that may sleep")?;
        }
        match &self.target {
            Some(target) => write!(f, " for {target}"),
            None => Ok(()),
        }
    }
}

fn compatibility(model: &Model, id: ProgramId, attached_to: Option<&str>) -> Compatibility {
    let section = &model.program(id).section;
    let tracing = section.program_type == Some(ProgramType::Tracing);
    let target = attached_to.map(str::to_owned).or_else(|| section.target.clone());
    Compatibility {
        program_type: section.program_type,
        attach_type: section.attach_type,
        sleepable: section.sleepable,
        target: target.filter(|_| tracing),
    }
}

fn types_agree(model: &Model, map: MapId, findings: &mut Findings) {
    let name = &model.map(map).name;
    let mut users: Vec<(At<ProgramId>, Compatibility)> = Vec::new();
    for (program, target) in callers(model, name) {
        users.push((program.clone(), compatibility(model, program.value, target)));
    }
    for table in model.tail_calls.iter().filter(|table| model.map(table.map.value).name == *name) {
        for slot in &table.slots {
            let found = compatibility(model, slot.program.value, None);
            users.push((slot.program.clone(), found));
        }
    }
    for slot in model.default_slots().into_iter().filter(|slot| slot.map == *name) {
        // It stands in no file: what brings it is the object.
        let program = At::new(slot.program, model.objects[slot.program.object].alias.span);
        users.push((program, compatibility(model, slot.program, None)));
    }
    let Some(((owner, wanted), others)) = users.split_first() else { return };
    for (program, found) in others {
        let agrees = found.program_type == wanted.program_type
            && found.attach_type == wanted.attach_type
            && found.sleepable == wanted.sleepable
            // A tracing handler without a target takes its caller's.
            && (found.target.is_none() || found.target == wanted.target);
        if agrees {
            continue;
        }
        findings.push(
            Diagnostic::error(
                Code::SlotTypeMismatch,
                program.span,
                format!("`{}` can't be used with `{name}`", model.program_name(program.value)),
            )
            .label(format!("this is {found}"))
            .other(owner.span, format!("`{}` is {wanted}", model.program_name(owner.value)))
            .note(format!("all programs that call or sit in `{name}` must be of one type"))
            .help(format!("use a handler compiled as {wanted}")),
        );
    }
}

/// What the programs that call or sit in a PROG_ARRAY are, in words; `None` if there are none.
pub fn owner(model: &Model, map: &str) -> Option<String> {
    let (program, target) = callers(model, map).next()?;
    Some(compatibility(model, program.value, target).to_string())
}

/// PROG_ARRAYs of the probe, each name once.
fn prog_arrays(model: &Model) -> Vec<MapId> {
    let mut names: Vec<&str> = Vec::new();
    for object in &model.objects {
        for map in &object.file.inventory.maps {
            if map.map_type == MapType::PROG_ARRAY && !names.contains(&map.name.as_str()) {
                names.push(&map.name);
            }
        }
    }
    names.into_iter().filter_map(|name| model.find_map(name)).collect()
}

/// Programs in use that refer to a map, with what they are attached to: dispatchers first, then
/// handlers that call on.
fn callers<'a>(
    model: &'a Model,
    map: &'a str,
) -> impl Iterator<Item = (At<ProgramId>, Option<&'a str>)> {
    let attached = model.hooks().flat_map(|hook| {
        hook.programs().map(|program| (program, Some(hook.target.value.as_str())))
    });
    let handlers = model
        .tail_calls
        .iter()
        .flat_map(|table| table.slots.iter().map(|slot| (slot.program.clone(), None)));
    let defaults = model.default_slots().into_iter().map(|slot| {
        let span = model.objects[slot.program.object].alias.span;
        (At::new(slot.program, span), None)
    });
    attached.chain(handlers).chain(defaults).filter(move |(program, _)| {
        model.program(program.value).maps.iter().any(|used| used == map)
    })
}
