//! System calls that no library wraps for us: bpf(2) on raw bytes, detached mounts.
//!
//! `make` has the commands that create things, `change` those that change maps in use, `types` those
//! that find type information; what else asks is here. The only module with
//! `unsafe`. Every function is safe to call: buffers are checked against the
//! sizes that the kernel will use, descriptors are owned. It knows system calls, not probes.
#![expect(
    unsafe_code,
    reason = "bpf(2), fsopen(2) and fsmount(2) take pointers; this module alone calls them"
)]

mod abi;
mod change;
mod make;
mod test_run;
mod types;
mod unpreempted;

pub mod links;

use std::ffi::{CStr, CString, c_int, c_long};
use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::kernel::sys::abi::{
    BatchAttr, ElemAttr, InfoAttr, PathAttr, RawLinkInfo, RawMapInfo, RawProgInfo,
    RawTracepointAttr,
};
use crate::kernel::sys::unpreempted::bpf_on_elements;
use crate::object::MapType;

pub use change::{
    enable_run_statistics, link_exists, map_delete, map_open, map_update_batch, prog_open,
    store_mapped, wait_for_programs,
};
pub use make::{
    DebugInfo, MapRequest, MapTypes, ProgramRequest, Records, Refusal, TargetType, btf_load,
    knows_cookies, load_trivial, map_create, map_freeze, map_update, obj_pin, prog_load,
};
pub use test_run::{CONTEXT_WORDS, KernelBytes, raw_tracepoint_run};
pub use types::{btf_bytes, btf_next_id, btf_open, kernel_btf_name, map_kernel_btf};
pub use unpreempted::{Unpreempted, elements_are_undisturbed};

const BPF_MAP_LOOKUP_ELEM: c_int = 1;
const BPF_MAP_UPDATE_ELEM: c_int = 2;
const BPF_MAP_GET_NEXT_KEY: c_int = 4;
const BPF_OBJ_GET: c_int = 7;
const BPF_OBJ_GET_INFO_BY_FD: c_int = 15;
const BPF_RAW_TRACEPOINT_OPEN: c_int = 17;
const BPF_MAP_LOOKUP_AND_DELETE_ELEM: c_int = 21;
const BPF_MAP_LOOKUP_BATCH: c_int = 24;
const BPF_MAP_LOOKUP_AND_DELETE_BATCH: c_int = 25;

const FSOPEN_CLOEXEC: u32 = 1;
const FSCONFIG_CMD_CREATE: u32 = 6;
const FSMOUNT_CLOEXEC: u32 = 1;

/// What the kernel says about a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgInfo {
    /// `enum bpf_prog_type`.
    pub prog_type: u32,
    /// The program's id.
    pub id: u32,
    /// Digest of its instructions.
    pub tag: [u8; 8],
    /// Nanoseconds of the boot-time clock.
    pub load_time: u64,
    /// Id of its BTF, 0 if it has none.
    pub btf_id: u32,
    /// Runs while statistics were on.
    pub run_cnt: u64,
    /// Nanoseconds in those runs.
    pub run_time_ns: u64,
    /// Runs that the recursion guard skipped; `None` before Linux 5.12.
    pub recursion_misses: Option<u64>,
}

/// What the kernel says about a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapInfo {
    /// `enum bpf_map_type`.
    pub map_type: u32,
    /// The map's id.
    pub id: u32,
    /// Key size in bytes.
    pub key_size: u32,
    /// Value size in bytes, of one CPU for per-CPU maps.
    pub value_size: u32,
    /// Capacity in entries, or bytes for ring buffers.
    pub max_entries: u32,
    /// `map_flags`.
    pub flags: u32,
    /// Id of its BTF, 0 if it has none.
    pub btf_id: u32,
    /// The key's type in that BTF.
    pub btf_key_type_id: u32,
    /// The value's type in that BTF.
    pub btf_value_type_id: u32,
}

/// What the kernel says about a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// The link's id.
    pub id: u32,
    /// Id of the program that it runs.
    pub prog_id: u32,
    /// Whether it is an iterator's.
    pub is_iterator: bool,
    /// Hits that a kprobe or kretprobe did not serve; `None` for other links and before Linux 6.7.
    pub missed: Option<u64>,
}

/// bpf(2). `A` is one of the attribute structs above, laid out as `union bpf_attr`'s members.
fn bpf<A>(command: c_int, attr: &mut A) -> io::Result<c_long> {
    // SAFETY: the kernel reads and writes at most `size` bytes at `attr`, which is that large, and
    // what its pointer members lead to, which the callers keep alive and large enough.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<A>()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

/// bpf(2) with a command that returns a new descriptor.
fn bpf_fd<A>(command: c_int, attr: &mut A) -> io::Result<OwnedFd> {
    let fd = bpf(command, attr)?;
    owned(fd)
}

fn owned(fd: c_long) -> io::Result<OwnedFd> {
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just returned this descriptor to us, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn raw(fd: BorrowedFd<'_>) -> u32 {
    // A borrowed descriptor is never negative.
    fd.as_raw_fd().unsigned_abs()
}

fn pointer(bytes: &[u8]) -> u64 {
    bytes.as_ptr() as u64
}

fn pointer_mut(bytes: &mut [u8]) -> u64 {
    bytes.as_mut_ptr() as u64
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

/// Opens a pinned map, program or link.
pub fn obj_get(path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    let mut attr = PathAttr { pathname: path.as_ptr() as u64, ..PathAttr::default() };
    bpf_fd(BPF_OBJ_GET, &mut attr)
}

/// Asks for an object's info; the second value is how many bytes this kernel knows.
fn object_info<T>(object: BorrowedFd<'_>, mut info: T) -> io::Result<(T, usize)> {
    let mut attr = InfoAttr {
        bpf_fd: raw(object),
        info_len: size_of::<T>() as u32,
        info: std::ptr::from_mut(&mut info) as u64,
    };
    bpf(BPF_OBJ_GET_INFO_BY_FD, &mut attr)?;
    Ok((info, attr.info_len as usize))
}

/// What the kernel says about a program.
pub fn prog_info(program: BorrowedFd<'_>) -> io::Result<ProgInfo> {
    let (info, known) = object_info(program, RawProgInfo::default())?;
    let knows_misses = known >= offset_of!(RawProgInfo, recursion_misses) + size_of::<u64>();
    Ok(ProgInfo {
        prog_type: info.prog_type,
        id: info.id,
        tag: info.tag,
        load_time: info.load_time,
        btf_id: info.btf_id,
        run_cnt: info.run_cnt,
        run_time_ns: info.run_time_ns,
        recursion_misses: knows_misses.then_some(info.recursion_misses),
    })
}

/// What the kernel says about a map.
pub fn map_info(map: BorrowedFd<'_>) -> io::Result<MapInfo> {
    let (info, _) = object_info(map, RawMapInfo::default())?;
    Ok(MapInfo {
        map_type: info.map_type,
        id: info.id,
        key_size: info.key_size,
        value_size: info.value_size,
        max_entries: info.max_entries,
        flags: info.map_flags,
        btf_id: info.btf_id,
        btf_key_type_id: info.btf_key_type_id,
        btf_value_type_id: info.btf_value_type_id,
    })
}

/// What the kernel says about a link.
pub fn link_info(link: BorrowedFd<'_>) -> io::Result<LinkInfo> {
    const LINK_TYPE_ITER: u32 = 4;
    const LINK_TYPE_PERF_EVENT: u32 = 7;
    const PERF_EVENT_KPROBE: u32 = 3;
    const PERF_EVENT_KRETPROBE: u32 = 4;
    let (info, known) = object_info(link, RawLinkInfo::default())?;
    let is_kprobe = info.link_type == LINK_TYPE_PERF_EVENT
        && matches!(info.perf_type, PERF_EVENT_KPROBE | PERF_EVENT_KRETPROBE);
    let knows_missed = known >= offset_of!(RawLinkInfo, missed) + size_of::<u64>();
    Ok(LinkInfo {
        id: info.id,
        prog_id: info.prog_id,
        is_iterator: info.link_type == LINK_TYPE_ITER,
        missed: (is_kprobe && knows_missed).then_some(info.missed),
    })
}

/// Looks an element up. `value` must be as large as the kernel's copy of a value: for per-CPU maps
/// that of all possible CPUs.
///
/// # Errors
/// `InvalidInput` if a buffer is smaller than the kernel's, ENOENT if there is no such key.
pub fn map_lookup(map: &CheckedMap<'_>, key: &[u8], value: &mut [u8]) -> io::Result<()> {
    map.check_keys(key.len(), 1)?;
    map.check_values(value.len(), 1)?;
    let mut attr = ElemAttr {
        map_fd: raw(map.fd),
        // A map without keys takes no pointer to one.
        key: if key.is_empty() { 0 } else { pointer(key) },
        value: pointer_mut(value),
        ..ElemAttr::default()
    };
    bpf_on_elements(BPF_MAP_LOOKUP_ELEM, &mut attr).map(drop)
}

/// Takes the next element of a queue or a stack; false if there is none.
pub fn map_pop(map: &CheckedMap<'_>, value: &mut [u8]) -> io::Result<bool> {
    map.check_values(value.len(), 1)?;
    let mut attr =
        ElemAttr { map_fd: raw(map.fd), value: pointer_mut(value), ..ElemAttr::default() };
    match bpf_on_elements(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &mut attr) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The key after `key`, or the first one, into `next`; false behind the last one.
pub fn map_next_key(map: &CheckedMap<'_>, key: Option<&[u8]>, next: &mut [u8]) -> io::Result<bool> {
    map.check_keys(next.len(), 1)?;
    if let Some(key) = key {
        map.check_keys(key.len(), 1)?;
    }
    let mut attr = ElemAttr {
        map_fd: raw(map.fd),
        key: key.map_or(0, pointer),
        value: pointer_mut(next),
        ..ElemAttr::default()
    };
    match bpf(BPF_MAP_GET_NEXT_KEY, &mut attr) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What becomes of the entries of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batches {
    /// They stay.
    Kept,
    /// They are taken out of the map.
    Taken,
}

/// One batch of a map's entries.
pub struct Batch {
    /// How many entries were read.
    pub count: usize,
    /// Whether this was the last batch.
    pub last: bool,
}

/// Reads up to `count` entries. `position` is where the map is to be continued, `None` at its
/// beginning; it is moved on.
///
/// # Errors
/// ENOSPC if `count` is smaller than one of the map's buckets; EINVAL or ENOTSUPP (524) where the
/// kernel or the map's type has no batches.
pub fn map_batch(
    map: &CheckedMap<'_>,
    batches: Batches,
    position: &mut Option<Vec<u8>>,
    keys: &mut [u8],
    values: &mut [u8],
    count: usize,
) -> io::Result<Batch> {
    map.check_keys(keys.len(), count)?;
    map.check_values(values.len(), count)?;
    // A position is a bucket's number (4 bytes) or a key.
    let size = map.key_size.max(8);
    if let Some(position) = position {
        check(position.len(), size, 1)?;
    }
    let mut next = vec![0; size];
    let mut attr = BatchAttr {
        in_batch: position.as_deref().map_or(0, pointer),
        out_batch: pointer_mut(&mut next),
        keys: pointer_mut(keys),
        values: pointer_mut(values),
        count: u32::try_from(count).map_err(io::Error::other)?,
        map_fd: raw(map.fd),
        ..BatchAttr::default()
    };
    let command = match batches {
        Batches::Kept => BPF_MAP_LOOKUP_BATCH,
        Batches::Taken => BPF_MAP_LOOKUP_AND_DELETE_BATCH,
    };
    let last = match bpf_on_elements(command, &mut attr) {
        Ok(_) => false,
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
        Err(error) => return Err(error),
    };
    *position = Some(next);
    Ok(Batch { count: attr.count as usize, last })
}

/// Puts a program into a PROG_ARRAY's slot.
pub fn prog_array_set(map: BorrowedFd<'_>, index: u32, program: BorrowedFd<'_>) -> io::Result<()> {
    if MapType(map_info(map)?.map_type) != MapType::PROG_ARRAY {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let key = index.to_ne_bytes();
    let value = raw(program).to_ne_bytes();
    let mut attr = ElemAttr {
        map_fd: raw(map),
        key: pointer(&key),
        value: pointer(&value),
        ..ElemAttr::default()
    };
    bpf(BPF_MAP_UPDATE_ELEM, &mut attr).map(drop)
}

/// A map and the sizes that the kernel copies, so that no call can write behind a buffer.
pub struct CheckedMap<'a> {
    fd: BorrowedFd<'a>,
    key_size: usize,
    /// Of all CPUs for per-CPU maps.
    value_size: usize,
}

impl<'a> CheckedMap<'a> {
    /// Takes the sizes from the kernel: a per-CPU map has a value of `value_size`, rounded up to 8
    /// bytes, for each possible CPU.
    pub fn new(fd: BorrowedFd<'a>) -> io::Result<CheckedMap<'a>> {
        let info = map_info(fd)?;
        let mut value_size = info.value_size as usize;
        if MapType(info.map_type).is_per_cpu() {
            value_size = value_size.next_multiple_of(8) * possible_cpus()?;
        }
        Ok(CheckedMap { fd, key_size: info.key_size as usize, value_size })
    }

    /// Size of a key in bytes.
    pub fn key_size(&self) -> usize {
        self.key_size
    }

    /// Size of what a lookup returns in bytes.
    pub fn value_size(&self) -> usize {
        self.value_size
    }

    fn check_keys(&self, bytes: usize, count: usize) -> io::Result<()> {
        check(bytes, self.key_size, count)
    }

    fn check_values(&self, bytes: usize, count: usize) -> io::Result<()> {
        check(bytes, self.value_size, count)
    }
}

fn check(bytes: usize, size: usize, count: usize) -> io::Result<()> {
    match size.checked_mul(count) {
        Some(needed) if needed <= bytes => Ok(()),
        _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    }
}

/// How many CPUs this machine can ever have: how many values a per-CPU map holds for a key.
pub fn possible_cpus() -> io::Result<usize> {
    aya::util::nr_cpus().map_err(|(_, error)| error)
}

/// Attaches a program to a raw tracepoint, or, without a name, to what it was loaded for.
pub fn raw_tracepoint_open(name: Option<&CStr>, program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut attr = RawTracepointAttr {
        name: name.map_or(0, |name| name.as_ptr() as u64),
        prog_fd: raw(program),
        padding: 0,
    };
    bpf_fd(BPF_RAW_TRACEPOINT_OPEN, &mut attr)
}

/// Mounts a file system of its own at no path: it is reached through the descriptor alone, and goes
/// with it.
pub fn detached_mount(file_system: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: the name is a C string; the other argument is a plain number.
    let context = unsafe { libc::syscall(libc::SYS_fsopen, file_system.as_ptr(), FSOPEN_CLOEXEC) };
    if context < 0 {
        return Err(io::Error::last_os_error());
    }
    let context = owned(context)?;
    // SAFETY: this command takes no key, no value and no auxiliary number.
    let created = unsafe {
        libc::syscall(
            libc::SYS_fsconfig,
            context.as_raw_fd(),
            FSCONFIG_CMD_CREATE,
            std::ptr::null::<u8>(),
            std::ptr::null::<u8>(),
            0,
        )
    };
    if created < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor and two plain numbers.
    let mount =
        unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, 0) };
    if mount < 0 {
        return Err(io::Error::last_os_error());
    }
    owned(mount)
}
