//! Events that a kernel may skip without a word: remarks, one of a kind for a probe.

use crate::desired::HookKind;
use crate::model::Hook;
use crate::prove::trial::Trial;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;

/// A way of losing events.
struct Loss {
    /// Which hooks it is about.
    happens_to: fn(&Hook) -> bool,
    /// The first version of Linux that has it.
    since: Option<(u32, u32)>,
    message: &'static str,
    note: &'static str,
    help: &'static str,
}

/// Measured where it says so, else read in the kernel's source.
const LOSSES: [Loss; 4] = [
    // Measured: none of 400,000 calls on 7.1, up to 128,000 on 7.2.
    Loss {
        happens_to: is_raw_tracepoint,
        since: Some((7, 2)),
        message: "events may be skipped while the program is preempted",
        note: "from Linux 7.2 on a raw tracepoint's program can be preempted; until it goes on, that \
               CPU skips its events and counts them as recursion misses, which `status` shows",
        help: "attach a `tracepoint`, which loses none, at about twice the cost",
    },
    // `bpf_trampoline_enter`: a counter for each program and CPU (kernel/bpf/trampoline.c).
    Loss {
        happens_to: is_preemptible_trampoline,
        since: None,
        message: "calls may be skipped while the program is preempted",
        note: "in a function that can be preempted the program can be too; until it goes on, that CPU \
               skips its calls and counts them as recursion misses, which `status` shows",
        help: "attach a `kprobe`, whose program isn't preempted",
    },
    // `kretprobe_init_inst`, kernel/kprobes.c: the larger of 10 and twice the CPUs.
    Loss {
        happens_to: is_return_probe,
        since: None,
        message: "returns are missed while too many calls are in flight",
        note: "there is room for as many calls at a time as twice the CPUs, and for 10 at least; \
               `status` shows the missed ones",
        help: "`fexit` has no such limit",
    },
    // `trace_call_bpf`: `bpf_prog_active` is one counter a CPU (kernel/trace/bpf_trace.c).
    Loss {
        happens_to: is_perf_style,
        since: None,
        message: "events are skipped that happen inside of another such program, or of a call on a map",
        note: "kprobes, tracepoints and perf events share one guard a CPU: an event in an interrupt \
               that finds a program running is skipped and counted as a recursion miss; so are all \
               events of a CPU while a tool that reads a map there is preempted, which \
               probe-runner itself is not",
        help: "raw tracepoints and trampolines have a guard for each program",
    },
];

/// The losses of hooks that a kernel takes.
pub(super) fn notes(trial: &Trial<'_>, taken: &[&Hook]) -> Vec<Diagnostic> {
    let has = |loss: &&Loss| {
        loss.since
            .is_none_or(|(major, minor)| trial.kernel.is_older_than(major, minor) == Some(false))
    };
    let losses = LOSSES.iter().filter(has);
    losses
        .filter_map(|loss| {
            let hook = taken.iter().find(|hook| (loss.happens_to)(hook))?;
            Some(
                Diagnostic::remark(Code::Loss, hook.target.span, loss.message)
                    .note(loss.note)
                    .help(loss.help),
            )
        })
        .collect()
}

fn is_raw_tracepoint(hook: &Hook) -> bool {
    matches!(hook.kind.value, HookKind::RawTracepoint | HookKind::BtfTracepoint)
}

/// A trampoline at a function of which the name tells that it can be preempted: system calls and what
/// they begin with.
fn is_preemptible_trampoline(hook: &Hook) -> bool {
    let prefixes =
        ["__x64_sys_", "__arm64_sys_", "__se_sys_", "__do_sys_", "do_sys_", "ksys_", "vfs_"];
    matches!(hook.kind.value, HookKind::Fentry | HookKind::Fexit | HookKind::FmodRet)
        && prefixes.iter().any(|prefix| hook.target.value.starts_with(prefix))
}

fn is_return_probe(hook: &Hook) -> bool {
    matches!(hook.kind.value, HookKind::Kretprobe | HookKind::KprobePair | HookKind::KretprobeMulti)
}

fn is_perf_style(hook: &Hook) -> bool {
    matches!(
        hook.kind.value,
        HookKind::Kprobe | HookKind::Kretprobe | HookKind::KprobePair | HookKind::Tracepoint
    )
}
