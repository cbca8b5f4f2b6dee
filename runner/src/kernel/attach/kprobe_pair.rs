//! A kprobe and a kretprobe of one function.
//!
//! The return probe comes first and goes last: so every call that the entry probe saw is seen
//! returning, and none is left behind as if it were still running.

use crate::desired::Hook;
use crate::kernel::attach::{Part, kprobe};

/// The program at the return, then the one at the entry.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    let at_return = hook.return_program.as_ref().map(|program| Part {
        program,
        target: None,
        attach: kprobe::attach_at_return,
    });
    let at_entry = Part { program: &hook.program, target: None, attach: kprobe::attach };
    at_return.into_iter().chain([at_entry]).collect()
}
