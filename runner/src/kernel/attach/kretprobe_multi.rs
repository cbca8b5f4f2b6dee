//! The returns of many functions by one link.

use crate::desired::Hook;
use crate::kernel::attach::{Part, kprobe_multi};

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach: kprobe_multi::attach_at_return }]
}
