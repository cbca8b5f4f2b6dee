//! An iterator: it runs over all things of a kind whenever it is read.

use std::path::Path;

use aya::programs::Iter;
use aya::programs::links::FdLink;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part};

/// One program, verified for the hook's target.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: Some(&hook.target), attach }]
}

fn attach(program: &Path, _: &Hook) -> Result<Vec<Attached>, Failure> {
    let mut program = Iter::from_pin(program)?;
    let link = program.attach()?;
    let link: FdLink = program.take_link(link)?.try_into()?;
    Ok(vec![Attached::Link(link)])
}
