//! What kprobes, uprobes, tracepoints and perf events have in common: a perf event is opened, and a
//! program is linked to it.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use crate::kernel::attach::{Attached, Failure, HeldLink, has_perf_links};
use crate::kernel::sys;
use crate::kernel::sys::links::{self, EventRequest};

/// Where the kernel lists its units of perf events.
const UNITS: &str = "/sys/bus/event_source/devices";

/// In a probe's config: at the function's return. The unit's `format/retprobe` says the same.
pub const AT_RETURN: u64 = 1;

/// Opens an event and attaches the program that is pinned at the path: by a link where the kernel
/// has links for perf events.
pub fn attach(
    program: &Path,
    request: &EventRequest<'_>,
    cookie: Option<u64>,
) -> Result<Attached, Failure> {
    if cookie.is_some() && !has_perf_links() {
        return Err(Failure::NoCookies { since: "5.15" });
    }
    let program = sys::obj_get(program)?;
    let event = links::perf_event_open(request)?;
    if has_perf_links() {
        let link = links::perf_link(program.as_fd(), event.as_fd(), cookie.unwrap_or_default())?;
        links::perf_event_enable(event.as_fd())?;
        return Ok(Attached::Fd(link));
    }
    links::perf_event_set_program(event.as_fd(), program.as_fd())?;
    links::perf_event_enable(event.as_fd())?;
    Ok(Attached::Held(HeldLink { _event: event }))
}

/// The number of a unit of perf events, such as `kprobe`.
pub fn unit(name: &str) -> io::Result<u32> {
    number(&Path::new(UNITS).join(name).join("type"))
}

/// The number in a file of the kernel's.
pub fn number(file: &Path) -> io::Result<u32> {
    fs::read_to_string(file)?.trim().parse().map_err(io::Error::other)
}
