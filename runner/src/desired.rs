//! A probe as plain data: what should run, without the text it came from.
//!
//! It is what the kernel stage is given and what the state file keeps, so that a later run can
//! compare what it wants with what it left. It holds no positions and no type information.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// What one probe file asks for, every name bound and every template filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// The probe's name: `[a-z][a-z0-9-]{0,62}`.
    pub probe: String,
    /// The probe file, as it was named on the command line.
    pub file: String,
    /// What the probe is for, in its author's words.
    pub description: Option<String>,
    /// The objects, in the order of the file.
    pub objects: Vec<ObjectRef>,
    /// Variables to set before loading.
    pub globals: Vec<GlobalValue>,
    /// Maps whose definition is not the object's own.
    pub maps: Vec<MapOverride>,
    /// What to attach, in the order of the file.
    pub attach: Vec<Attachment>,
    /// PROG_ARRAY slots to fill, ascending within a map.
    pub slots: Vec<Slot>,
    /// How to show the maps.
    pub views: Vec<View>,
}

/// An object file by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Its name within the probe; `main` where the file gives none.
    pub alias: String,
    /// Where it was found: a path, or `built-in:NAME`.
    pub origin: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// A program by object and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProgramRef {
    /// Alias of the object.
    pub object: String,
    /// The function's symbol.
    pub name: String,
}

/// A global variable's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalValue {
    /// Alias of the object.
    pub object: String,
    /// The variable's symbol.
    pub name: String,
    /// What to store there.
    pub value: Value,
}

/// What is stored in a global variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// These bytes, in the variable's size and the machine's byte order.
    Bytes(Vec<u8>),
    /// The index that the network device of this name has on the machine when the probe is loaded,
    /// as an unsigned integer of `size` bytes.
    InterfaceIndex {
        /// The device's name.
        device: String,
        /// Size of the variable in bytes.
        size: u32,
    },
}

/// A map whose capacity is not the object's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapOverride {
    /// The map's symbol.
    pub name: String,
    /// Entries; bytes for a ring buffer.
    pub max_entries: u32,
}

/// One entry of `attach`: the first of `alternatives` that the kernel takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// At least one hook; more than one for `first_of`.
    pub alternatives: Vec<Hook>,
    /// What to do when no alternative's target exists.
    pub on_missing: OnMissing,
}

/// What to do when a target doesn't exist on the running kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// The probe fails.
    #[default]
    Error,
    /// The attachment is left out, with a warning.
    Warn,
    /// The attachment is left out.
    Skip,
}

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

/// What the kernel or the processor counts, by the names of perf(1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Nanoseconds on the CPU.
    CpuClock,
    /// Nanoseconds of the running task.
    TaskClock,
    /// Page faults.
    PageFaults,
    /// Page faults that needed no reading.
    MinorFaults,
    /// Page faults that needed reading.
    MajorFaults,
    /// Changes of the running task.
    ContextSwitches,
    /// Moves of a task to another CPU.
    CpuMigrations,
    /// Cycles of the processor.
    Cycles,
    /// Instructions.
    Instructions,
    /// Accesses to the last cache.
    CacheReferences,
    /// Misses of the last cache.
    CacheMisses,
    /// Branches.
    Branches,
    /// Mispredicted branches.
    BranchMisses,
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

/// The ways of attaching, by their names in a probe file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookKind {
    /// A trampoline at a function's entry.
    Fentry,
    /// A trampoline at a function's exit: arguments and result.
    Fexit,
    /// A breakpoint or ftrace hook at an instruction.
    Kprobe,
    /// A kprobe at a function's return.
    Kretprobe,
    /// A kprobe and a kretprobe of one function.
    KprobePair,
    /// A tracepoint with its raw arguments.
    RawTracepoint,
    /// A tracepoint with its formatted record.
    Tracepoint,
    /// A tracepoint with typed arguments.
    BtfTracepoint,
    /// A breakpoint in an executable or a library.
    Uprobe,
    /// A uprobe at a function's return.
    Uretprobe,
    /// A place that a program's author left for probes.
    Usdt,
    /// Every so many times that something happens.
    PerfEvent,
    /// A hook of the security modules.
    Lsm,
    /// A run over all things of a kind, whenever it is read.
    Iter,
}

/// One slot of a PROG_ARRAY.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The PROG_ARRAY's symbol.
    pub map: String,
    /// The index.
    pub index: u32,
    /// The program in it.
    pub program: ProgramRef,
}

/// How one map is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The map's symbol.
    pub map: String,
    /// For maps of records without a type (ring buffers): the structure's tag in the object's BTF.
    pub record: Option<String>,
    /// Columns that are shown differently from their type's default, by field.
    pub columns: Vec<Column>,
    /// The column to sort by, as it is shown.
    pub sort: Option<Sort>,
    /// How many rows a table shows at most.
    pub top: Option<usize>,
    /// Every number in this map says how much is missing elsewhere: shown as a warning where not 0.
    pub loss: bool,
    /// For records: a template line instead of columns.
    pub line: Option<String>,
}

/// How one field is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The field of the key, of the value or of the record; `key` and `value` for scalars.
    pub field: String,
    /// The column's heading and JSON name; the field's own if there is none.
    pub name: Option<String>,
    /// How the raw value becomes text.
    pub decoder: Option<Decoder>,
    /// Whether the column is left out of tables and JSON.
    pub hide: bool,
}

/// How a raw value becomes text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decoder {
    /// A network device's name from its index.
    Ifname,
    /// An IPv4 or IPv6 address from 4 or 16 bytes; a v4-mapped one is shown as IPv4.
    Ip,
    /// A port number in host order.
    Port,
    /// A MAC address from 6 bytes.
    Mac,
    /// A system call's name on this machine's architecture.
    Syscall,
    /// An error number's name, of either sign.
    Errno,
    /// A signal's name.
    Signal,
    /// A process from its id, as `name[id]`; `[id]` once it has ended.
    Process,
    /// A user's name from its id.
    User,
    /// A group's name from its id.
    Group,
    /// Nanoseconds as a duration.
    Duration,
    /// Nanoseconds of the monotonic clock (`bpf_ktime_get_ns`) as a time of day.
    Time,
    /// A number of bytes with a binary unit.
    Bytes,
    /// Hexadecimal.
    Hex,
    /// Text up to the first NUL.
    String,
    /// `true` or `false`.
    Bool,
    /// Fixed names for numbers.
    Static(Vec<(i128, String)>),
}

/// An order of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// The column, by its shown name.
    pub column: String,
    /// Largest first.
    pub descending: bool,
}

impl Desired {
    /// The programs in use: attached, in an alternative or in a slot; each as often as it is.
    pub fn programs(&self) -> impl Iterator<Item = &ProgramRef> {
        let hooks = self.attach.iter().flat_map(|attachment| &attachment.alternatives);
        let attached = hooks.flat_map(|hook| [Some(&hook.program), hook.return_program.as_ref()]);
        attached.flatten().chain(self.slots.iter().map(|slot| &slot.program))
    }
}

impl HookKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [HookKind; 14] = [
        HookKind::Fentry,
        HookKind::Fexit,
        HookKind::Kprobe,
        HookKind::Kretprobe,
        HookKind::KprobePair,
        HookKind::RawTracepoint,
        HookKind::Tracepoint,
        HookKind::BtfTracepoint,
        HookKind::Uprobe,
        HookKind::Uretprobe,
        HookKind::Usdt,
        HookKind::PerfEvent,
        HookKind::Lsm,
        HookKind::Iter,
    ];

    /// The kind's name in a probe file.
    pub fn name(self) -> &'static str {
        match self {
            HookKind::Fentry => "fentry",
            HookKind::Fexit => "fexit",
            HookKind::Kprobe => "kprobe",
            HookKind::Kretprobe => "kretprobe",
            HookKind::KprobePair => "kprobe_pair",
            HookKind::RawTracepoint => "raw_tracepoint",
            HookKind::Tracepoint => "tracepoint",
            HookKind::BtfTracepoint => "btf_tracepoint",
            HookKind::Uprobe => "uprobe",
            HookKind::Uretprobe => "uretprobe",
            HookKind::Usdt => "usdt",
            HookKind::PerfEvent => "perf_event",
            HookKind::Lsm => "lsm",
            HookKind::Iter => "iter",
        }
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
            Details::None => None,
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

impl View {
    /// A map as its types say.
    pub fn plain(map: &str) -> View {
        View {
            map: map.to_owned(),
            record: None,
            columns: Vec::new(),
            sort: None,
            top: None,
            loss: false,
            line: None,
        }
    }
}

impl Decoder {
    /// The decoder's name in a probe file.
    pub fn name(&self) -> &'static str {
        match self {
            Decoder::Ifname => "ifname",
            Decoder::Ip => "ip",
            Decoder::Port => "port",
            Decoder::Mac => "mac",
            Decoder::Syscall => "syscall",
            Decoder::Errno => "errno",
            Decoder::Signal => "signal",
            Decoder::Process => "process",
            Decoder::User => "user",
            Decoder::Group => "group",
            Decoder::Duration => "duration",
            Decoder::Time => "time",
            Decoder::Bytes => "bytes",
            Decoder::Hex => "hex",
            Decoder::String => "string",
            Decoder::Bool => "bool",
            Decoder::Static(_) => "static",
        }
    }
}
