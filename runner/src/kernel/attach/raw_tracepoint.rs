//! A tracepoint with its raw arguments.

use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part, cookie};
use crate::kernel::sys;

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

fn attach(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    if let Some(cookie) = hook.cookie {
        return cookie::raw_tracepoint(program, Some(&hook.target), cookie);
    }
    let name = CString::new(hook.target.as_str()).map_err(io::Error::from)?;
    let program = sys::obj_get(program)?;
    Ok(vec![Attached::Fd(sys::raw_tracepoint_open(Some(&name), program.as_fd())?)])
}
