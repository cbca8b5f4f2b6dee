//! Attachments: ways of attaching with their programs bound.

use crate::desired::{HookKind, OnMissing};
use crate::model::{Attachment, Hook};
use crate::resolve::binder::Binder;
use crate::spec::shape::{AttachSpec, FunctionSpec, MissingSpec, NamedSpec};
use crate::spec::values::Scalar;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::At;

/// Binds one entry of `attach`. None if none of its hooks could be bound.
pub fn bind(spec: &At<AttachSpec>, binder: &mut Binder<'_>) -> Option<Attachment> {
    let hooks: Vec<&At<AttachSpec>> = match &spec.value {
        AttachSpec::FirstOf(alternatives) => alternatives.iter().collect(),
        _ => vec![spec],
    };
    if hooks.is_empty() {
        binder.findings.push(
            Diagnostic::error(Code::EmptyFirstOf, spec.span, "`first_of` has no alternatives")
                .help("list ways of attaching, the preferred one first"),
        );
    }
    let on_missing = hooks.iter().find_map(|hook| missing(&hook.value));
    let alternatives: Vec<Hook> = hooks.iter().filter_map(|hook| bind_hook(hook, binder)).collect();
    (!alternatives.is_empty())
        .then(|| Attachment { alternatives, on_missing: on_missing.unwrap_or_default() })
}

fn missing(spec: &AttachSpec) -> Option<OnMissing> {
    let written = match spec {
        AttachSpec::Fentry(one) | AttachSpec::Fexit(one) | AttachSpec::Kretprobe(one) => {
            one.on_missing
        }
        AttachSpec::Kprobe(one) => one.on_missing,
        AttachSpec::KprobePair(one) => one.on_missing,
        AttachSpec::RawTracepoint(one)
        | AttachSpec::Tracepoint(one)
        | AttachSpec::BtfTracepoint(one) => one.on_missing,
        AttachSpec::FirstOf(_) => None,
    };
    written.map(|missing| match missing {
        MissingSpec::Error => OnMissing::Error,
        MissingSpec::Warn => OnMissing::Warn,
        MissingSpec::Skip => OnMissing::Skip,
    })
}

fn bind_hook(spec: &At<AttachSpec>, binder: &mut Binder<'_>) -> Option<Hook> {
    let hook = |kind, binder: &mut Binder<'_>, target: &At<Scalar>, program: &At<Scalar>| {
        let target = binder.text(target);
        let program = binder.program(program);
        Some(Hook {
            kind: spec.with(kind),
            target: target?,
            offset: 0,
            program: program?,
            return_program: None,
        })
    };
    let function = |kind, binder: &mut Binder<'_>, one: &FunctionSpec| {
        hook(kind, binder, &one.function, &one.program)
    };
    match &spec.value {
        AttachSpec::Fentry(one) => function(HookKind::Fentry, binder, one),
        AttachSpec::Fexit(one) => function(HookKind::Fexit, binder, one),
        AttachSpec::Kretprobe(one) => function(HookKind::Kretprobe, binder, one),
        AttachSpec::Kprobe(one) => {
            let offset = one.offset.as_ref().map(|text| binder.number::<u64>(text));
            let hook = hook(HookKind::Kprobe, binder, &one.function, &one.program)?;
            let offset = match offset {
                Some(offset) => offset?.value,
                None => 0,
            };
            Some(Hook { offset, ..hook })
        }
        AttachSpec::KprobePair(one) => {
            let return_program = binder.program(&one.return_program);
            let hook = hook(HookKind::KprobePair, binder, &one.function, &one.entry)?;
            Some(Hook { return_program: Some(return_program?), ..hook })
        }
        AttachSpec::RawTracepoint(one) => named(HookKind::RawTracepoint, binder, spec, one),
        AttachSpec::Tracepoint(one) => named(HookKind::Tracepoint, binder, spec, one),
        AttachSpec::BtfTracepoint(one) => named(HookKind::BtfTracepoint, binder, spec, one),
        AttachSpec::FirstOf(_) => {
            binder.findings.push(
                Diagnostic::error(Code::Shape, spec.span, "`first_of` can't stand in `first_of`")
                    .help("write one list of alternatives"),
            );
            None
        }
    }
}

/// A tracepoint goes by `category/name`, a raw or BTF one by its name alone.
fn named(
    kind: HookKind,
    binder: &mut Binder<'_>,
    spec: &At<AttachSpec>,
    one: &NamedSpec,
) -> Option<Hook> {
    let target = binder.text(&one.name);
    let program = binder.program(&one.program);
    let target = target?;
    let has_category = target.value.contains('/');
    if has_category != (kind == HookKind::Tracepoint) {
        let (message, help) = if has_category {
            let name = target.value.rsplit('/').next().unwrap_or_default();
            ("this tracepoint goes by its name alone", format!("write `{name}`"))
        } else {
            let help = format!(
                "write `CATEGORY/{}`; `grep -x '.*:{}' /sys/kernel/tracing/available_events` shows the category",
                target.value, target.value
            );
            ("a tracepoint goes by category and name", help)
        };
        binder
            .findings
            .push(Diagnostic::error(Code::InvalidValue, target.span, message).help(help));
        return None;
    }
    Some(Hook { kind: spec.with(kind), target, offset: 0, program: program?, return_program: None })
}
