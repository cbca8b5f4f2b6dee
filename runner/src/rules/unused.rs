//! Whether everything that a probe names is of use to it.

use crate::desired::{HookKind, Mechanism};
use crate::model::{Hook, Model, ProgramId};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::At;

/// Applies this family's rules. They are silent where names could not be bound: what is missing may
/// be the use.
pub fn check(model: &Model, findings: &mut Findings) {
    if findings.has_errors() {
        return;
    }
    let used = model.programs_in_use();
    objects_are_used(model, &used, findings);
    shown_maps_are_used(model, &used, findings);
    attached_once(model, findings);
}

/// An object of which nothing is used is loaded for nothing, or was meant to be used.
fn objects_are_used(model: &Model, used: &[At<ProgramId>], findings: &mut Findings) {
    for (index, object) in model.objects.iter().enumerate() {
        let inventory = &object.file.inventory;
        let has_map = |name: &str| inventory.maps.iter().any(|map| map.name == name);
        let has_struct = |tag: &str| inventory.structs.iter().any(|(name, _)| name == tag);
        let is_used = used.iter().any(|program| program.value.object == index)
            || model.globals.iter().any(|setting| setting.object == index)
            || model.maps.iter().any(|setting| has_map(&model.map(setting.map.value).name))
            || model.views.iter().any(|view| {
                has_map(&model.map(view.map.value).name)
                    || view.record.as_ref().is_some_and(|record| has_struct(&record.value))
            });
        // Without attachments the probe is wrong anyway, and says so.
        if is_used || model.attach.is_empty() {
            continue;
        }
        findings.push(
            Diagnostic::warning(
                Code::UnusedObject,
                object.alias.span,
                format!("nothing of {} is used", object.file.origin),
            )
            .label("none of its programs, maps or globals is named")
            .help("attach one of its programs or put one into a slot, or remove it"),
        );
    }
}

/// A map that no program in use refers to stays as it was made.
fn shown_maps_are_used(model: &Model, used: &[At<ProgramId>], findings: &mut Findings) {
    for view in &model.views {
        let name = &model.map(view.map.value).name;
        let by_program = used.iter().any(|id| model.program(id.value).maps.contains(name));
        let mut maps = model.objects.iter().flat_map(|object| &object.file.inventory.maps);
        let in_another = maps.any(|map| map.static_maps.iter().any(|(_, inner)| inner == name));
        if by_program || in_another {
            continue;
        }
        let inventories = model.objects.iter().map(|object| &object.file.inventory);
        let users: Vec<String> = inventories
            .flat_map(|inventory| &inventory.programs)
            .filter(|program| program.maps.contains(name))
            .map(|program| format!("`{}`", program.name))
            .collect();
        let help = if users.is_empty() {
            "no program of the objects does: remove it from `read`".to_owned()
        } else {
            format!("attach one that does ({}), or remove it from `read`", users.join(", "))
        };
        findings.push(
            Diagnostic::warning(
                Code::UntouchedMap,
                view.map.span,
                format!("no program of this probe uses `{name}`"),
            )
            .label("it will be empty")
            .help(help),
        );
    }
}

/// A program that is attached to one place twice counts everything twice, or is refused.
fn attached_once(model: &Model, findings: &mut Findings) {
    for (index, attachment) in model.attach.iter().enumerate() {
        // Which of several alternatives is attached is for the kernel to say.
        let [hook] = &attachment.alternatives[..] else { continue };
        let earlier =
            model.attach[..index].iter().find_map(|other| match &other.alternatives[..] {
                [other] if is_same(hook, other) => Some(other),
                _ => None,
            });
        let Some(earlier) = earlier else { continue };
        let program = model.program_name(hook.program.value);
        let message = format!("`{program}` is attached to the same place twice");
        let (code, span) = (Code::DuplicateAttachment, hook.program.span);
        let diagnostic = match takes_a_program_once(hook.kind.value) {
            true => Diagnostic::error(code, span, message).label("every kernel refuses this one"),
            false => Diagnostic::warning(code, span, message)
                .label("everything is counted twice, or the kernel refuses this one"),
        };
        findings.push(
            diagnostic.other(earlier.program.span, "attached here first").help("keep one of them"),
        );
    }
}

/// Trampolines say EBUSY to a program that is there already (`__bpf_trampoline_link_prog`,
/// kernel/bpf/trampoline.c), tracepoints with a record EEXIST (`bpf_prog_array_copy`,
/// kernel/bpf/core.c), whatever its cookie.
fn takes_a_program_once(kind: HookKind) -> bool {
    kind.mechanism() == Mechanism::Trampoline || kind == HookKind::Tracepoint
}

fn is_same(one: &Hook, other: &Hook) -> bool {
    let return_program = |hook: &Hook| hook.return_program.as_ref().map(|program| program.value);
    one.kind.value == other.kind.value
        && one.target.value == other.target.value
        && one.offset == other.offset
        && one.details == other.details
        && (one.cookie == other.cookie || takes_a_program_once(one.kind.value))
        && one.program.value == other.program.value
        && return_program(one) == return_program(other)
}
