//! A trampoline at a function's entry that may decide what it returns.

use std::path::Path;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part, cookie};

/// `BPF_MODIFY_RETURN`
const ATTACH_TYPE: u32 = 26;

/// One program, verified for the hook's target.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: Some(&hook.target), attach }]
}

fn attach(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    if let Some(cookie) = hook.cookie {
        return cookie::tracing(program, ATTACH_TYPE, cookie);
    }
    Attached::to_its_target(program)
}
