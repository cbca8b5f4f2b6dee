//! The language: the types that a probe file is read into, and from which its JSON schema is made.
//!
//! Types and their documentation alone. The documentation is what editors show to users.

use crate::spec::MapFlag;
use crate::spec::attach::AttachSpec;
use crate::spec::decoder::DecoderSpec;
use crate::spec::layout::LayoutSpec;
use crate::spec::probe_test::TestSpec;
use crate::spec::values::{Entries, Globals, Scalar};
use crate::text::source::At;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A probe: precompiled eBPF objects, where their programs are attached, which handlers sit in
/// which tail-call slots, and how the maps are shown.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [{ "required": ["object"] }, { "required": ["objects"] }]))]
pub struct Spec {
    /// The version of the language: 1.
    #[schemars(example = 1, extend("const" = 1))]
    pub version: At<u32>,
    /// The probe's name: a lower-case letter, then up to 62 lower-case letters, digits and dashes.
    /// The file's stem if it is left out.
    #[schemars(example = &"rps")]
    pub name: Option<At<Scalar>>,
    /// What the probe is for.
    #[schemars(example = &"Where receive packet steering sends packets")]
    pub description: Option<At<Scalar>>,
    /// Template variables and their defaults; `--set NAME=VALUE` and `--vars FILE` override them.
    #[serde(default)]
    #[schemars(example = json!({ "slow": "10ms" }))]
    pub vars: Entries<At<Scalar>>,
    /// The one object file, searched beside the probe file, in each `--object-dir`, in
    /// /usr/lib/probe-runner and among the objects built into probe-runner. Its alias is `main`.
    #[schemars(example = &"rps.bpf.o")]
    pub object: Option<At<Scalar>>,
    /// Several object files by alias. A program is named `alias/program` where several have it.
    #[serde(default)]
    #[schemars(example = json!({ "main": "syscalls.bpf.o", "latency": { "file": "timer-latency.bpf.o" } }))]
    pub objects: Entries<At<ObjectSpec>>,
    /// Values for variables of the objects (.rodata, .data, .bss), checked against their types.
    #[serde(default)]
    #[schemars(example = json!({ "filter_protocol": 17, "min_gap_ns": "{{ slow }}" }))]
    pub globals: Entries<At<Globals>>,
    /// Map attributes that differ from the object's own.
    #[serde(default)]
    #[schemars(example = json!({ "handlers": { "max_entries": 512 } }))]
    pub maps: Entries<MapSpec>,
    /// What to attach, in order.
    #[serde(default)]
    #[schemars(example = json!([{ "raw_tracepoint": { "name": "sys_enter", "program": "dispatch" } }]))]
    pub attach: Vec<At<AttachSpec>>,
    /// Handlers by PROG_ARRAY and slot. A slot is an index (`59`), a range (`222-226`), a system
    /// call (`syscall:execve`) or a glob over system calls (`syscall:clock_*`).
    #[serde(default)]
    #[schemars(example = json!({ "handlers": { "59": "exec", "222-226": "latency/timer", "syscall:clock_*": "timer" } }))]
    pub tail_calls: Entries<TableSpec>,
    /// How maps are shown, by map. Maps that are not named are shown as their types say.
    #[serde(default)]
    #[schemars(example = json!({ "counts": { "sort": "calls desc", "top": 20 } }))]
    pub read: Entries<ViewSpec>,
    /// What `probe-runner test` proves: programs run without being attached, and what they leave in maps.
    #[serde(default)]
    #[schemars(example = json!([{
        "name": "execve is counted",
        "run": "dispatch",
        "args": [0, "syscall:execve"],
        "expect": { "maps": { "counts": [{ "nr": 59, "value": 1 }] } },
    }]))]
    pub tests: Vec<At<TestSpec>>,
}

/// An object file: its name, or its name and digest.
#[derive(Clone, Debug)]
pub enum ObjectSpec {
    /// The file's name or path.
    File(Scalar),
    /// The file and what is known of it.
    Full(ObjectFile),
}

/// An object file and what is known of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectFile {
    /// The file's name or path.
    #[schemars(example = &"syscalls.bpf.o")]
    pub file: At<Scalar>,
    /// The SHA-256 that the file must have, in hexadecimal.
    #[schemars(example = &"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    pub sha256: Option<At<Scalar>>,
}

/// Map attributes that differ from the object's own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapSpec {
    /// Capacity in entries; for a ring buffer in bytes, a power of two and a multiple of the page size.
    #[schemars(example = 4096)]
    pub max_entries: Option<At<Scalar>>,
    /// Flags instead of the object's, by the kernel's names in lower case without `BPF_F_`.
    #[schemars(example = json!(["no_prealloc"]))]
    pub flags: Option<At<Vec<At<MapFlag>>>>,
    /// The NUMA node that the map's memory is to be on.
    #[schemars(example = 0)]
    pub numa_node: Option<At<Scalar>>,
    /// When `apply` has to make the map anew because its capacity, flags or node change: copy what it
    /// holds into the new one. Without, that is lost.
    #[serde(default)]
    #[schemars(example = true)]
    pub migrate: Option<At<bool>>,
}

/// The handlers of a PROG_ARRAY: slots and programs, or these under `slots` beside a `generation`.
#[derive(Clone, Debug, Default)]
pub struct TableSpec {
    /// The variable by which all slots change at once.
    pub generation: Option<At<Scalar>>,
    /// Programs by slot.
    pub slots: Entries<At<Scalar>>,
}

/// The handlers of a PROG_ARRAY of which all slots change at once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerationTable {
    /// A 4-byte variable of the object that its dispatcher adds to the slot's index. The PROG_ARRAY
    /// gets twice the entries that the object defines; the half in use begins at this variable's
    /// value, and one store into it changes every slot.
    #[schemars(example = &"handlers_generation")]
    pub generation: At<Scalar>,
    /// Programs by slot.
    #[serde(default)]
    #[schemars(example = json!({ "59": "exec", "222-226": "timer" }))]
    pub slots: Entries<At<Scalar>>,
}

/// How a map is shown.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewSpec {
    /// For ring buffers: the structure, by its tag in the object's type information, of each record.
    #[serde(rename = "type")]
    #[schemars(example = &"syscall_event")]
    pub record: Option<At<Scalar>>,
    /// Types of key and value, or of records, for a map of an object without type information.
    #[schemars(example = json!({ "key": { "pid": "u32", "comm": "char[16]" }, "value": "u64" }))]
    pub layout: Option<At<LayoutSpec>>,
    /// Fields that are shown differently from what their types say. The fields of key and value go
    /// by their names; a key or value that is one number is called `key` or `value`.
    #[serde(default)]
    #[schemars(example = json!({ "nr": { "as": "syscall", "name": "call" }, "pid": { "hide": true } }))]
    pub columns: Entries<ColumnSpec>,
    /// The column to sort by: `NAME`, `NAME asc` or `NAME desc`.
    #[schemars(example = &"calls desc")]
    pub sort: Option<At<Scalar>>,
    /// How many rows a table shows at most. JSON always has all.
    #[schemars(example = 20)]
    pub top: Option<At<Scalar>>,
    /// Each number of this map says how much is missing elsewhere: what is not 0 is shown as a warning.
    #[serde(default)]
    #[schemars(example = true)]
    pub loss: bool,
    /// For ring buffers: a template for the line that each record is shown as, fields by name.
    #[schemars(example = &"{{ time }}  {{ process }}  {{ call }}")]
    pub line: Option<At<Scalar>>,
    /// Fields of the key: entries that agree in them are added up, and the key's other fields are not shown.
    #[serde(default)]
    #[schemars(example = json!(["nr"]))]
    pub group: Vec<At<Scalar>>,
    /// For per-CPU maps: a row for each CPU instead of their sum, with the CPU in a column `cpu`.
    #[serde(default)]
    #[schemars(example = true)]
    pub by_cpu: bool,
    /// What is drawn below the table.
    #[schemars(example = json!({ "heatmap": { "x": "targ_cpu", "y": "curr_cpu", "value": "packets" } }))]
    pub plot: Option<At<PlotSpec>>,
    /// For hash maps, queues and stacks: reading takes the entries out, so that each reading shows what came since the one before.
    #[schemars(example = true)]
    pub reset: Option<At<bool>>,
    /// For ring buffers and perf buffers: how many records are shown a second at most. How many were left out is said.
    #[schemars(example = 100)]
    pub limit: Option<At<Scalar>>,
    /// For ring buffers and perf buffers: only one of so many records is shown. How many were left out is said.
    #[schemars(example = 1000)]
    pub sample: Option<At<Scalar>>,
}

/// A drawing of a map.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PlotSpec {
    /// Bars, a row for each bucket.
    #[schemars(example = json!({ "histogram": { "bucket": "slot", "value": "count" } }))]
    Histogram(HistogramSpec),
    /// A field of colours.
    #[schemars(example = json!({ "heatmap": { "x": "targ_cpu", "y": "curr_cpu", "value": "packets" } }))]
    Heatmap(HeatmapSpec),
}

/// A histogram whose buckets are a map's entries.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistogramSpec {
    /// The column of the bucket's number; the table shows its bounds instead, in the unit of the column's decoder.
    #[schemars(example = &"slot")]
    pub bucket: At<Scalar>,
    /// The column of what is in the bucket.
    #[schemars(example = &"count")]
    pub value: At<Scalar>,
    /// What a bucket's number means; `log2` if it is left out.
    #[schemars(example = &"log2")]
    pub scale: Option<ScaleSpec>,
}

/// A heatmap of a map's entries.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeatmapSpec {
    /// The column whose values go from left to right.
    #[schemars(example = &"targ_cpu")]
    pub x: At<Scalar>,
    /// The column whose values go from top to bottom.
    #[schemars(example = &"curr_cpu")]
    pub y: At<Scalar>,
    /// The column of the amounts.
    #[schemars(example = &"packets")]
    pub value: At<Scalar>,
}

/// What a bucket's number means.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScaleSpec {
    /// Bucket n holds what is at least 2ⁿ and less than 2ⁿ⁺¹, bucket 0 also 0.
    Log2,
    /// Bucket n holds what is at least n times this number and less than n + 1 times.
    #[schemars(example = json!({ "linear": 100 }))]
    Linear(At<Scalar>),
}

/// What a column's numbers are.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricSpec {
    /// They only grow: `read --every` shows how fast.
    Counter,
    /// They come and go.
    Gauge,
    /// An array of buckets, drawn below the table.
    #[schemars(example = json!({ "histogram": "log2" }))]
    Histogram(ScaleSpec),
}

/// How a field is shown.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnSpec {
    /// The heading; the field's name if it is left out.
    #[schemars(example = &"call")]
    pub name: Option<At<Scalar>>,
    /// How the number or the bytes become text.
    #[serde(rename = "as")]
    #[schemars(example = &"syscall")]
    pub decoder: Option<At<DecoderSpec>>,
    /// Leave the field out.
    #[serde(default)]
    #[schemars(example = true)]
    pub hide: bool,
    /// What the numbers are: `counter`, `gauge`, or for an array of buckets `histogram`.
    #[schemars(example = &"counter")]
    pub kind: Option<At<MetricSpec>>,
    /// What the numbers say, in a sentence: `# HELP` of the metric.
    #[schemars(example = &"Packets that were moved to another CPU")]
    pub description: Option<At<Scalar>>,
}
