//! A probe's own tests: what stands under `tests`.
//!
//! Types and their documentation alone, as in [`crate::spec::shape`].

use crate::spec::values::{Entries, Globals, Scalar};
use crate::text::source::At;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A test: one program is run without being attached, with fresh maps and full slots, and what it
/// returns and leaves behind is compared.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestSpec {
    /// What is tested, in words; unique in the file.
    #[schemars(example = &"execve is counted")]
    pub name: At<Scalar>,
    /// The program to run, of a raw tracepoint; its tail calls are followed.
    #[schemars(example = &"dispatch")]
    pub run: At<Scalar>,
    /// The words of its context, at most 12: what the tracepoint would hand it.
    #[schemars(example = json!([{ "syscall_args": [{ "text": "/bin/ls" }] }, "syscall:execve"]))]
    #[serde(default)]
    pub args: Vec<At<ArgumentSpec>>,
    /// How often it is run; once if it is left out.
    #[schemars(example = 3)]
    pub repeat: Option<At<Scalar>>,
    /// The CPU that it runs on; any if it is left out.
    #[schemars(example = 0)]
    pub cpu: Option<At<Scalar>>,
    /// What must hold afterwards.
    #[schemars(example = json!({ "maps": { "counts": [{ "nr": 59, "value": 3 }] } }))]
    pub expect: At<ExpectSpec>,
}

/// What must hold after a test's runs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectSpec {
    /// What each run returns.
    #[schemars(example = 0)]
    pub returns: Option<At<Scalar>>,
    /// What maps hold, by map: these entries in any order, and no others. An entry is given by some
    /// of its fields, named as under `read`. Entries of an array that hold nothing but zeros may be
    /// left out.
    #[schemars(example = json!({ "counts": [{ "nr": 59, "value": 3 }] }))]
    #[serde(default)]
    pub maps: Entries<At<Vec<At<RowSpec>>>>,
    /// What ring buffers were sent, by map: these records in this order, and no others. A record is
    /// given by some of its fields; the structure it is read by is the `type` under `read`.
    #[schemars(example = json!({ "events": [{ "nr": 59, "path": "/bin/ls" }] }))]
    #[serde(default)]
    pub events: Entries<At<Vec<At<RowSpec>>>>,
}

/// Some fields of an entry or a record and their values.
pub type RowSpec = Entries<At<Globals>>;

/// A word of a program's context.
#[derive(Clone, Debug)]
pub enum ArgumentSpec {
    /// A number, or `syscall:NAME`.
    Number(Scalar),
    /// The address of something that is made for the test.
    Address(MemorySpec),
}

/// Something in memory whose address a program is handed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemorySpec {
    /// Text in the memory of the process that makes the call, as `bpf_probe_read_user_str` reads it.
    Text(At<Scalar>),
    /// The registers of a system call with these arguments, at most 6, in the kernel's memory: the
    /// first word of `sys_enter` and `sys_exit`.
    SyscallArgs(Vec<At<ArgumentSpec>>),
}
