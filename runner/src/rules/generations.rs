//! Whether variables can say which half of a PROG_ARRAY is in use.

use crate::model::{GlobalId, Model, Table};
use crate::object::Global;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::At;

/// Size of a slot's index.
const INDEX_SIZE: u32 = 4;

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    for (place, table) in model.tail_calls.iter().enumerate() {
        let Some(generation) = &table.generation else { continue };
        let variable = variable(model, generation.value);
        if let Some(wrong) = unfit(variable) {
            findings.push(
                Diagnostic::error(
                    Code::GenerationVariable,
                    generation.span,
                    format!("`{}` can't say which half of a PROG_ARRAY is in use", variable.name),
                )
                .label(wrong)
                .help("declare it as the dispatcher's `u32 NAME = 0;` and add it to the index")
                .help("see GENERATION in ebpf-programs/probe.h"),
            );
            continue;
        }
        nobody_else_sets_it(model, place, generation, findings);
        is_used(model, table, generation, findings);
    }
}

fn variable(model: &Model, id: GlobalId) -> &Global {
    &model.objects[id.object].file.inventory.globals[id.global]
}

/// The runner stores into it while programs run, in one piece, and begins with the first half.
fn unfit(variable: &Global) -> Option<String> {
    if variable.section.starts_with(".rodata") {
        return Some(format!("it lies in {}, which can't change", variable.section));
    }
    if variable.size != INDEX_SIZE || !variable.offset.is_multiple_of(INDEX_SIZE) {
        return Some(format!("it has {} bytes, an index has {INDEX_SIZE}", variable.size));
    }
    let begins_elsewhere = variable.default.iter().any(|byte| *byte != 0);
    begins_elsewhere.then(|| "its initial value must be 0".to_owned())
}

fn nobody_else_sets_it(
    model: &Model,
    place: usize,
    generation: &At<GlobalId>,
    findings: &mut Findings,
) {
    let name = &variable(model, generation.value).name;
    let set = model.globals.iter().find(|setting| {
        (setting.object, setting.global) == (generation.value.object, generation.value.global)
    });
    let before = model.tail_calls[..place].iter().filter_map(|table| table.generation.as_ref());
    let taken = before.clone().find(|other| other.value == generation.value);
    let other = match (set, taken) {
        (Some(setting), _) => (setting.value.span, "and set here"),
        (None, Some(other)) => (other.span, "and for another PROG_ARRAY here"),
        (None, None) => return,
    };
    findings.push(
        Diagnostic::error(
            Code::GenerationVariable,
            generation.span,
            format!("`{name}` is used for something else too"),
        )
        .label("the runner stores where the half in use begins")
        .other(other.0, other.1)
        .help("give each PROG_ARRAY a variable of its own, and let the runner alone set it"),
    );
}

/// A dispatcher that doesn't read the variable stays with the first half for ever. That it reads the
/// variable's object is all that can be seen.
fn is_used(model: &Model, table: &Table, generation: &At<GlobalId>, findings: &mut Findings) {
    let map = &model.map(table.map.value).name;
    let object = &model.objects[generation.value.object];
    let has_caller =
        object.file.inventory.programs.iter().any(|program| program.maps.contains(map));
    if !has_caller {
        findings.push(
            Diagnostic::error(
                Code::GenerationVariable,
                generation.span,
                format!("no program of `{}` calls through `{map}`", object.alias.value),
            )
            .label("so none adds this variable to the slot's index")
            .help("name a variable of the object that has the dispatcher"),
        );
    }
}
