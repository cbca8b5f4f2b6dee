//! Program and attach types as the kernel tells them apart.

use std::fmt;

/// `enum bpf_prog_type`, by the names the kernel's documentation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProgramType {
    /// `BPF_PROG_TYPE_KPROBE`: kprobes, kretprobes, uprobes and uretprobes.
    Kprobe,
    /// `BPF_PROG_TYPE_TRACEPOINT`.
    Tracepoint,
    /// `BPF_PROG_TYPE_RAW_TRACEPOINT`.
    RawTracepoint,
    /// `BPF_PROG_TYPE_TRACING`: fentry, fexit, fmod_ret, BTF tracepoints, iterators.
    Tracing,
    /// Any other, by the kernel's name (`xdp`, `sched_cls`, …): known, not run by this tool.
    Other(&'static str),
}

/// `enum bpf_attach_type` of the types whose programs are told apart by it when they are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttachType {
    /// The program type has none (0).
    None,
    /// `BPF_TRACE_FENTRY`.
    TraceFentry,
    /// `BPF_TRACE_FEXIT`.
    TraceFexit,
    /// `BPF_TRACE_RAW_TP`: a BTF tracepoint.
    TraceRawTp,
    /// Any other, by the kernel's name (`trace_iter`, `lsm_mac`, …).
    Other(&'static str),
}

impl fmt::Display for ProgramType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProgramType::Kprobe => "kprobe",
            ProgramType::Tracepoint => "tracepoint",
            ProgramType::RawTracepoint => "raw_tracepoint",
            ProgramType::Tracing => "tracing",
            ProgramType::Other(name) => name,
        })
    }
}

impl fmt::Display for AttachType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AttachType::None => "none",
            AttachType::TraceFentry => "trace_fentry",
            AttachType::TraceFexit => "trace_fexit",
            AttachType::TraceRawTp => "trace_raw_tp",
            AttachType::Other(name) => name,
        })
    }
}
