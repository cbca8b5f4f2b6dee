//! A breakpoint or ftrace hook at an instruction, by a perf event.

use std::ffi::CString;
use std::io;
use std::path::Path;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part, perf};
use crate::kernel::sys::links::EventRequest;

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

/// Attaches at the hook's offset in its function.
pub fn attach(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    open(program, hook, 0, hook.offset)
}

/// Attaches at the return of the hook's function.
pub fn attach_at_return(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    open(program, hook, perf::AT_RETURN, 0)
}

fn open(program: &Path, hook: &Hook, config: u64, offset: u64) -> Result<Vec<Attached>, Failure> {
    let function = CString::new(hook.target.as_str()).map_err(io::Error::other)?;
    let request = EventRequest {
        event_type: perf::unit("kprobe")?,
        config,
        name: Some(&function),
        offset,
        ..EventRequest::default()
    };
    Ok(vec![perf::attach(program, &request, hook.cookie)?])
}
