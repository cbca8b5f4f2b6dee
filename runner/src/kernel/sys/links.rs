//! Attaching by system calls that aya doesn't make: perf events of any kind, links with cookies, links
//! to many functions, iterators' runs.
//!
//! As safe to call as the rest of [`crate::kernel::sys`], and as ignorant of probes.

use std::ffi::{CStr, CString, c_char, c_int, c_ulong};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crate::kernel::sys::{bpf_fd, owned, raw};

const BPF_RAW_TRACEPOINT_OPEN: c_int = 17;
const BPF_LINK_CREATE: c_int = 28;
const BPF_ITER_CREATE: c_int = 33;

/// `BPF_PERF_EVENT` of `enum bpf_attach_type`.
const ATTACH_PERF_EVENT: u32 = 41;
/// `BPF_TRACE_KPROBE_MULTI` of it.
const ATTACH_KPROBE_MULTI: u32 = 42;

const PERF_FLAG_FD_CLOEXEC: c_ulong = 8;
/// `_IOW('$', 8, __u32)`
const PERF_EVENT_IOC_SET_BPF: c_ulong = 0x4004_2408;
/// `_IO('$', 0)`
const PERF_EVENT_IOC_ENABLE: c_ulong = 0x2400;

/// What perf_event_open(2) is asked for.
#[derive(Clone, Copy, Default)]
pub struct EventRequest<'a> {
    /// `perf_event_attr.type`: a fixed number, or that of a unit in /sys/bus/event_source/devices.
    pub event_type: u32,
    /// Which event of that type.
    pub config: u64,
    /// For kprobes the function, for uprobes the file.
    pub name: Option<&'a CStr>,
    /// For kprobes the offset in the function, for uprobes the one in the file.
    pub offset: u64,
    /// After how many events the program runs, or, with `is_frequency`, how often a second.
    pub sample: u64,
    /// Whether `sample` is a frequency.
    pub is_frequency: bool,
    /// The only process, on whatever CPU.
    pub process: Option<u32>,
    /// Without a process: the only CPU. Probes fire on every CPU, whichever is named.
    pub cpu: u32,
}

/// `struct perf_event_attr` as of Linux 2.6.33, its second published size.
#[repr(C)]
#[derive(Default)]
struct EventAttr {
    event_type: u32,
    size: u32,
    config: u64,
    sample: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    name: u64,
    offset: u64,
}

/// `perf_event_attr.freq`: the eleventh of its flags.
const FLAG_FREQUENCY: u64 = 1 << 10;

/// For `BPF_LINK_CREATE`, with the `perf_event` member of its union.
#[repr(C)]
#[derive(Default)]
struct PerfLinkAttr {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    cookie: u64,
}

/// For `BPF_LINK_CREATE`, with the `tracing` member of its union.
#[repr(C)]
#[derive(Default)]
struct TracingLinkAttr {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    target_btf_id: u32,
    padding: u32,
    cookie: u64,
}

/// For `BPF_LINK_CREATE`, with the `kprobe_multi` member of its union.
#[repr(C)]
#[derive(Default)]
struct KprobeMultiAttr {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    at_return: u32,
    count: u32,
    names: u64,
    addresses: u64,
    cookies: u64,
}

/// At which end of functions a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before they do anything.
    Entry,
    /// After they have.
    Return,
}

/// For `BPF_RAW_TRACEPOINT_OPEN` as of Linux 6.10.
#[repr(C)]
#[derive(Default)]
struct RawTracepointCookieAttr {
    name: u64,
    prog_fd: u32,
    padding: u32,
    cookie: u64,
}

/// For `BPF_ITER_CREATE`.
#[repr(C)]
#[derive(Default)]
struct IterAttr {
    link_fd: u32,
    flags: u32,
}

/// Opens a perf event.
pub fn perf_event_open(request: &EventRequest<'_>) -> io::Result<OwnedFd> {
    let attr = EventAttr {
        event_type: request.event_type,
        size: size_of::<EventAttr>() as u32,
        config: request.config,
        sample: request.sample,
        flags: if request.is_frequency { FLAG_FREQUENCY } else { 0 },
        name: request.name.map_or(0, |name| name.as_ptr() as u64),
        offset: request.offset,
        ..EventAttr::default()
    };
    let (process, cpu) = match request.process {
        Some(process) => (c_int::try_from(process).map_err(io::Error::other)?, -1),
        None => (-1, c_int::try_from(request.cpu).map_err(io::Error::other)?),
    };
    let no_group: c_int = -1;
    // SAFETY: the kernel reads as many bytes as the attributes say that they have, and the name,
    // which is a C string and outlives the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            std::ptr::from_ref(&attr),
            process,
            cpu,
            no_group,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    owned(fd)
}

/// Lets a program run at a perf event, for as long as the event is open.
pub fn perf_event_set_program(event: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    event_ioctl(event, PERF_EVENT_IOC_SET_BPF, program.as_raw_fd())
}

/// Switches a perf event on.
pub fn perf_event_enable(event: BorrowedFd<'_>) -> io::Result<()> {
    event_ioctl(event, PERF_EVENT_IOC_ENABLE, 0)
}

fn event_ioctl(event: BorrowedFd<'_>, request: c_ulong, argument: c_int) -> io::Result<()> {
    // SAFETY: these requests take plain numbers.
    let result = unsafe { libc::ioctl(event.as_raw_fd(), request as _, argument) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Links a program to a perf event (Linux 5.15).
pub fn perf_link(
    program: BorrowedFd<'_>,
    event: BorrowedFd<'_>,
    cookie: u64,
) -> io::Result<OwnedFd> {
    let mut attr = PerfLinkAttr {
        prog_fd: raw(program),
        target_fd: raw(event),
        attach_type: ATTACH_PERF_EVENT,
        flags: 0,
        cookie,
    };
    bpf_fd(BPF_LINK_CREATE, &mut attr)
}

/// Links a tracing program to what it was loaded for, with a cookie (Linux 5.19). `attach_type` is
/// the number that it was loaded with.
pub fn tracing_link(program: BorrowedFd<'_>, attach_type: u32, cookie: u64) -> io::Result<OwnedFd> {
    let mut attr = TracingLinkAttr {
        prog_fd: raw(program),
        attach_type,
        cookie,
        ..TracingLinkAttr::default()
    };
    bpf_fd(BPF_LINK_CREATE, &mut attr)
}

/// Attaches a program to a raw tracepoint, or, without a name, to the BTF tracepoint that it was
/// loaded for, with a cookie. Kernels without such cookies (before 6.10) answer EINVAL.
pub fn raw_tracepoint_link(
    name: Option<&CStr>,
    program: BorrowedFd<'_>,
    cookie: u64,
) -> io::Result<OwnedFd> {
    let mut attr = RawTracepointCookieAttr {
        name: name.map_or(0, |name| name.as_ptr() as u64),
        prog_fd: raw(program),
        padding: 0,
        cookie,
    };
    bpf_fd(BPF_RAW_TRACEPOINT_OPEN, &mut attr)
}

/// Links a program to functions of the kernel, which all give it the same cookie (Linux 5.18).
///
/// # Errors
/// EOPNOTSUPP without CONFIG_FPROBE, EINVAL before 5.18, ESRCH if one of the functions can't be traced.
pub fn kprobe_multi_link(
    program: BorrowedFd<'_>,
    functions: &[CString],
    when: When,
    cookie: Option<u64>,
) -> io::Result<OwnedFd> {
    let names: Vec<*const c_char> = functions.iter().map(|name| name.as_ptr()).collect();
    let cookies: Option<Vec<u64>> = cookie.map(|cookie| vec![cookie; functions.len()]);
    let mut attr = KprobeMultiAttr {
        prog_fd: raw(program),
        attach_type: ATTACH_KPROBE_MULTI,
        at_return: u32::from(when == When::Return),
        count: u32::try_from(functions.len()).map_err(io::Error::other)?,
        names: names.as_ptr() as u64,
        cookies: cookies.as_ref().map_or(0, |cookies| cookies.as_ptr() as u64),
        ..KprobeMultiAttr::default()
    };
    bpf_fd(BPF_LINK_CREATE, &mut attr)
}

/// Begins a run of an iterator: reading the descriptor to its end runs the program over everything.
pub fn iter_open(link: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut attr = IterAttr { link_fd: raw(link), flags: 0 };
    bpf_fd(BPF_ITER_CREATE, &mut attr)
}
