//! Where programs are attached, and how: the part of a probe that has a form for each kind.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::desired::ProgramRef;
use crate::spec::attach::Event;

/// Where one or two programs are attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The way of attaching.
    pub kind: HookKind,
    /// A function, a raw tracepoint's name, or `category/name` of a tracepoint; a perf event's name;
    /// empty for a place in a file that goes by its offset alone.
    pub target: String,
    /// Offset in bytes from the function's beginning, for kprobes and uprobes.
    pub offset: u64,
    /// What the kind needs besides.
    #[serde(default)]
    pub details: Details,
    /// The number that the program gets with `bpf_get_attach_cookie`.
    #[serde(default)]
    pub cookie: Option<u64>,
    /// The program; for a pair the one at the function's entry.
    pub program: ProgramRef,
    /// The program at the function's return, for a pair alone.
    pub return_program: Option<ProgramRef>,
}

/// What some kinds of hooks have besides a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Details {
    /// Nothing.
    #[default]
    None,
    /// For uprobes, uretprobes and USDT probes: where the target is.
    User {
        /// A path, or a name to be looked for.
        binary: String,
        /// The only process; every one if there is none.
        process: Option<u32>,
    },
    /// For many functions: names and globs.
    Functions(Vec<String>),
    /// For perf events: what is counted, and how often the program runs.
    Sampling {
        /// What is counted.
        event: Event,
        /// How often.
        rate: Rate,
        /// The only process; every one if there is none.
        process: Option<u32>,
    },
}

/// How often a perf event's program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// So many times a second.
    Frequency(u64),
    /// After so many events.
    Period(u64),
}

macro_rules! kinds {
    ($($(#[doc = $line:literal])+ $variant:ident $name:literal $mechanism:ident $sections:tt)*) => {
        /// The ways of attaching, by their names in a probe file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum HookKind {
            $($(#[doc = $line])+ #[serde(rename = $name)] $variant,)*
        }

        impl HookKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &'static [HookKind] = &[$(HookKind::$variant,)*];

            /// The kind's name in a probe file.
            pub fn name(self) -> &'static str {
                match self { $(HookKind::$variant => $name,)* }
            }

            /// What it is to the kernel.
            pub fn mechanism(self) -> Mechanism {
                match self { $(HookKind::$variant => Mechanism::$mechanism,)* }
            }

            /// The sections that its programs are compiled into, without what follows the prefix; the
            /// usual one first.
            pub fn sections(self) -> &'static [&'static str] {
                match self { $(HookKind::$variant => &$sections,)* }
            }
        }
    };
}

// One list: a kind, its name, what it is to the kernel, and the sections of its programs.
kinds! {
    /// A trampoline at a function's entry.
    Fentry "fentry" Trampoline ["fentry"]
    /// A trampoline at a function's exit: arguments and result.
    Fexit "fexit" Trampoline ["fexit"]
    /// A breakpoint or ftrace hook at an instruction.
    Kprobe "kprobe" PerfEvent ["kprobe"]
    /// A kprobe at a function's return.
    Kretprobe "kretprobe" PerfEvent ["kretprobe"]
    /// A kprobe and a kretprobe of one function.
    KprobePair "kprobe_pair" PerfEvent ["kprobe", "kretprobe"]
    /// A tracepoint with its raw arguments.
    RawTracepoint "raw_tracepoint" RawTracepoint ["raw_tracepoint", "raw_tp"]
    /// A tracepoint with its formatted record.
    Tracepoint "tracepoint" PerfEvent ["tracepoint", "tp"]
    /// A tracepoint with typed arguments.
    BtfTracepoint "btf_tracepoint" RawTracepoint ["tp_btf"]
    /// A breakpoint in an executable or a library.
    Uprobe "uprobe" PerfEvent ["uprobe"]
    /// A uprobe at a function's return.
    Uretprobe "uretprobe" PerfEvent ["uretprobe"]
    /// A place that a program's author left for probes.
    // One name for two: to the kernel it is a uprobe.
    Usdt "usdt" PerfEvent ["usdt", "uprobe"]
    /// Every so many times that something happens.
    PerfEvent "perf_event" PerfEvent ["perf_event"]
    /// A trampoline at a function's entry that may decide what it returns.
    FmodRet "fmod_ret" Trampoline ["fmod_ret"]
    /// Many functions by one link.
    KprobeMulti "kprobe_multi" ManyFunctions ["kprobe.multi"]
    /// Many functions' returns by one link.
    KretprobeMulti "kretprobe_multi" ManyFunctions ["kretprobe.multi"]
    /// A hook of the security modules.
    Lsm "lsm" Trampoline ["lsm"]
    /// A run over all things of a kind, whenever it is read.
    Iter "iter" Iterator ["iter"]
}

/// What ways of attaching are to the kernel, which gives all of one sort the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Code that a function jumps to. It takes a program once.
    Trampoline,
    /// A tracepoint without a record.
    RawTracepoint,
    /// A perf event: before Linux 5.15 there are no links to it, so nothing keeps it without a process.
    PerfEvent,
    /// A link to many functions.
    ManyFunctions,
    /// Something to be read.
    Iterator,
}

impl HookKind {
    /// The way of attaching that programs of a section are for.
    pub fn of_section(prefix: &str) -> Option<HookKind> {
        HookKind::ALL.iter().copied().find(|kind| kind.sections().contains(&prefix))
    }

    /// Whether programs of the kind are verified for one function, tracepoint or hook.
    pub fn is_verified_for_target(self) -> bool {
        self.mechanism() == Mechanism::Trampoline || self == HookKind::BtfTracepoint
    }
}

impl Hook {
    /// Where it is, for people: `get_rps_cpu`, `libc.so.6:malloc`, `do_idle+0x10`.
    pub fn place(&self) -> String {
        let mut place = match &self.details {
            Details::User { binary, .. } => format!("{binary}:{}", self.target),
            _ => self.target.clone(),
        };
        if self.offset > 0 {
            // Writing to a string can't fail.
            let _ = write!(place, "+{:#x}", self.offset);
        }
        let process = match &self.details {
            Details::None | Details::Functions(_) => None,
            Details::User { process, .. } => *process,
            Details::Sampling { rate, process, .. } => {
                let _ = match rate {
                    Rate::Frequency(frequency) => write!(place, " {frequency} times a second"),
                    Rate::Period(period) => write!(place, " every {period}"),
                };
                *process
            }
        };
        if let Some(process) = process {
            let _ = write!(place, " in process {process}");
        }
        place
    }
}

impl Event {
    /// The event's name in a probe file.
    pub fn name(self) -> &'static str {
        match self {
            Event::CpuClock => "cpu-clock",
            Event::TaskClock => "task-clock",
            Event::PageFaults => "page-faults",
            Event::MinorFaults => "minor-faults",
            Event::MajorFaults => "major-faults",
            Event::ContextSwitches => "context-switches",
            Event::CpuMigrations => "cpu-migrations",
            Event::Cycles => "cycles",
            Event::Instructions => "instructions",
            Event::CacheReferences => "cache-references",
            Event::CacheMisses => "cache-misses",
            Event::Branches => "branches",
            Event::BranchMisses => "branch-misses",
        }
    }
}
