//! A kprobe at a function's return, by a perf event.

use std::path::Path;

use aya::programs::{KProbe, ProbeKind};

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part};

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

/// Attaches at the return of the hook's function.
pub fn attach(program: &Path, hook: &Hook) -> Result<Attached, Failure> {
    let mut program = KProbe::from_pin(program, ProbeKind::Return)?;
    let link = program.attach(&hook.target, 0)?;
    Attached::kprobe(program.take_link(link)?)
}
