//! The language's ways of attaching: what stands under `attach`, and what each way takes.
//!
//! Types and their documentation alone, as in [`crate::spec::shape`].

use crate::spec::values::Scalar;
use crate::text::source::At;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A way of attaching.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachSpec {
    /// A trampoline at a function's entry (x86-64 since 5.5, arm64 since 6.4).
    Fentry(FunctionSpec),
    /// A trampoline at a function's exit: arguments and result in one event.
    Fexit(FunctionSpec),
    /// A kprobe, at a function's entry or at an offset in it.
    Kprobe(KprobeSpec),
    /// A kprobe at a function's return.
    Kretprobe(FunctionSpec),
    /// A kprobe and a kretprobe of one function; the return probe is attached first.
    KprobePair(PairSpec),
    /// A tracepoint with its raw arguments, by name alone (`sys_enter`).
    RawTracepoint(NamedSpec),
    /// A tracepoint with its formatted record, by `category/name`.
    Tracepoint(NamedSpec),
    /// A tracepoint with typed arguments, by name alone.
    BtfTracepoint(NamedSpec),
    /// A breakpoint in an executable or a library, in every process that runs it or in one.
    Uprobe(UserSpec),
    /// A uprobe at a function's return.
    Uretprobe(UserSpec),
    /// A place that the author of a program left for probes (`DTRACE_PROBE` and the like): a note in the
    /// section `.note.stapsdt` of its file.
    Usdt(UsdtSpec),
    /// Every so many times that something happens on a CPU, or so many times a second.
    PerfEvent(PerfEventSpec),
    /// A trampoline at a function's entry that may decide what it returns (since 5.7): at security hooks
    /// (`security_file_open`) and, on kernels with error injection, at system calls.
    FmodRet(FunctionSpec),
    /// Many functions by one link (since 5.18, on kernels with fprobe).
    KprobeMulti(FunctionsSpec),
    /// The returns of many functions by one link (since 5.18, on kernels with fprobe).
    KretprobeMulti(FunctionsSpec),
    /// A hook of the security modules: the program may forbid what is about to be done. Needs `bpf` among
    /// them.
    Lsm(LsmSpec),
    /// A program that runs over all things of a kind whenever the probe is read; what it writes is shown.
    Iter(IterSpec),
    /// The first of these that the running kernel takes; which one is reported.
    FirstOf(#[schemars(length(min = 1))] Vec<At<AttachSpec>>),
}

/// A program at a function of the kernel.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionSpec {
    /// The kernel function.
    #[schemars(example = &"get_rps_cpu")]
    pub function: At<Scalar>,
    /// The program.
    #[schemars(example = &"rps_fexit")]
    pub program: At<Scalar>,
    /// A number that the program gets with `bpf_get_attach_cookie` (kretprobe since 5.15, fentry and fexit
    /// since 5.19).
    #[schemars(example = 42)]
    pub cookie: Option<At<Scalar>>,
    /// What to do when the kernel has no such function.
    #[schemars(example = &"skip")]
    pub on_missing: Option<OnMissing>,
}

/// A program at an instruction of the kernel.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KprobeSpec {
    /// The kernel function.
    #[schemars(example = &"do_sys_openat2")]
    pub function: At<Scalar>,
    /// Bytes from the function's beginning.
    #[schemars(example = 16)]
    pub offset: Option<At<Scalar>>,
    /// The program.
    #[schemars(example = &"hello")]
    pub program: At<Scalar>,
    /// A number that the program gets with `bpf_get_attach_cookie` (since 5.15).
    #[schemars(example = 42)]
    pub cookie: Option<At<Scalar>>,
    /// What to do when the kernel has no such function.
    #[schemars(example = &"skip")]
    pub on_missing: Option<OnMissing>,
}

/// A program at a function's entry and one at its return.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairSpec {
    /// The kernel function.
    #[schemars(example = &"get_rps_cpu")]
    pub function: At<Scalar>,
    /// The program at its entry, which sees the arguments.
    #[schemars(example = &"rps_entry")]
    pub entry: At<Scalar>,
    /// The program at its return, which sees the result.
    #[serde(rename = "return")]
    #[schemars(example = &"rps_return")]
    pub return_program: At<Scalar>,
    /// A number that both programs get with `bpf_get_attach_cookie` (since 5.15).
    #[schemars(example = 42)]
    pub cookie: Option<At<Scalar>>,
    /// What to do when the kernel has no such function.
    #[schemars(example = &"skip")]
    pub on_missing: Option<OnMissing>,
}

/// A program at many functions of the kernel.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionsSpec {
    /// The kernel functions: names, and globs with `*` and `?`. Each has to mean one at least.
    #[schemars(length(min = 1), example = json!(["tcp_sendmsg", "tcp_v?_connect"]))]
    pub functions: Vec<At<Scalar>>,
    /// The program.
    #[schemars(example = &"at_entries")]
    pub program: At<Scalar>,
    /// A number that the program gets with `bpf_get_attach_cookie`.
    #[schemars(example = 42)]
    pub cookie: Option<At<Scalar>>,
    /// What to do when the kernel has none of one of these functions.
    #[schemars(example = &"skip")]
    pub on_missing: Option<OnMissing>,
}

/// A program at a tracepoint.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedSpec {
    /// The tracepoint.
    #[schemars(example = &"sys_enter")]
    pub name: At<Scalar>,
    /// The program.
    #[schemars(example = &"dispatch")]
    pub program: At<Scalar>,
    /// A number that the program gets with `bpf_get_attach_cookie` (tracepoint since 5.15, raw and BTF
    /// tracepoints since 6.10).
    #[schemars(example = 42)]
    pub cookie: Option<At<Scalar>>,
    /// What to do when the kernel has no such tracepoint.
    #[schemars(example = &"skip")]
    pub on_missing: Option<OnMissing>,
}

/// A program at an instruction of an executable or a library.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [{ "required": ["symbol"] }, { "required": ["offset"] }]))]
pub struct UserSpec {
    /// The file: a path, or a name (`libc.so.6`, `bash`) that is looked for in the usual directories, or,
    /// with `pid`, among the files that the process has mapped.
    #[schemars(example = &"libc.so.6")]
    pub binary: At<Scalar>,
    /// The function. It may be left out where `offset` is given.
    #[schemars(example = &"malloc")]
    pub symbol: Option<At<Scalar>>,
    /// Bytes from the function's beginning; without `symbol` from the file's beginning.
    #[schemars(example = &"0x10")]
    pub offset: Option<At<Scalar>>,
    /// Only in the process of this id; in every process if it is left out.
    #[schemars(example = 1234)]
    pub pid: Option<At<Scalar>>,
    /// The program.
    #[schemars(example = &"at_call")]
    pub program: At<Scalar>,
    /// A number that the program gets with `bpf_get_attach_cookie` (since 5.15).
    #[schemars(example = 42)]
    pub cookie: Option<At<Scalar>>,
    /// What to do when there is no such file, or no such function in it.
    #[schemars(example = &"skip")]
    pub on_missing: Option<OnMissing>,
}

/// A program at a place that the author of a program or library left for probes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsdtSpec {
    /// The file: a path, or a name (`libc.so.6`, `python3`) that is looked for in the usual directories,
    /// or, with `pid`, among the files that the process has mapped.
    #[schemars(example = &"libc.so.6")]
    pub binary: At<Scalar>,
    /// The provider.
    #[schemars(example = &"libc")]
    pub provider: At<Scalar>,
    /// The probe's name.
    #[schemars(example = &"setjmp")]
    pub name: At<Scalar>,
    /// Only in the process of this id; in every process if it is left out.
    #[schemars(example = 1234)]
    pub pid: Option<At<Scalar>>,
    /// The program.
    #[schemars(example = &"at_probe")]
    pub program: At<Scalar>,
    /// A number that the program gets with `bpf_get_attach_cookie` (since 5.15).
    #[schemars(example = 42)]
    pub cookie: Option<At<Scalar>>,
    /// What to do when there is no such file, or no such probe in it.
    #[schemars(example = &"skip")]
    pub on_missing: Option<OnMissing>,
}

/// A program that runs when something has happened so many times. One of `frequency` and `period` has
/// to be given.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["frequency"] }, { "required": ["period"] }]))]
pub struct PerfEventSpec {
    /// What is counted.
    #[schemars(example = &"cpu-clock")]
    pub event: At<Event>,
    /// How often the program is to run, in times a second and CPU: the kernel adapts the period.
    #[schemars(example = 99)]
    pub frequency: Option<At<Scalar>>,
    /// After how many events the program runs; nanoseconds for the clocks.
    #[schemars(example = 1000000)]
    pub period: Option<At<Scalar>>,
    /// Only in the process of this id, on every CPU; in every process if it is left out.
    #[schemars(example = 1234)]
    pub pid: Option<At<Scalar>>,
    /// The program.
    #[schemars(example = &"at_sample")]
    pub program: At<Scalar>,
    /// A number that the program gets with `bpf_get_attach_cookie` (since 5.15).
    #[schemars(example = 42)]
    pub cookie: Option<At<Scalar>>,
    /// What to do when the machine doesn't count such events.
    #[schemars(example = &"skip")]
    pub on_missing: Option<OnMissing>,
}

/// A program at a hook of the security modules.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LsmSpec {
    /// The hook: `file_open`, `bprm_check_security`, ….
    #[schemars(example = &"file_open")]
    pub hook: At<Scalar>,
    /// The program. What it returns decides: 0 allows, a negative error number forbids.
    #[schemars(example = &"on_open")]
    pub program: At<Scalar>,
    /// A number that the program gets with `bpf_get_attach_cookie` (since 5.19).
    #[schemars(example = 42)]
    pub cookie: Option<At<Scalar>>,
    /// What to do when the kernel has no such hook.
    #[schemars(example = &"skip")]
    pub on_missing: Option<OnMissing>,
}

/// A program that runs over all things of a kind.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IterSpec {
    /// What it runs over: `task`, `bpf_map`, `tcp`, ….
    #[schemars(example = &"task")]
    pub over: At<Scalar>,
    /// The program.
    #[schemars(example = &"each_task")]
    pub program: At<Scalar>,
    /// What to do when the kernel has no such iterator.
    #[schemars(example = &"skip")]
    pub on_missing: Option<OnMissing>,
}

/// What the kernel or the processor counts, by the names of perf(1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Time on the CPU, in nanoseconds, by a timer: everywhere.
    CpuClock,
    /// Time of the running task, in nanoseconds, by a timer: everywhere.
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
    /// Cycles of the processor; seldom in virtual machines.
    Cycles,
    /// Instructions; seldom in virtual machines.
    Instructions,
    /// Accesses to the last cache; seldom in virtual machines.
    CacheReferences,
    /// Misses of the last cache; seldom in virtual machines.
    CacheMisses,
    /// Branches; seldom in virtual machines.
    Branches,
    /// Mispredicted branches; seldom in virtual machines.
    BranchMisses,
}

/// What to do when the running kernel doesn't have a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnMissing {
    /// Fail (the default).
    #[default]
    Error,
    /// Leave the attachment out and say so.
    Warn,
    /// Leave the attachment out.
    Skip,
}
