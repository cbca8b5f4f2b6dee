//! Trampolines at functions: `fentry`, `fexit`, `fmod_ret`, and what `lsm` shares with them.

use std::path::Path;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part, cookie};

/// `BPF_TRACE_FENTRY`
const FENTRY: u32 = 24;
/// `BPF_TRACE_FEXIT`
const FEXIT: u32 = 25;
/// `BPF_MODIFY_RETURN`
const MODIFY_RETURN: u32 = 26;

/// At a function's entry.
pub fn at_entry(hook: &Hook) -> Vec<Part<'_>> {
    one(hook, |program, hook| attach(program, hook, FENTRY))
}

/// At a function's exit.
pub fn at_exit(hook: &Hook) -> Vec<Part<'_>> {
    one(hook, |program, hook| attach(program, hook, FEXIT))
}

/// At a function's entry, with a program that may decide what the function returns.
pub fn deciding(hook: &Hook) -> Vec<Part<'_>> {
    one(hook, |program, hook| attach(program, hook, MODIFY_RETURN))
}

/// One program, verified for the hook's target.
fn one(hook: &Hook, attach: fn(&Path, &Hook) -> Result<Vec<Attached>, Failure>) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: Some(&hook.target), attach }]
}

/// Attaches a program that was loaded with this attach type, which a link with a cookie wants to know
/// again.
pub(super) fn attach(
    program: &Path,
    hook: &Hook,
    attach_type: u32,
) -> Result<Vec<Attached>, Failure> {
    match hook.cookie {
        Some(cookie) => cookie::tracing(program, attach_type, cookie),
        None => Attached::to_its_target(program),
    }
}
