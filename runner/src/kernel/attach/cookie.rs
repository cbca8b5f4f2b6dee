//! Links with a cookie of the kinds that need no perf event; aya makes them without one.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use crate::kernel::attach::{Attached, Failure};
use crate::kernel::sys::{self, links};

/// A trampoline's; `attach_type` is the one that the program was loaded with.
pub fn tracing(program: &Path, attach_type: u32, cookie: u64) -> Result<Vec<Attached>, Failure> {
    let program = sys::obj_get(program)?;
    made(links::tracing_link(program.as_fd(), attach_type, cookie), "5.19")
}

/// A raw tracepoint's by its name, or, without one, that of the BTF tracepoint that the program was
/// loaded for.
pub fn raw_tracepoint(
    program: &Path,
    name: Option<&str>,
    cookie: u64,
) -> Result<Vec<Attached>, Failure> {
    let program = sys::obj_get(program)?;
    let name = name.map(CString::new).transpose().map_err(io::Error::other)?;
    made(links::raw_tracepoint_link(name.as_deref(), program.as_fd(), cookie), "6.10")
}

/// A kernel that doesn't know the cookie refuses the request as such: its attributes are too long, or
/// not all zero where it knows none.
fn made(link: io::Result<OwnedFd>, since: &'static str) -> Result<Vec<Attached>, Failure> {
    match link {
        Ok(link) => Ok(vec![Attached::Fd(link)]),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::E2BIG)) => {
            Err(Failure::NoCookies { since })
        }
        Err(error) => Err(error.into()),
    }
}
