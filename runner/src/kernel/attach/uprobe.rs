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
    let file = user_file::locate(binary, *process)?;
    let function = match hook.target.as_str() {
        "" => 0,
        symbol => user_file::function_offset(&file, symbol)?,
    };
    let offset = function + hook.offset;
    Ok(vec![attach_at(program, &file, offset, config, *process, hook.cookie)?])
}

/// Attaches at an offset of a file; `config` is that of the unit of perf events.
pub fn attach_at(
    program: &Path,
    file: &Path,
    offset: u64,
    config: u64,
    process: Option<u32>,
    cookie: Option<u64>,
) -> Result<Attached, Failure> {
    let name = CString::new(file.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let request = EventRequest {
        event_type: perf::unit("uprobe")?,
        config,
        name: Some(&name),
        offset,
        process,
        ..EventRequest::default()
    };
    perf::attach(program, &request, cookie)
}
