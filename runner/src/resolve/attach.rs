//! Attachments: ways of attaching with their programs bound.

use crate::desired::{Details, HookKind, OnMissing, Rate};
use crate::model::{Attachment, Hook};
use crate::resolve::binder::Binder;
use crate::spec::attach::{
    AttachSpec, FunctionSpec, FunctionsSpec, IterSpec, KprobeSpec, LsmSpec, NamedSpec, PairSpec,
    PerfEventSpec, UsdtSpec, UserSpec,
};
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

/// What stands in a way of attaching; several kinds share a form.
enum Form<'a> {
    Function(&'a FunctionSpec),
    Kprobe(&'a KprobeSpec),
    Pair(&'a PairSpec),
    Functions(&'a FunctionsSpec),
    Named(&'a NamedSpec),
    User(&'a UserSpec),
    Usdt(&'a UsdtSpec),
    PerfEvent(&'a PerfEventSpec),
    Lsm(&'a LsmSpec),
    Iter(&'a IterSpec),
}

/// A way of attaching as its kind and its form. None for a list of alternatives.
fn form(spec: &AttachSpec) -> Option<(HookKind, Form<'_>)> {
    Some(match spec {
        AttachSpec::Fentry(one) => (HookKind::Fentry, Form::Function(one)),
        AttachSpec::Fexit(one) => (HookKind::Fexit, Form::Function(one)),
        AttachSpec::Kprobe(one) => (HookKind::Kprobe, Form::Kprobe(one)),
        AttachSpec::Kretprobe(one) => (HookKind::Kretprobe, Form::Function(one)),
        AttachSpec::KprobePair(one) => (HookKind::KprobePair, Form::Pair(one)),
        AttachSpec::RawTracepoint(one) => (HookKind::RawTracepoint, Form::Named(one)),
        AttachSpec::Tracepoint(one) => (HookKind::Tracepoint, Form::Named(one)),
        AttachSpec::BtfTracepoint(one) => (HookKind::BtfTracepoint, Form::Named(one)),
        AttachSpec::Uprobe(one) => (HookKind::Uprobe, Form::User(one)),
        AttachSpec::Uretprobe(one) => (HookKind::Uretprobe, Form::User(one)),
        AttachSpec::Usdt(one) => (HookKind::Usdt, Form::Usdt(one)),
        AttachSpec::PerfEvent(one) => (HookKind::PerfEvent, Form::PerfEvent(one)),
        AttachSpec::FmodRet(one) => (HookKind::FmodRet, Form::Function(one)),
        AttachSpec::KprobeMulti(one) => (HookKind::KprobeMulti, Form::Functions(one)),
        AttachSpec::KretprobeMulti(one) => (HookKind::KretprobeMulti, Form::Functions(one)),
        AttachSpec::Lsm(one) => (HookKind::Lsm, Form::Lsm(one)),
        AttachSpec::Iter(one) => (HookKind::Iter, Form::Iter(one)),
        AttachSpec::FirstOf(_) => return None,
    })
}

fn missing(spec: &AttachSpec) -> Option<OnMissing> {
    match form(spec)?.1 {
        Form::Function(one) => one.on_missing,
        Form::Kprobe(one) => one.on_missing,
        Form::Pair(one) => one.on_missing,
        Form::Functions(one) => one.on_missing,
        Form::Named(one) => one.on_missing,
        Form::User(one) => one.on_missing,
        Form::Usdt(one) => one.on_missing,
        Form::PerfEvent(one) => one.on_missing,
        Form::Lsm(one) => one.on_missing,
        Form::Iter(one) => one.on_missing,
    }
}

/// Binds one way of attaching.
fn bind_hook(spec: &At<AttachSpec>, binder: &mut Binder<'_>) -> Option<Hook> {
    let Some((kind, form)) = form(&spec.value) else {
        binder.findings.push(
            Diagnostic::error(Code::Shape, spec.span, "`first_of` can't stand in `first_of`")
                .help("write one list of alternatives"),
        );
        return None;
    };
    let kind = spec.with(kind);
    match form {
        Form::Function(one) => {
            let target = binder.text(&one.function);
            bind_common(kind, target, &one.program, &one.cookie, binder)
        }
        Form::Kprobe(one) => {
            let offset = optional::<u64>(binder, &one.offset);
            let target = binder.text(&one.function);
            let hook = bind_common(kind, target, &one.program, &one.cookie, binder)?;
            Some(Hook { offset: offset?.unwrap_or_default(), ..hook })
        }
        Form::Pair(one) => {
            let return_program = binder.program(&one.return_program);
            let target = binder.text(&one.function);
            let hook = bind_common(kind, target, &one.entry, &one.cookie, binder)?;
            Some(Hook { return_program: Some(return_program?), ..hook })
        }
        Form::Functions(one) => functions(kind, one, binder),
        Form::Named(one) => named(kind, one, binder),
        Form::User(one) => user(kind, one, binder),
        Form::Usdt(one) => usdt(kind, one, binder),
        Form::PerfEvent(one) => perf_event(kind, one, binder),
        Form::Lsm(one) => {
            let target = binder.text(&one.hook);
            bind_common(kind, target, &one.program, &one.cookie, binder)
        }
        Form::Iter(one) => {
            let target = binder.text(&one.over);
            bind_common(kind, target, &one.program, &None, binder)
        }
    }
}

/// A hook that has a target and a program, and perhaps a cookie. Everything is looked at before
/// anything that is wrong ends it.
fn bind_common(
    kind: At<HookKind>,
    target: Option<At<String>>,
    program: &At<Scalar>,
    cookie: &Option<At<Scalar>>,
    binder: &mut Binder<'_>,
) -> Option<Hook> {
    let program = binder.program(program);
    let cookie = optional(binder, cookie);
    Some(Hook {
        kind,
        target: target?,
        offset: 0,
        details: Details::None,
        cookie: cookie?,
        program: program?,
        return_program: None,
    })
}

/// A number that may be left out; `None` if it is there and wrong.
fn optional<T: TryFrom<i128>>(
    binder: &mut Binder<'_>,
    text: &Option<At<Scalar>>,
) -> Option<Option<T>> {
    match text {
        None => Some(None),
        Some(text) => binder.number(text).map(|number| Some(number.value)),
    }
}

/// A tracepoint goes by `category/name`, a raw or BTF one by its name alone.
fn named(kind: At<HookKind>, one: &NamedSpec, binder: &mut Binder<'_>) -> Option<Hook> {
    let wants_category = kind.value == HookKind::Tracepoint;
    let target = binder.text(&one.name);
    let hook = bind_common(kind, target.clone(), &one.program, &one.cookie, binder);
    let target = target?;
    let has_category = target.value.contains('/');
    if has_category == wants_category {
        return hook;
    }
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
    binder.findings.push(Diagnostic::error(Code::InvalidValue, target.span, message).help(help));
    None
}

/// Many functions, by names and globs.
fn functions(kind: At<HookKind>, one: &FunctionsSpec, binder: &mut Binder<'_>) -> Option<Hook> {
    if one.functions.is_empty() {
        let message = format!("this {} has no functions", kind.value.name());
        binder.findings.push(
            Diagnostic::error(Code::Shape, kind.span, message)
                .help("list names or globs: `functions: [tcp_sendmsg, \"tcp_v?_connect\"]`"),
        );
        return None;
    }
    let written = one.functions.len();
    let patterns: Vec<String> =
        one.functions.iter().filter_map(|text| Some(binder.text(text)?.value)).collect();
    let target = kind.with(patterns.join(", "));
    let hook = bind_common(kind, Some(target), &one.program, &one.cookie, binder)?;
    if patterns.len() < written {
        return None;
    }
    Some(Hook { details: Details::Functions(patterns), ..hook })
}

/// A place in a file: a symbol, an offset from it, or an offset in the file.
fn user(kind: At<HookKind>, one: &UserSpec, binder: &mut Binder<'_>) -> Option<Hook> {
    let span = kind.span;
    let what = kind.value.name();
    let binary = binder.text(&one.binary);
    let process = optional::<u32>(binder, &one.pid);
    let offset = optional::<u64>(binder, &one.offset);
    let symbol = match &one.symbol {
        Some(symbol) => binder.text(symbol),
        None => Some(kind.with(String::new())),
    };
    let hook = bind_common(kind, symbol, &one.program, &one.cookie, binder);
    if one.symbol.is_none() && one.offset.is_none() {
        binder.findings.push(
            Diagnostic::error(
                Code::Shape,
                span,
                format!("this {what} doesn't say where in the file"),
            )
            .help("name a function with `symbol`, or a place in the file with `offset`"),
        );
        return None;
    }
    let details = Details::User { binary: binary?.value, process: process? };
    Some(Hook { offset: offset?.unwrap_or_default(), details, ..hook? })
}

/// A USDT probe goes by its provider and its name.
fn usdt(kind: At<HookKind>, one: &UsdtSpec, binder: &mut Binder<'_>) -> Option<Hook> {
    let binary = binder.text(&one.binary);
    let process = optional::<u32>(binder, &one.pid);
    let (provider, name) = (binder.text(&one.provider), binder.text(&one.name));
    let target = provider
        .zip(name)
        .map(|(provider, name)| name.with(format!("{}:{}", provider.value, name.value)));
    let hook = bind_common(kind, target, &one.program, &one.cookie, binder);
    let details = Details::User { binary: binary?.value, process: process? };
    Some(Hook { details, ..hook? })
}

fn perf_event(kind: At<HookKind>, one: &PerfEventSpec, binder: &mut Binder<'_>) -> Option<Hook> {
    let span = kind.span;
    let event = one.event.value;
    let process = optional::<u32>(binder, &one.pid);
    let frequency = optional::<u64>(binder, &one.frequency);
    let period = optional::<u64>(binder, &one.period);
    let target = one.event.with(event.name().to_owned());
    let hook = bind_common(kind, Some(target), &one.program, &one.cookie, binder);
    let rate = match (frequency?, period?) {
        (Some(frequency), None) if frequency > 0 => Rate::Frequency(frequency),
        (None, Some(period)) if period > 0 => Rate::Period(period),
        (frequency, period) => {
            let message = match (frequency, period) {
                (None, None) => "this perf event doesn't say how often",
                (Some(_), Some(_)) => "this perf event says twice how often",
                _ => "this perf event never happens",
            };
            binder.findings.push(Diagnostic::error(Code::Shape, span, message).help(
                "write `frequency` (times a second and CPU) or `period` (events, nanoseconds for \
                 the clocks), above 0",
            ));
            return None;
        }
    };
    Some(Hook { details: Details::Sampling { event, rate, process: process? }, ..hook? })
}
