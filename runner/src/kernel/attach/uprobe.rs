//! A breakpoint in an executable or a library, by a perf event.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::desired::{Details, Hook};
use crate::kernel::attach::{Attached, Failure, Part, perf, user_file};
use crate::kernel::sys::links::EventRequest;

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

fn attach(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    open(program, hook, 0)
}

/// Attaches at the return of the hook's function.
pub fn attach_at_return(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    open(program, hook, perf::AT_RETURN)
}

fn open(program: &Path, hook: &Hook, config: u64) -> Result<Vec<Attached>, Failure> {
    let Details::User { binary, process } = &hook.details else {
        return Err(Failure::Incomplete);
    };
    let event_type = perf::unit("uprobe")?;
    let file = user_file::locate(binary, *process)?;
    let function = match hook.target.as_str() {
        "" => 0,
        symbol => user_file::function_offset(&file, symbol)?,
    };
    let name = CString::new(file.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let request = EventRequest {
        event_type,
        config,
        name: Some(&name),
        offset: function + hook.offset,
        process: *process,
        ..EventRequest::default()
    };
    Ok(vec![perf::attach(program, &request, hook.cookie)?])
}
