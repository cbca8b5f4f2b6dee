//! A breakpoint or ftrace hook at an instruction, by a perf event.

use std::path::Path;

use aya::programs::{KProbe, ProbeKind};

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part};

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

/// Attaches at the hook's offset in its function.
pub fn attach(program: &Path, hook: &Hook) -> Result<Attached, Failure> {
    let mut program = KProbe::from_pin(program, ProbeKind::Entry)?;
    let link = program.attach(&hook.target, hook.offset)?;
    Attached::kprobe(program.take_link(link)?)
}
