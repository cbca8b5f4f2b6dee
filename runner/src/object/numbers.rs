//! Program and attach types by the kernel's numbers, and what a type is verified for. Only tables.

use crate::btf::Kind;
use crate::object::{AttachType, ProgramType, Section};

/// `BPF_F_SLEEPABLE`.
const SLEEPABLE: u32 = 1 << 4;

/// The numbers that say what kind of program one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// `enum bpf_prog_type`.
    pub program_type: u32,
    /// `enum bpf_attach_type`.
    pub attach_type: u32,
    /// `prog_flags`.
    pub flags: u32,
    /// What of the kernel it is verified for.
    pub target: Option<TargetKind>,
}

/// What programs of a type are verified for, as the kernel's types have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetKind {
    /// What comes before the target's name there.
    pub prefix: &'static str,
    /// The kind of the type.
    pub kind: Kind,
    /// What messages call it.
    pub word: &'static str,
}

/// The numbers for a section's programs; `None` for sections whose programs this tool doesn't run.
pub fn numbers(section: &Section) -> Option<Numbers> {
    let program_type = match section.program_type? {
        ProgramType::Kprobe => 2,
        ProgramType::Tracepoint => 5,
        ProgramType::Other("perf_event") => 7,
        ProgramType::RawTracepoint => 17,
        ProgramType::Other("raw_tracepoint_writable") => 24,
        ProgramType::Tracing => 26,
        ProgramType::Other("lsm") => 29,
        ProgramType::Other("syscall") => 31,
        ProgramType::Other(_) => return None,
    };
    let (attach_type, target) = match section.attach_type {
        AttachType::None => (0, None),
        AttachType::TraceRawTp => (23, Some(TRACEPOINT)),
        AttachType::TraceFentry => (24, Some(FUNCTION)),
        AttachType::TraceFexit => (25, Some(FUNCTION)),
        AttachType::Other("modify_return") => (26, Some(FUNCTION)),
        AttachType::Other("lsm_mac") => (27, Some(SECURITY_HOOK)),
        AttachType::Other("trace_iter") => (28, Some(ITERATOR)),
        AttachType::Other("trace_kprobe_multi") => (42, None),
        AttachType::Other("trace_uprobe_multi") => (48, None),
        AttachType::Other("trace_kprobe_session") => (56, None),
        AttachType::Other("trace_uprobe_session") => (57, None),
        AttachType::Other(_) => return None,
    };
    let flags = if section.sleepable { SLEEPABLE } else { 0 };
    Some(Numbers { program_type, attach_type, flags, target })
}

/// A function, by its name.
pub const FUNCTION: TargetKind = TargetKind { prefix: "", kind: Kind::Function, word: "function" };
/// A tracepoint: the kernel has a type `btf_trace_NAME` for each.
pub const TRACEPOINT: TargetKind =
    TargetKind { prefix: "btf_trace_", kind: Kind::Typedef, word: "tracepoint" };
/// A hook of the security modules: the kernel has an empty function for each.
pub const SECURITY_HOOK: TargetKind =
    TargetKind { prefix: "bpf_lsm_", kind: Kind::Function, word: "security hook" };
/// A run over things of a kind.
pub const ITERATOR: TargetKind =
    TargetKind { prefix: "bpf_iter_", kind: Kind::Function, word: "iterator" };

#[cfg(test)]
mod tests {
    use super::{Numbers, numbers};
    use crate::object::Section;

    #[test]
    fn sections_have_the_kernels_numbers() {
        for (section, program_type, attach_type, flags, prefix) in [
            ("kprobe/x", 2, 0, 0, None),
            ("uprobe.s/x", 2, 0, 16, None),
            ("kprobe.multi/x*", 2, 42, 0, None),
            ("tp/sched/sched_switch", 5, 0, 0, None),
            ("perf_event", 7, 0, 0, None),
            ("raw_tp/sys_enter", 17, 0, 0, None),
            ("tp_btf/sys_enter", 26, 23, 0, Some("btf_trace_")),
            ("fentry/x", 26, 24, 0, Some("")),
            ("fexit.s/x", 26, 25, 16, Some("")),
            ("fmod_ret/x", 26, 26, 0, Some("")),
            ("lsm/file_open", 29, 27, 0, Some("bpf_lsm_")),
            ("iter/task", 26, 28, 0, Some("bpf_iter_")),
        ] {
            let found = numbers(&Section::parse(section)).expect(section);
            assert_eq!(found.target.map(|target| target.prefix), prefix, "{section}");
            let expected = Numbers { program_type, attach_type, flags, ..found };
            assert_eq!(found, expected, "{section}");
        }
    }

    #[test]
    fn others_are_not_run() {
        for section in ["xdp", "tcx/ingress", "struct_ops/x", "lsm_cgroup/x", "my_handlers"] {
            assert_eq!(numbers(&Section::parse(section)), None, "{section}");
        }
    }
}
