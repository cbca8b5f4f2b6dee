//! System calls that no safe library offers: bpf(2), perf_event_open(2), raw and 32-bit calls, ports, namespaces.
//!
//! The only module with `unsafe`. Each function is one kernel facility; none decides anything.
#![expect(unsafe_code, reason = "the room for raw system calls")]

use std::arch::asm;
use std::ffi::{CStr, CString, c_int, c_long};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};

/// What bpf(2) can list by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A loaded program.
    Program,
    /// A map.
    Map,
    /// An attachment.
    Link,
}

/// Commands of bpf(2), from include/uapi/linux/bpf.h.
mod command {
    pub const MAP_UPDATE_ELEM: u32 = 2;
    pub const PROG_LOAD: u32 = 5;
    pub const OBJ_GET: u32 = 7;
    pub const PROG_GET_NEXT_ID: u32 = 11;
    pub const MAP_GET_NEXT_ID: u32 = 12;
    pub const RAW_TRACEPOINT_OPEN: u32 = 17;
    pub const LINK_CREATE: u32 = 28;
    pub const LINK_GET_NEXT_ID: u32 = 31;
}

/// Arguments of bpf(2): zeroes where nothing is put. 8-byte aligned, as its pointers want.
#[derive(Default)]
struct Attributes([u64; 18]);

impl Attributes {
    fn put_u32(&mut self, offset: usize, value: u32) {
        let shift = (offset % 8) * 8;
        self.0[offset / 8] |= u64::from(value) << shift;
    }

    fn put_pointer<T>(&mut self, offset: usize, value: *const T) {
        self.0[offset / 8] = value as u64;
    }

    fn get_u32(&self, offset: usize) -> u32 {
        (self.0[offset / 8] >> ((offset % 8) * 8)) as u32
    }
}

fn bpf(command: u32, attributes: &mut Attributes) -> io::Result<c_long> {
    // SAFETY: the attributes outlive the call, and what they point to is borrowed by the callers for as long.
    check(unsafe {
        libc::syscall(libc::SYS_bpf, command, attributes.0.as_mut_ptr(), size_of_val(&attributes.0))
    })
}

fn bpf_fd(command: u32, attributes: &mut Attributes) -> io::Result<OwnedFd> {
    let fd = bpf(command, attributes)?;
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the command returned a new descriptor that nobody else knows.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn check(result: c_long) -> io::Result<c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// What is pinned at a path.
pub fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attributes = Attributes::default();
    attributes.put_pointer(0, path.as_ptr());
    bpf_fd(command::OBJ_GET, &mut attributes)
}

/// Puts a program into a slot of a PROG_ARRAY.
pub fn set_slot(array: &OwnedFd, index: u32, program: &OwnedFd) -> io::Result<()> {
    let program = program.as_raw_fd();
    let mut attributes = Attributes::default();
    attributes.put_u32(0, array.as_raw_fd() as u32);
    attributes.put_pointer(8, &raw const index);
    attributes.put_pointer(16, &raw const program);
    bpf(command::MAP_UPDATE_ELEM, &mut attributes).map(drop)
}

/// The smallest id above `last`; none at the end.
pub fn next_id(kind: Kind, last: u32) -> io::Result<Option<u32>> {
    let command = match kind {
        Kind::Program => command::PROG_GET_NEXT_ID,
        Kind::Map => command::MAP_GET_NEXT_ID,
        Kind::Link => command::LINK_GET_NEXT_ID,
    };
    let mut attributes = Attributes::default();
    attributes.put_u32(0, last);
    match bpf(command, &mut attributes) {
        Ok(_) => Ok(Some(attributes.get_u32(4))),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Program types and attach types, from include/uapi/linux/bpf.h.
pub mod program {
    /// BPF_PROG_TYPE_KPROBE
    pub const KPROBE: u32 = 2;
    /// BPF_PROG_TYPE_TRACEPOINT
    pub const TRACEPOINT: u32 = 5;
    /// BPF_PROG_TYPE_RAW_TRACEPOINT
    pub const RAW_TRACEPOINT: u32 = 17;
    /// BPF_PROG_TYPE_TRACING
    pub const TRACING: u32 = 26;
    /// BPF_TRACE_FEXIT
    pub const TRACE_FEXIT: u32 = 25;
    /// BPF_TRACE_KPROBE_MULTI
    pub const TRACE_KPROBE_MULTI: u32 = 42;
    /// BPF_PERF_EVENT
    pub const PERF_EVENT: u32 = 41;
}

/// Loads a program that does nothing. `attach` is the attach type and the BTF id of the traced function.
pub fn load_empty_program(kind: u32, attach: Option<(u32, u32)>) -> io::Result<OwnedFd> {
    load_empty(kind, attach, 0)
}

/// The same of a program that may sleep.
pub fn load_empty_sleepable(kind: u32, attach: (u32, u32)) -> io::Result<OwnedFd> {
    const SLEEPABLE: u32 = 1 << 4;
    load_empty(kind, Some(attach), SLEEPABLE)
}

fn load_empty(kind: u32, attach: Option<(u32, u32)>, flags: u32) -> io::Result<OwnedFd> {
    // r0 = 0; exit
    let instructions: [u64; 2] = [0xb7, 0x95];
    let license = c"GPL";
    let mut attributes = Attributes::default();
    attributes.put_u32(0, kind);
    attributes.put_u32(4, instructions.len() as u32);
    attributes.put_pointer(8, instructions.as_ptr());
    attributes.put_pointer(16, license.as_ptr());
    attributes.put_u32(44, flags);
    if let Some((attach_type, btf_id)) = attach {
        attributes.put_u32(68, attach_type);
        attributes.put_u32(108, btf_id);
    }
    bpf_fd(command::PROG_LOAD, &mut attributes)
}

/// Attaches a raw tracepoint program by name, or a tracing program (no name: it knows its target).
pub fn raw_tracepoint_open(program: &OwnedFd, name: Option<&str>) -> io::Result<OwnedFd> {
    let name = name.map(CString::new).transpose()?;
    let mut attributes = Attributes::default();
    if let Some(name) = &name {
        attributes.put_pointer(0, name.as_ptr());
    }
    attributes.put_u32(8, program.as_raw_fd() as u32);
    bpf_fd(command::RAW_TRACEPOINT_OPEN, &mut attributes)
}

/// Attaches a raw tracepoint program by name, with a cookie.
pub fn raw_tracepoint_open_with_cookie(program: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let name = CString::new(name)?;
    let mut attributes = Attributes::default();
    attributes.put_pointer(0, name.as_ptr());
    attributes.put_u32(8, program.as_raw_fd() as u32);
    attributes.put_u32(16, 1);
    bpf_fd(command::RAW_TRACEPOINT_OPEN, &mut attributes)
}

/// Attaches an fexit program by a link with a cookie.
pub fn fexit_link_with_cookie(program: &OwnedFd) -> io::Result<OwnedFd> {
    let mut attributes = Attributes::default();
    attributes.put_u32(0, program.as_raw_fd() as u32);
    attributes.put_u32(8, program::TRACE_FEXIT);
    attributes.put_u32(24, 1);
    bpf_fd(command::LINK_CREATE, &mut attributes)
}

/// Attaches a program to a function by a link that could have many.
pub fn kprobe_multi_link(program: &OwnedFd, function: &str) -> io::Result<OwnedFd> {
    let function = CString::new(function)?;
    let functions = [function.as_ptr()];
    let mut attributes = Attributes::default();
    attributes.put_u32(0, program.as_raw_fd() as u32);
    attributes.put_u32(8, program::TRACE_KPROBE_MULTI);
    attributes.put_u32(20, functions.len() as u32);
    attributes.put_pointer(24, functions.as_ptr());
    bpf_fd(command::LINK_CREATE, &mut attributes)
}

/// Attaches a program to a perf event by a link.
pub fn perf_link(program: &OwnedFd, event: &OwnedFd) -> io::Result<OwnedFd> {
    let mut attributes = Attributes::default();
    attributes.put_u32(0, program.as_raw_fd() as u32);
    attributes.put_u32(4, event.as_raw_fd() as u32);
    attributes.put_u32(8, program::PERF_EVENT);
    bpf_fd(command::LINK_CREATE, &mut attributes)
}

/// Opens a tracepoint as a perf event; `id` is from tracefs.
pub fn open_tracepoint(id: u64) -> io::Result<OwnedFd> {
    const PERF_TYPE_TRACEPOINT: u64 = 2;
    // struct perf_event_attr in its first published size: type and size, config, then zeroes.
    let mut attributes = [0_u64; 8];
    attributes[0] = PERF_TYPE_TRACEPOINT | ((size_of_val(&attributes) as u64) << 32);
    attributes[1] = id;
    let (any_process, cpu, no_group, flags) = (-1, 0, -1, 0);
    // SAFETY: the attributes hold as many bytes as they say.
    let fd = check(unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            attributes.as_ptr(),
            any_process,
            cpu,
            no_group,
            flags,
        )
    })?;
    // SAFETY: a new descriptor that nobody else knows.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Makes one system call by number, all arguments zero. What it returns is of no interest to those who count calls.
pub fn call(number: c_long) {
    // SAFETY: without a pointer the kernel has no memory to write to.
    unsafe { libc::syscall(number, 0, 0, 0, 0) };
}

/// A function to be found by its name in this program's symbols.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn guest_tick(number: u32) -> u32 {
    std::hint::black_box(number) + 1
}

/// How many watch the probe below: the kernel counts in this process's memory.
///
/// On a page of its own: linkers let two segments share a page of the file, and the kernel counts in the first writable
/// mapping that it sees of that page.
#[unsafe(link_section = ".probes")]
static mut WATCHERS: Watchers = Watchers(0);

#[repr(align(4096))]
struct Watchers(u16);

/// A place left for probes, `guest:tick`, that is passed only while somebody watches. Whether it was.
#[inline(never)]
pub fn usdt_tick(number: u32) -> bool {
    // SAFETY: only the kernel writes there, and a 16-bit read is whole.
    if unsafe { (&raw const WATCHERS.0).read_volatile() } == 0 {
        return false;
    }
    // SAFETY: one instruction that does nothing, and a note in a section that is not loaded.
    unsafe {
        asm!(
            "990: nop",
            ".pushsection .note.stapsdt, \"\", \"note\"",
            ".balign 4",
            ".4byte 992f - 991f, 995f - 993f, 3",
            "991: .asciz \"stapsdt\"",
            "992: .balign 4",
            "993: .8byte 990b, 0, {watchers}",
            ".asciz \"guest\", \"tick\", \"4@%edi\"",
            "995: .balign 4",
            ".popsection",
            watchers = sym WATCHERS,
            in("edi") number,
            options(nostack, preserves_flags),
        );
    }
    true
}

/// Maps fresh memory at `address` and writes to each of its `pages` once: each write is a page fault.
pub fn touch_fresh_pages(address: usize, pages: usize) -> io::Result<()> {
    const PAGE: usize = 4096;
    let size = pages * PAGE;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: nothing else is there, or the kernel refuses.
    let start = unsafe { libc::mmap(address as *mut libc::c_void, size, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // A huge page would be one fault.
    // SAFETY: the range was mapped above.
    let advised = unsafe { libc::madvise(start, size, libc::MADV_NOHUGEPAGE) };
    if advised != 0 && io::Error::last_os_error().raw_os_error() != Some(libc::EINVAL) {
        return Err(io::Error::last_os_error());
    }
    for page in 0..pages {
        // SAFETY: within the range that was mapped above.
        unsafe { start.cast::<u8>().add(page * PAGE).write_volatile(1) };
    }
    Ok(())
}

/// Sets this process's nice value to 0, which everybody may.
pub fn set_own_nice_to_0() -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(c_long::from(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 0) })).map(drop)
}

/// A POSIX timer that never signals, by the kernel's own calls: a C library may make more or other ones.
pub struct Timer {
    id: c_int,
}

impl Timer {
    /// timer_create
    pub fn create() -> io::Result<Self> {
        // SAFETY: all zeroes is a valid `sigevent`.
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_NONE;
        let mut id: c_int = 0;
        // SAFETY: both pointers are valid during the call; the kernel's timer id is an int.
        check(unsafe {
            libc::syscall(libc::SYS_timer_create, libc::CLOCK_MONOTONIC, &event, &mut id)
        })?;
        Ok(Self { id })
    }

    /// timer_settime, `seconds` from now.
    pub fn set(&self, seconds: i64) -> io::Result<()> {
        let never = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let time = libc::itimerspec {
            it_interval: never,
            it_value: libc::timespec { tv_sec: seconds, ..never },
        };
        let (flags, no_old_time) = (0, std::ptr::null::<libc::itimerspec>());
        // SAFETY: the time is valid during the call, and nothing is written.
        check(unsafe { libc::syscall(libc::SYS_timer_settime, self.id, flags, &time, no_old_time) })
            .map(drop)
    }

    /// timer_gettime: whole seconds that are left.
    pub fn left(&self) -> io::Result<i64> {
        let never = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let mut time = libc::itimerspec { it_interval: never, it_value: never };
        // SAFETY: the kernel writes one `itimerspec`.
        check(unsafe { libc::syscall(libc::SYS_timer_gettime, self.id, &mut time) })?;
        Ok(time.it_value.tv_sec)
    }

    /// timer_getoverrun
    pub fn overrun(&self) -> io::Result<c_long> {
        // SAFETY: no memory is involved.
        check(unsafe { libc::syscall(libc::SYS_timer_getoverrun, self.id) })
    }

    /// timer_delete
    pub fn delete(self) -> io::Result<()> {
        // SAFETY: no memory is involved.
        check(unsafe { libc::syscall(libc::SYS_timer_delete, self.id) }).map(drop)
    }
}

/// Makes one 32-bit system call without arguments. Kills the process on a kernel built without them.
pub fn compat_call(number: u32) -> u32 {
    let result: u32;
    // SAFETY: the kernel saves all registers but eax, and r8 to r11 on some versions.
    unsafe {
        asm!(
            "int 0x80",
            inlateout("eax") number => result,
            lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _,
        );
    }
    result
}

/// Starts a command that this thread traces: it is stopped at once.
pub fn spawn_traced(command: &mut Command) -> io::Result<Child> {
    // SAFETY: between fork and exec nothing but one system call is made.
    unsafe { command.pre_exec(|| nix::sys::ptrace::traceme().map_err(io::Error::from)) };
    command.spawn()
}

/// Gives this process mounts and network devices of its own.
pub fn unshare_mounts_and_network() -> io::Result<()> {
    // SAFETY: no memory is involved.
    check(c_long::from(unsafe { libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWNET) })).map(drop)
}

/// Brings up the loopback device.
pub fn loopback_up() -> io::Result<()> {
    interface_up(c"lo")
}

/// Brings up a network device.
pub fn interface_up(name: &CStr) -> io::Result<()> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: all zeroes is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.to_bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    // SAFETY: the request is valid and outlives the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) };
    check(c_long::from(result)).map(drop)
}

/// A socket that sends whole frames through one device.
pub struct LinkSocket {
    socket: OwnedFd,
    address: libc::sockaddr_ll,
}

impl LinkSocket {
    /// Opens one for a device.
    pub fn open(device: &CStr) -> io::Result<LinkSocket> {
        // SAFETY: no memory is involved.
        let fd = check(c_long::from(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0) }))?;
        // SAFETY: the kernel just gave this descriptor to us alone.
        let socket = unsafe { OwnedFd::from_raw_fd(fd as RawFd) };
        // SAFETY: the name ends with a NUL.
        let index = unsafe { libc::if_nametoindex(device.as_ptr()) };
        if index == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: all zeroes is a valid `sockaddr_ll`.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = index as i32;
        Ok(LinkSocket { socket, address })
    }

    /// Sends a frame, its header included.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: frame and address outlive the call and are as long as is said.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
                (&raw const self.address).cast(),
                size_of::<libc::sockaddr_ll>() as u32,
            )
        };
        check(sent as c_long).map(drop)
    }
}

/// Ends the emulator through its debug-exit device. Returns only when the kernel forbids port access.
pub fn exit_emulator(code: u8) -> io::Error {
    const PORT: u16 = 0xf4;
    // SAFETY: no memory is involved.
    let allowed = unsafe { libc::ioperm(u64::from(PORT), 1, 1) };
    if allowed == 0 {
        // SAFETY: access was granted; nothing but the debug-exit device listens there.
        unsafe { asm!("out dx, al", in("dx") PORT, in("al") code) };
    }
    io::Error::last_os_error()
}
