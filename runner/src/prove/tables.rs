//! PROG_ARRAYs on one kernel: whether the programs that call through one have the prototypes of one
//! function, and handlers find there what they read.
//!
//! What holds for every kernel is in `rules/tail_calls`.

use crate::btf::TypeId;
use crate::desired::HookKind;
use crate::model::{Hook, Model, ProgramId};
use crate::object::MapType;
use crate::prove::trial::Trial;
use crate::prove::{tracepoints, trampolines};
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::At;

/// What a kernel keeps of an array's first program to compare others with (`__bpf_prog_map_compatible`,
/// kernel/bpf/core.c).
const PROTOTYPE: &str = "attach_func_proto";

/// A program that calls through an array, and what it is attached to.
struct Caller<'m> {
    hook: &'m Hook,
    program: At<ProgramId>,
}

/// Everything that is to be said about a probe's PROG_ARRAYs, where the hooks are those that the kernel
/// takes.
pub(super) fn check(trial: &Trial<'_>, taken: &[&Hook]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for array in arrays(trial.model) {
        let callers = callers(trial.model, taken, array);
        let Some((first, others)) = callers.split_first() else { continue };
        for other in others {
            found.extend(prototypes_agree(trial, array, first, other));
        }
        for handler in handlers(trial.model, array) {
            found.extend(match first.hook.kind.value {
                HookKind::BtfTracepoint => tracepoints::handler(trial, first.hook, &handler),
                _ => trampolines::handler(trial, first.hook, &handler),
            });
        }
    }
    found
}

/// Names of PROG_ARRAYs, each once.
fn arrays(model: &Model) -> Vec<&str> {
    let maps = model.objects.iter().flat_map(|object| &object.file.inventory.maps);
    let mut names: Vec<&str> = maps
        .filter(|map| map.map_type == MapType::PROG_ARRAY)
        .map(|map| map.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The attached programs that use an array and are verified for what they are attached to.
fn callers<'m>(model: &Model, taken: &[&'m Hook], array: &str) -> Vec<Caller<'m>> {
    let hooks = taken.iter().filter(|hook| hook.kind.value.is_verified_for_target());
    let programs =
        hooks.flat_map(|&hook| hook.programs().map(move |program| Caller { hook, program }));
    let uses = |caller: &Caller<'_>| {
        model.program(caller.program.value).maps.iter().any(|map| map == array)
    };
    programs.filter(uses).collect()
}

/// The programs in an array's slots.
fn handlers(model: &Model, array: &str) -> Vec<At<ProgramId>> {
    let tables = model.tail_calls.iter().filter(|table| model.map(table.map.value).name == array);
    let written = tables.flat_map(|table| &table.slots).map(|slot| slot.program.clone());
    let defaults = model.default_slots().into_iter().filter(|slot| slot.map == array);
    let defaults =
        defaults.map(|slot| At::new(slot.program, model.objects[slot.program.object].alias.span));
    let mut handlers: Vec<At<ProgramId>> = Vec::new();
    for handler in written.chain(defaults) {
        if !handlers.iter().any(|other| other.value == handler.value) {
            handlers.push(handler);
        }
    }
    handlers
}

/// A kernel that compares prototypes compares where they are in its types, so that equal functions have
/// one.
fn prototypes_agree(
    trial: &Trial<'_>,
    array: &str,
    first: &Caller<'_>,
    other: &Caller<'_>,
) -> Option<Diagnostic> {
    let is_alike = first.hook.kind.value == other.hook.kind.value;
    if !is_alike || trial.kernel.compares_of_owner(PROTOTYPE) != Some(true) {
        return None;
    }
    if prototypes_are_alike(trial, first.hook, other.hook)? {
        return None;
    }
    let name = |caller: &Caller<'_>| trial.model.program_name(caller.program.value);
    Some(
        Diagnostic::error(
            Code::SlotTypeMismatch,
            other.program.span,
            format!("a kernel refuses `{}` for `{array}`", name(other)),
        )
        .label(format!("it is attached to {}", other.hook.target.value))
        .other(
            first.program.span,
            format!("`{}` is attached to {}", name(first), first.hook.target.value),
        )
        .note("the two have other parameters or another result, which this kernel compares")
        .help("give each its own PROG_ARRAY, or attach them to one function"),
    )
}

/// Whether what two programs are verified for has one prototype; `None` if that can't be told.
fn prototypes_are_alike(trial: &Trial<'_>, one: &Hook, other: &Hook) -> Option<bool> {
    let kind = one.kind.value;
    let [of_one, of_other] = [one, other].map(|hook| prototype(trial, kind, &hook.target.value));
    let are_alike = of_one? == of_other?;
    if kind != HookKind::BtfTracepoint || !are_alike || one.target.value == other.target.value {
        return Some(are_alike);
    }
    // Since 6.13 (838a10bd2ebf), and in later 6.12, it isn't the tracepoint's own prototype, without names,
    // that counts, but that of the function which runs its programs, with names.
    if trial.kernel.is_older_than(6, 12)? {
        return Some(true);
    }
    let [of_one, of_other] = [one, other].map(|hook| {
        let runs = trial.kernel.function(&format!("__bpf_trace_{}", hook.target.value))?;
        Some(trial.kernel.signature(runs)?.id)
    });
    Some(of_one? == of_other?)
}

/// Where the prototype is in the kernel's types of what programs are verified for.
fn prototype(trial: &Trial<'_>, kind: HookKind, target: &str) -> Option<TypeId> {
    let found = match kind {
        HookKind::BtfTracepoint => trial.kernel.tracepoint(target)?,
        HookKind::Lsm => trial.kernel.function(&format!("bpf_lsm_{target}"))?,
        HookKind::Iter => trial.kernel.function(&format!("bpf_iter_{target}"))?,
        _ => trial.kernel.function(target)?,
    };
    Some(trial.kernel.signature(found)?.id)
}
