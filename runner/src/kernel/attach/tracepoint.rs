//! A tracepoint with its formatted record, by a perf event.

use std::path::Path;

use aya::programs::TracePoint;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part};

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

fn attach(program: &Path, hook: &Hook) -> Result<Attached, Failure> {
    // Without a category there is no such tracepoint, which the answer will say.
    let (category, name) = hook.target.split_once('/').unwrap_or(("", &hook.target));
    let mut program = TracePoint::from_pin(program)?;
    let link = program.attach(category, name)?;
    Attached::tracepoint(program.take_link(link)?)
}
