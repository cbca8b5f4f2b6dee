//! What an error number means in the phase in which it came, and what to do next.
//!
//! Sources: `kernel/bpf/syscall.c`, `kernel/bpf/core.c` (PROG_ARRAY compatibility) and
//! `kernel/trace/` of Linux 5.10 to 6.18, and refusals seen on those kernels.

use crate::desired::{Desired, Hook, HookKind, ProgramRef, Slot};
use crate::kernel::error::{Error, Phase};
use crate::kernel::verifier::VerifierLog;
use crate::kernel::{privileges, symbols};

/// The kernel's internal ENOTSUPP.
const ENOTSUPP: i32 = 524;

/// Adds what the error number alone says.
pub fn add(mut error: Error) -> Error {
    let Some(errno) = error.errno else {
        return error;
    };
    let refusal = error.log.as_ref().and_then(VerifierLog::telling_line);
    if let (Phase::Load, Some(refusal)) = (error.phase, refusal) {
        let hint = refused_helper(refusal);
        error.detail = "the kernel's verifier refused it".to_owned();
        error.hints.extend(hint);
        return error;
    }
    let hint = match (errno, error.phase) {
        (libc::EPERM, _) => Some(permission()),
        (libc::EACCES, _) => Some(
            "permission denied: run it as root, or look at the permissions below /sys/fs/bpf"
                .to_owned(),
        ),
        (libc::EINVAL, Phase::Load) => refused_load(&error),
        (libc::EINVAL, Phase::Map) => Some(
            "this kernel doesn't know the map's type or one of its flags, or a size is 0".to_owned(),
        ),
        (libc::E2BIG, Phase::Load) => Some(
            "the program is too large or too complex for this kernel's verifier (without CAP_BPF \
             the limit is 4096 instructions)"
                .to_owned(),
        ),
        (libc::E2BIG, Phase::Attach) => {
            Some("too many programs are attached to that function already".to_owned())
        }
        (libc::E2BIG, Phase::Slot) => Some("the index is behind the map's max_entries".to_owned()),
        (libc::ENOMEM, _) => Some(
            "the kernel refused the memory: a smaller max_entries, or a higher memory cgroup limit \
             (before 5.11 also `ulimit -l unlimited`)"
                .to_owned(),
        ),
        (ENOTSUPP, Phase::Load | Phase::Attach) => Some(
            "this architecture or kernel has no trampolines for that function: try a kprobe_pair \
             under `first_of`"
                .to_owned(),
        ),
        (libc::EOPNOTSUPP, Phase::Attach) => Some(
            "this kernel was built without what that kind of attachment takes: `probe-runner \
             doctor` lists what it has"
                .to_owned(),
        ),
        (libc::EBUSY, Phase::Attach) => Some(
            "something else holds that function (a live patch, ftrace with direct calls, a \
             replaced program), or the same program is attached there already"
                .to_owned(),
        ),
        (libc::EADDRNOTAVAIL, Phase::Attach) => {
            Some("several functions have that name: the kernel can't tell which one".to_owned())
        }
        (libc::EEXIST, Phase::Pin) => Some(
            "something is pinned there: an earlier run left it, `probe-runner delete` clears it"
                .to_owned(),
        ),
        _ => None,
    };
    error.hints.extend(hint);
    error
}

/// Adds what the error number says about attaching to this hook.
pub fn add_for_hook(mut error: Error, hook: &Hook) -> Error {
    let is_raw = hook.kind == HookKind::RawTracepoint;
    let is_probe =
        matches!(hook.kind, HookKind::Kprobe | HookKind::Kretprobe | HookKind::KprobePair);
    let is_user = matches!(hook.kind, HookKind::Uprobe | HookKind::Uretprobe | HookKind::Usdt);
    let is_sampling = hook.kind == HookKind::PerfEvent;
    let is_trampoline = matches!(hook.kind, HookKind::Fentry | HookKind::Fexit | HookKind::FmodRet);
    match error.errno {
        Some(libc::ENOENT) if is_raw => {
            error.target_missing = true;
            error.detail = format!("there is no tracepoint {}", hook.target);
            error.hints.extend(symbols::near_tracepoints(&hook.target));
        }
        Some(libc::EINVAL) if is_raw => error.hints.push(
            "the program reads more arguments than this tracepoint has on this kernel".to_owned(),
        ),
        Some(libc::ENOENT) if is_probe && has_kprobes() => {
            error.target_missing = true;
            error.detail = format!("no such function {}", hook.target);
            error.hints.extend(symbols::near_functions(&hook.target));
        }
        Some(libc::ENOENT) if is_probe => {
            error.detail = "this kernel was built without kprobes (CONFIG_KPROBES)".to_owned();
            error.hints.push(
                "another kind of attachment, such as fexit or a tracepoint, may work".to_owned(),
            );
        }
        Some(libc::EILSEQ) if is_probe => error.hints.push(format!(
            "offset {} is not at the beginning of an instruction of {}",
            hook.offset, hook.target
        )),
        Some(libc::EINVAL) if is_probe => error.hints.push(format!(
            "{} is marked as not to be probed, or the offset is not at an instruction",
            hook.target
        )),
        Some(libc::ENOENT) if is_user => {
            error.detail = "this kernel was built without uprobes (CONFIG_UPROBES)".to_owned();
        }
        Some(libc::EINVAL) if is_user => error.hints.push(
            "there is no instruction at that offset of the file, or one that can't be probed"
                .to_owned(),
        ),
        Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV) if is_sampling => {
            error.target_missing = true;
            error.detail = format!("this machine doesn't count {}", hook.target);
            error.hints.push(
                "processors count such events, virtual machines seldom; `cpu-clock` is everywhere"
                    .to_owned(),
            );
        }
        Some(libc::EINVAL) if is_sampling => error.hints.push(
            "the frequency may be above /proc/sys/kernel/perf_event_max_sample_rate".to_owned(),
        ),
        Some(libc::ESRCH) if is_user || is_sampling => {
            error.target_missing = true;
            error.detail = "there is no such process".to_owned();
        }
        Some(libc::ENOENT) if hook.kind == HookKind::Tracepoint => {
            error.target_missing = true;
            error.detail = format!("there is no tracepoint {}", hook.target);
            error.hints.extend(symbols::near_events(&hook.target));
        }
        Some(libc::ENOENT) if is_trampoline => {
            error.target_missing = true;
            error.hints.extend(symbols::near_functions(&hook.target));
        }
        _ => return add(error),
    }
    error
}

/// Adds why a program doesn't fit into a PROG_ARRAY.
pub fn add_for_slot(mut error: Error, slot: &Slot, desired: &Desired) -> Error {
    if error.errno != Some(libc::EINVAL) {
        return add(error);
    }
    error.hints.push(one_kind(&slot.map, desired));
    error
}

/// Adds why a program can't be loaded that uses PROG_ARRAYs, where the verifier had nothing against it.
pub fn add_for_load(mut error: Error, program: &ProgramRef, desired: &Desired) -> Error {
    let mut arrays = desired.arrays_of(program).peekable();
    let passed_verifier = error.log.as_ref().is_some_and(VerifierLog::ends_normally);
    if error.errno != Some(libc::EINVAL) || !passed_verifier || arrays.peek().is_none() {
        return add(error);
    }
    error.hints.extend(arrays.map(|map| one_kind(map, desired)));
    error
}

/// The rule, and who is in or calls through the array.
fn one_kind(map: &str, desired: &Desired) -> String {
    let users: Vec<String> = desired
        .users_of_array(map)
        .into_iter()
        .map(|used| format!("{} (SEC(\"{}\"))", used.program.name, used.section))
        .collect();
    format!(
        "the programs in a PROG_ARRAY and those that call through it must be of one type, attach \
         type and, for fentry, fexit and BTF tracepoints, target: {map} has {}",
        users.join(", ")
    )
}

/// Why permission is missing: capabilities, or, where they are there, a policy.
fn permission() -> String {
    if !privileges::may_trace() {
        return "run it as root, or with CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8)"
            .to_owned();
    }
    let policy = match privileges::lockdown().as_deref() {
        Some(mode @ ("integrity" | "confidentiality")) => {
            format!("a policy forbids it; the kernel is locked down ({mode})")
        }
        _ => "a security policy forbids it (a security module, lockdown, seccomp or the container)"
            .to_owned(),
    };
    format!(
        "the process has the privileges, so {policy}; with `first_of` another kind of attachment \
         can follow this one"
    )
}

/// Why a load fails with EINVAL.
fn refused_load(error: &Error) -> Option<String> {
    match &error.log {
        Some(log) if log.ends_normally() => Some(
            "the verifier has nothing against its instructions: most often the kernel doesn't let \
             the function be traced (it is marked notrace or noinstr, or takes variable arguments)"
                .to_owned(),
        ),
        Some(_) => None,
        None => Some(
            "the verifier didn't even begin: this kernel doesn't know the program's type, its \
             attach type or a flag"
                .to_owned(),
        ),
    }
}

/// Why the verifier doesn't know a helper that reads kernel memory: `refusal` is its telling line.
fn refused_helper(refusal: &str) -> Option<String> {
    if refusal.contains("bpf_get_attach_cookie") || refusal.contains("func unknown#174") {
        return Some(
            "this kernel has no cookies for programs of this type: kprobes, uprobes and tracepoints \
             have them since 5.15, trampolines since 5.19, raw and BTF tracepoints since 6.10"
                .to_owned(),
        );
    }
    let is_reading = refusal.contains("bpf_probe_read");
    if !is_reading || privileges::lockdown().as_deref() != Some("confidentiality") {
        return None;
    }
    Some(
        "the kernel is locked down (confidentiality): programs may not read memory by helpers; \
         fentry, fexit and BTF tracepoints may still follow typed pointers, and \
         `lockdown=integrity` at boot allows the helpers"
            .to_owned(),
    )
}

/// Whether the kernel has kprobes as perf events.
pub fn has_kprobes() -> bool {
    std::path::Path::new("/sys/bus/event_source/devices/kprobe/type").exists()
}
