//! Probe files for `rps.bpf.o` with one way of attaching and globals of the scenario's choice.
//!
//! The shipped file takes the first way that the kernel allows; here each way is tested for itself.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::Value;

use crate::product::{Reading, Running, number};
use crate::scenario::Context;

/// A way to trace `get_rps_cpu`.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// A trampoline at its exit.
    Fexit,
    /// A kprobe at its entry and one at its return.
    Pair,
}

impl Way {
    /// The attachment as the probe file spells it.
    pub fn yaml(self) -> &'static str {
        match self {
            Self::Fexit => "fexit: { function: get_rps_cpu, program: rps_fexit }",
            Self::Pair => {
                "kprobe_pair: { function: get_rps_cpu, entry: rps_entry, return: rps_return }"
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Fexit => "fexit",
            Self::Pair => "pair",
        }
    }
}

/// Writes a probe file. `name` tells it from others in the same scenario.
pub fn write(context: &Context, way: Way, name: &str, globals: &str) -> Result<PathBuf> {
    let yaml = format!(
        "version: 1\nobject: rps.bpf.o\nglobals: {{ {globals} }}\nattach:\n  - {}\nread:\n  rps_record:\n    columns: {{ value: {{ name: packets }} }}\n  rps_loss: {{ loss: true }}\n",
        way.yaml()
    );
    context.probe_file(&format!("{name}-{}", way.name()), &yaml)
}

/// Writes a probe file and runs it.
pub fn start(context: &Context, way: Way, name: &str, globals: &str) -> Result<Running> {
    context.product.run(&write(context, way, name, globals)?, &[])
}

/// Packets counted in all rows.
pub fn packets(reading: Reading<'_>) -> Result<i64> {
    reading.sum("rps_record", "packets", |_| true)
}

/// Whether a row is of packets that went from one CPU to another.
pub fn is_moved(row: &Value) -> bool {
    let cpu = |column| number(row, column).unwrap_or(-1);
    cpu("targ_cpu") >= 0 && cpu("targ_cpu") != cpu("curr_cpu")
}
