//! A tracepoint with its raw arguments.

use std::path::Path;

use aya::programs::RawTracePoint;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part};

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

fn attach(program: &Path, hook: &Hook) -> Result<Attached, Failure> {
    let mut program = RawTracePoint::from_pin(program)?;
    let link = program.attach(&hook.target)?;
    Ok(Attached::Link(program.take_link(link)?.into()))
}
