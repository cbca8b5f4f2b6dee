//! Breakpoints in the kernel and in programs: kprobes and uprobes, alone and many at a time.
//!
//! They can be at functions that a kernel's types don't name (in assembler, copies that the compiler
//! made), so a missing name is a warning.

use crate::desired::Details;
use crate::model::Hook;
use crate::prove::names::Numbering;
use crate::prove::trial::Trial;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::Span;

/// `BPF_TRACE_KPROBE_MULTI`.
const KPROBE_MULTI: u32 = 42;

/// A kprobe, a kretprobe, or both, at one function.
pub(super) fn one(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    // `CONFIG_KPROBES`, and `CONFIG_KPROBE_EVENTS` for perf's (kernel/trace/trace_kprobe.c).
    let mut found = needs(trial, hook, "register_kprobe", "CONFIG_KPROBE_EVENTS");
    found.extend(function_is_known(trial, &hook.target.value, hook.target.span));
    found
}

/// Many functions by one link: `bpf_kprobe_multi_link_attach` (kernel/trace/bpf_trace.c) says
/// EOPNOTSUPP without `CONFIG_FPROBE`.
pub(super) fn many(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    // Whoever doesn't know the type says so of the program.
    let mut found = match trial.kernel.lacks(Numbering::AttachType, KPROBE_MULTI) {
        true => Vec::new(),
        false => needs(trial, hook, "register_fprobe_ips", "CONFIG_FPROBE"),
    };
    if let Details::Functions(functions) = &hook.details {
        let names = functions.iter().filter(|name| !name.contains(['*', '?']));
        found.extend(names.filter_map(|name| function_is_known(trial, name, hook.target.span)));
    }
    found
}

/// A uprobe, a uretprobe, a USDT probe. The file that it is in is not the kernel's.
pub(super) fn user(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    needs(trial, hook, "uprobe_register", "CONFIG_UPROBE_EVENTS")
}

/// A kernel built without an option has neither its function nor the option in its configuration.
fn needs(trial: &Trial<'_>, hook: &Hook, function: &str, option: &str) -> Vec<Diagnostic> {
    let without_function =
        trial.kernel.has_functions() && trial.kernel.function(function).is_none();
    let without_option = trial.kernel.option(option).is_some_and(str::is_empty);
    if !without_function && !without_option {
        return Vec::new();
    }
    let kind = hook.kind.value.name();
    let error = Diagnostic::error(
        Code::UnsupportedAttach,
        hook.kind.span,
        format!("a kernel has no {kind}"),
    );
    vec![
        error
            .label(format!("it takes {option}"))
            .help("let an alternative follow in `first_of`, or leave these kernels out"),
    ]
}

fn function_is_known(trial: &Trial<'_>, name: &str, span: Span) -> Option<Diagnostic> {
    if trial.kernel.function(name).is_some() {
        return None;
    }
    let warning = Diagnostic::warning(
        Code::Unproven,
        span,
        format!("whether there is a function `{name}` can't be proved"),
    );
    let warning = if trial.kernel.has_copies(name) {
        warning
            .label("the compiler made copies of it")
            .note(format!("the kernel's types have `{name}` with an ending, as in `{name}.isra.0`"))
    } else if trial.kernel.has_functions() {
        warning
            .label("it is not in the kernel's types")
            .note(
                "functions in assembler, and some that the compiler changed, are not in the types",
            )
            .did_you_mean(trial.kernel.function_like(name))
    } else {
        warning.label("the kernel's types have no functions")
    };
    Some(warning)
}
