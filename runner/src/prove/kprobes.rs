//! Breakpoints in the kernel and in programs: kprobes and uprobes, alone and many at a time.
//!
//! They can be at functions that a kernel's types don't name (in assembler, copies that the compiler
//! made), so a missing name is a warning.

use crate::desired::Details;
use crate::model::{Hook, ProgramId};
use crate::prove::names::Numbering;
use crate::prove::trial::Trial;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::{At, Span};

/// `BPF_TRACE_KPROBE_MULTI`.
const KPROBE_MULTI: u32 = 42;

/// What to do about a function that isn't there.
const MISSING_HELP: &str = "if only some kernels have it: `first_of` with an alternative for the \
                            others, or `on_missing: skip`";

/// A kprobe, a kretprobe, or both, at one function.
pub(super) fn one(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    // `CONFIG_KPROBES`, and `CONFIG_KPROBE_EVENTS` for perf's (kernel/trace/trace_kprobe.c).
    let mut found = needs(trial, hook, "register_kprobe", "CONFIG_KPROBE_EVENTS");
    found.extend(function_is_known(trial, &hook.target.value, hook.target.span));
    found.extend(reads_registers(trial, hook));
    found
}

/// What programs of kprobes and uprobes get is the registers; `kprobe_prog_is_valid_access`
/// (kernel/trace/bpf_trace.c) refuses what is behind them.
fn reads_registers(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    let Some(size) = trial.kernel.registers_size() else { return Vec::new() };
    let beyond = |program: At<ProgramId>| {
        let end = trial.model.program(program.value).context_end();
        let name = trial.model.program_name(program.value);
        let message = format!("`{name}` reads {end} bytes of the registers, which have {size}");
        (end > size).then(|| {
            Diagnostic::error(Code::ContextRange, program.span, message)
                .label("it reads behind `struct pt_regs`")
                .other(hook.kind.span, "as a program that is attached here")
                .help("compile it for this kind of attachment, and for this kernel's processors")
        })
    };
    hook.programs().filter_map(beyond).collect()
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
    found.extend(reads_registers(trial, hook));
    found
}

/// A uprobe, a uretprobe, a USDT probe. The file that it is in is not the kernel's.
pub(super) fn user(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    let mut found = needs(trial, hook, "uprobe_register", "CONFIG_UPROBE_EVENTS");
    found.extend(reads_registers(trial, hook));
    found
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
    match trial.kernel.kernel.has_symbol(name) {
        Some(true) => return None,
        Some(false) => return Some(missing(trial, name, span)),
        None => {}
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
        let warning = warning
            .label("it is not in the kernel's types")
            .note(
                "functions in assembler, and some that the compiler changed, are not in the types",
            )
            .did_you_mean(trial.kernel.function_like(name));
        trial.kernel.as_far_as_known(warning)
    } else {
        warning.label("the kernel's types have no functions")
    };
    Some(warning)
}

/// `trace_kprobe_create` and its like (kernel/trace/trace_kprobe.c) look for a symbol.
fn missing(trial: &Trial<'_>, name: &str, span: Span) -> Diagnostic {
    let message = format!("a kernel has no function `{name}` to attach to");
    let error = Diagnostic::error(Code::MissingFunction, span, message);
    let error = match trial.kernel.has_copies(name) {
        true => error.label("the compiler made copies of it, which have other names"),
        false => error
            .label("it is not among the kernel's symbols")
            .did_you_mean(trial.kernel.function_like(name)),
    };
    error.help(MISSING_HELP)
}
