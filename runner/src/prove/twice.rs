//! Programs that are attached to one place twice, where only some kernels mind.

use crate::desired::HookKind;
use crate::model::Hook;
use crate::prove::trial::Trial;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;

/// A raw tracepoint knew its programs by themselves before 6.10 (d4dfc5700e86), and since then by their
/// links, which got cookies by the same changes: a program that is there already was refused with EEXIST
/// (`tracepoint_add_func`, kernel/tracepoint.c).
pub(super) fn check(trial: &Trial<'_>, taken: &[&Hook]) -> Vec<Diagnostic> {
    if !trial.kernel.lacks_member("bpf_raw_tp_link", "cookie") {
        return Vec::new();
    }
    let is_raw = |hook: &&&Hook| {
        matches!(hook.kind.value, HookKind::RawTracepoint | HookKind::BtfTracepoint)
    };
    let raw: Vec<&Hook> = taken.iter().filter(is_raw).copied().collect();
    let mut found = Vec::new();
    for (index, hook) in raw.iter().enumerate() {
        let is_same = |other: &&&Hook| {
            other.program.value == hook.program.value && other.target.value == hook.target.value
        };
        let Some(earlier) = raw[..index].iter().find(is_same) else { continue };
        let program = trial.model.program_name(hook.program.value);
        found.push(
            Diagnostic::error(
                Code::DuplicateAttachment,
                hook.program.span,
                format!("a kernel takes `{program}` once for `{}`", hook.target.value),
            )
            .label("it refuses this one")
            .other(earlier.program.span, "attached here first")
            .note("since Linux 6.10 the kernel takes a program for a raw tracepoint more than once")
            .help("keep one of them"),
        );
    }
    found
}
