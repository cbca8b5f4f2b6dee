//! A tracepoint with its raw arguments.

use std::path::Path;

use aya::programs::RawTracePoint;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part, cookie};

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

fn attach(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    if let Some(cookie) = hook.cookie {
        return cookie::raw_tracepoint(program, Some(&hook.target), cookie);
    }
    let mut program = RawTracePoint::from_pin(program)?;
    let link = program.attach(&hook.target)?;
    Ok(vec![Attached::Link(program.take_link(link)?.into())])
}
