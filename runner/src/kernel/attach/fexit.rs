//! A trampoline at a function's exit.

use std::path::Path;

use aya::programs::FExit;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part};

/// One program, verified for the hook's target.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: Some(&hook.target), attach }]
}

fn attach(program: &Path, _: &Hook) -> Result<Attached, Failure> {
    let mut program = FExit::from_pin(program)?;
    let link = program.attach()?;
    Ok(Attached::Link(program.take_link(link)?.into()))
}
