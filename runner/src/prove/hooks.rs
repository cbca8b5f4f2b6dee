//! What a kernel makes of one hook: its target, its cookie, its programs.

use crate::desired::HookKind;
use crate::model::Hook;
use crate::prove::trial::Trial;
use crate::prove::{cookies, kprobes, programs, tracepoints, trampolines};
use crate::text::diagnostic::Diagnostic;

/// Everything that is to be said about a hook; the kernel takes it if there is no error.
pub(super) fn check(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    let mut found = match hook.kind.value {
        HookKind::Fentry | HookKind::Fexit | HookKind::FmodRet => {
            trampolines::function(trial, hook)
        }
        HookKind::Lsm => trampolines::security_hook(trial, hook),
        HookKind::Iter => trampolines::iterator(trial, hook),
        HookKind::RawTracepoint => tracepoints::raw(trial, hook),
        HookKind::BtfTracepoint => tracepoints::typed(trial, hook),
        HookKind::Tracepoint => tracepoints::formatted(trial, hook),
        HookKind::Kprobe | HookKind::Kretprobe | HookKind::KprobePair => kprobes::one(trial, hook),
        HookKind::KprobeMulti | HookKind::KretprobeMulti => kprobes::many(trial, hook),
        HookKind::Uprobe | HookKind::Uretprobe | HookKind::Usdt => kprobes::user(trial, hook),
        HookKind::PerfEvent => Vec::new(),
    };
    found.extend(cookies::check(trial, hook));
    for program in hook.programs() {
        found.extend(programs::loads(trial, &program));
    }
    found
}
