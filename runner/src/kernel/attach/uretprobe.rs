//! A uprobe at a function's return, by a perf event.

use crate::desired::Hook;
use crate::kernel::attach::{Part, uprobe};

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach: uprobe::attach_at_return }]
}
