//! A tracepoint with its formatted record, by a perf event.

use std::path::Path;

use aya::programs::TracePoint;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part, describe};
use crate::kernel::error::{Error, Phase};

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

fn attach(program: &Path, hook: &Hook) -> Result<Attached, Failure> {
    let Some((category, name)) = hook.target.split_once('/') else {
        return Err(Failure::Ours(Error::new(
            Phase::Attach,
            describe(hook),
            "a tracepoint is named CATEGORY/NAME",
        )));
    };
    let mut program = TracePoint::from_pin(program)?;
    let link = program.attach(category, name)?;
    Attached::tracepoint(program.take_link(link)?)
}
