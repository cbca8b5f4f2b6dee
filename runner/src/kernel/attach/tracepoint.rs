//! A tracepoint with its formatted record, by a perf event.

use std::path::Path;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part, perf};
use crate::kernel::mounts;
use crate::kernel::sys::links::EventRequest;

/// `PERF_TYPE_TRACEPOINT`
const EVENT_TYPE: u32 = 2;

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

fn attach(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    // Its name is a path there: `category/name`.
    let id = Path::new(mounts::TRACEFS).join("events").join(&hook.target).join("id");
    let request = EventRequest {
        event_type: EVENT_TYPE,
        config: u64::from(perf::number(&id)?),
        sample: 1,
        ..EventRequest::default()
    };
    Ok(vec![perf::attach(program, &request, hook.cookie)?])
}
