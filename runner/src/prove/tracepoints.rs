//! Tracepoints: raw, with types, and as formatted records.

use crate::model::{Hook, ProgramId};
use crate::prove::names::Signature;
use crate::prove::trial::Trial;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::At;

/// Categories whose events are all in the kernel proper, so that one that isn't there is nowhere.
const OF_THE_KERNEL: [&str; 24] = [
    "block",
    "cgroup",
    "exceptions",
    "filemap",
    "irq",
    "kmem",
    "napi",
    "neigh",
    "net",
    "oom",
    "qdisc",
    "raw_syscalls",
    "rcu",
    "sched",
    "signal",
    "skb",
    "sock",
    "task",
    "tcp",
    "timer",
    "udp",
    "vmscan",
    "workqueue",
    "writeback",
];

/// A raw tracepoint. Its program may read no more words than the tracepoint has arguments:
/// `__bpf_probe_register` (kernel/trace/bpf_trace.c) says EINVAL.
pub(super) fn raw(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    match signature(trial, hook) {
        Ok(signature) => reads_what_is_there(trial, hook, &hook.program, signature),
        Err(missing) => missing,
    }
}

/// Whether a program that is tail-called from a BTF tracepoint finds what it reads: it is verified for
/// its caller's tracepoint.
pub(super) fn handler(trial: &Trial<'_>, hook: &Hook, handler: &At<ProgramId>) -> Vec<Diagnostic> {
    match signature(trial, hook) {
        Ok(signature) => reads_what_is_there(trial, hook, handler, signature),
        Err(_) => Vec::new(),
    }
}

fn reads_what_is_there(
    trial: &Trial<'_>,
    hook: &Hook,
    reader: &At<ProgramId>,
    signature: Signature<'_>,
) -> Vec<Diagnostic> {
    let end = trial.model.program(reader.value).context_end();
    let arguments = arguments(signature);
    if end <= 8 * arguments {
        return Vec::new();
    }
    let wanted = end.div_ceil(8);
    let name = trial.model.program_name(reader.value);
    let tracepoint = &hook.target.value;
    vec![
        Diagnostic::error(
            Code::ContextRange,
            reader.span,
            format!("`{name}` reads argument {wanted} of `{tracepoint}`, which has {arguments}"),
        )
        .label("it reads behind the arguments")
        .other(hook.target.span, "of this tracepoint")
        .help("attach it to the tracepoint that it was written for"),
    ]
}

/// A BTF tracepoint: `btf_ctx_access` (kernel/bpf/btf.c) knows its arguments.
pub(super) fn typed(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    raw(trial, hook)
}

/// A tracepoint with its record, which the trace file system names by its category.
pub(super) fn formatted(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    let Some((category, event)) = hook.target.value.split_once('/') else {
        return Vec::new();
    };
    if category == "syscalls" {
        return system_call(trial, hook, event);
    }
    if trial.kernel.tracepoint(event).is_none() {
        return match OF_THE_KERNEL.contains(&category) && trial.kernel.has_tracepoints() {
            true => vec![missing(trial, hook, event)],
            false => vec![unproven(
                hook,
                "it is not in the kernel proper: a module may have it, or somebody make it",
            )],
        };
    }
    // `perf_event_set_bpf_prog` (kernel/events/core.c): EACCES beyond the record's last field.
    let end = trial.model.program(hook.program.value).context_end();
    match trial.kernel.record_size(event) {
        Some(size) if end > size => {
            let name = trial.model.program_name(hook.program.value);
            let message =
                format!("`{name}` reads {end} bytes of a record, and that of `{event}` has {size}");
            vec![
                Diagnostic::error(Code::ContextRange, hook.program.span, message)
                    .label("it reads behind the record")
                    .other(hook.target.span, "of this tracepoint"),
            ]
        }
        _ => Vec::new(),
    }
}

/// The events of single system calls come with `CONFIG_FTRACE_SYSCALLS` for every `SYSCALL_DEFINE`,
/// which also makes a function of a known name (include/linux/syscalls.h).
fn system_call(trial: &Trial<'_>, hook: &Hook, event: &str) -> Vec<Diagnostic> {
    let call = event.strip_prefix("sys_enter_").or_else(|| event.strip_prefix("sys_exit_"));
    let prefixes = ["__x64_sys_", "__arm64_sys_", "__do_sys_", "__se_sys_", "sys_"];
    let is_there = call.is_some_and(|call| {
        prefixes.iter().any(|prefix| trial.kernel.function(&format!("{prefix}{call}")).is_some())
    });
    if is_there {
        return Vec::new();
    }
    let like = call.and_then(|call| {
        let mut names = prefixes.iter().filter_map(|p| trial.kernel.function_like_with(p, call));
        let start = &event[..event.len() - call.len()];
        names.next().map(|name| format!("syscalls/{start}{name}"))
    });
    let unproven =
        unproven(hook, "no function of the kernel's types looks like this system call's");
    vec![unproven.did_you_mean(like.as_deref())]
}

fn signature<'t>(trial: &Trial<'t>, hook: &Hook) -> Result<Signature<'t>, Vec<Diagnostic>> {
    let name = &hook.target.value;
    let found = trial.kernel.tracepoint(name);
    match found.and_then(|found| trial.kernel.signature(found)) {
        Some(signature) => Ok(signature),
        None if trial.kernel.has_tracepoints() => Err(vec![missing(trial, hook, name)]),
        None => Err(vec![unproven(hook, "the kernel's types have no tracepoints")]),
    }
}

/// Its arguments; the first of the type's function is the kernel's own.
fn arguments(signature: Signature<'_>) -> u32 {
    (signature.parameters().len() as u32).saturating_sub(1)
}

fn missing(trial: &Trial<'_>, hook: &Hook, name: &str) -> Diagnostic {
    let like =
        trial.kernel.tracepoint_like(name).map(|like| match hook.target.value.split_once('/') {
            Some((category, _)) => format!("{category}/{like}"),
            None => like.to_owned(),
        });
    let missing = Diagnostic::error(
        Code::MissingTracepoint,
        hook.target.span,
        format!("a kernel has no tracepoint `{}`", hook.target.value),
    )
    .label(format!("its types have no btf_trace_{name}"))
    .did_you_mean(like.as_deref());
    trial.kernel.as_far_as_known(missing).help(
        "if only some kernels have it: `first_of` with an alternative for the others, or \
         `on_missing: skip`",
    )
}

fn unproven(hook: &Hook, why: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::Unproven,
        hook.target.span,
        format!("whether there is a tracepoint `{}` can't be proved", hook.target.value),
    )
    .label(why)
}
