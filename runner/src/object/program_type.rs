//! Program and attach types, and what an ELF section's name says about them.

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
    /// Any other, by its libbpf section prefix (`xdp`, `tc`, …): known, not run by this tool.
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
    /// Any other, by the kernel's name.
    Other(&'static str),
}

/// What a section's name says: `fexit.s/get_rps_cpu` is a sleepable fexit program for that function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The name as it stands in the object.
    pub name: String,
    /// The part before the first `/`, without libbpf's `?` and `.s`: `kprobe`, `raw_tp`, ….
    pub prefix: String,
    /// What follows the first `/`: a function, a tracepoint; not always there.
    pub target: Option<String>,
    /// The program's type, if the prefix is one that libbpf knows.
    pub program_type: Option<ProgramType>,
    /// The attach type that belongs to the prefix.
    pub attach_type: AttachType,
    /// `.s`: the program may sleep.
    pub sleepable: bool,
    /// `?`: libbpf doesn't load it unless asked to.
    pub optional: bool,
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
