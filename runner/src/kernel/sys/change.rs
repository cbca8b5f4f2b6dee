//! What changes maps that programs are using: slots emptied, variables stored in place, and the wait for
//! programs that began before.

use std::ffi::{c_int, c_long};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use nix::unistd::{SysconfVar, sysconf};

use crate::kernel::sys::abi::{BatchAttr, ElemAttr, IdAttr};
use crate::kernel::sys::unpreempted::bpf_on_elements;
use crate::kernel::sys::{CheckedMap, bpf_fd, map_info, pointer, raw};
use crate::object::MapType;

const BPF_MAP_DELETE_ELEM: c_int = 3;
const BPF_PROG_GET_FD_BY_ID: c_int = 13;
const BPF_MAP_GET_FD_BY_ID: c_int = 14;
const BPF_MAP_UPDATE_BATCH: c_int = 26;
const BPF_LINK_GET_FD_BY_ID: c_int = 30;
const BPF_ENABLE_STATS: c_int = 32;
const BPF_STATS_RUN_TIME: u32 = 0;
const MEMBARRIER_CMD_GLOBAL: c_int = 1;

/// Removes an element; empties a PROG_ARRAY's slot.
pub fn map_delete(map: &CheckedMap<'_>, key: &[u8]) -> io::Result<()> {
    map.check_keys(key.len(), 1)?;
    let mut attr = ElemAttr { map_fd: raw(map.fd), key: pointer(key), ..ElemAttr::default() };
    bpf_on_elements(BPF_MAP_DELETE_ELEM, &mut attr).map(drop)
}

/// Stores elements, as far as the kernel takes them; how many it took of those at the front.
///
/// # Errors
/// EINVAL or ENOTSUPP (524) where the kernel or the map's type has no batches.
pub fn map_update_batch(
    map: &CheckedMap<'_>,
    keys: &[u8],
    values: &[u8],
    count: usize,
) -> io::Result<usize> {
    map.check_keys(keys.len(), count)?;
    map.check_values(values.len(), count)?;
    let mut attr = BatchAttr {
        keys: pointer(keys),
        values: pointer(values),
        count: u32::try_from(count).map_err(io::Error::other)?,
        map_fd: raw(map.fd),
        ..BatchAttr::default()
    };
    match bpf_on_elements(BPF_MAP_UPDATE_BATCH, &mut attr) {
        Ok(_) => Ok(count),
        // `generic_map_update_batch` counts up to the one that was refused.
        Err(error) if error.raw_os_error() == Some(libc::E2BIG) => Ok(attr.count as usize),
        Err(error) => Err(error),
    }
}

/// While the descriptor is open, the kernel counts and times every run of every program.
pub fn enable_run_statistics() -> io::Result<OwnedFd> {
    let mut attr = IdAttr { id: BPF_STATS_RUN_TIME, ..IdAttr::default() };
    bpf_fd(BPF_ENABLE_STATS, &mut attr)
}

/// Whether there is a link of an id.
pub fn link_exists(id: u32) -> bool {
    let mut attr = IdAttr { id, ..IdAttr::default() };
    bpf_fd(BPF_LINK_GET_FD_BY_ID, &mut attr).is_ok()
}

/// Opens the program of an id.
pub fn prog_open(id: u32) -> io::Result<OwnedFd> {
    let mut attr = IdAttr { id, ..IdAttr::default() };
    bpf_fd(BPF_PROG_GET_FD_BY_ID, &mut attr)
}

/// Opens a map by its id.
pub fn map_open(id: u32) -> io::Result<OwnedFd> {
    let mut attr = IdAttr { id, ..IdAttr::default() };
    bpf_fd(BPF_MAP_GET_FD_BY_ID, &mut attr)
}

/// Waits until every program that was running has returned: this command is a `synchronize_rcu`
/// (kernel/sched/membarrier.c).
///
/// # Errors
/// `InvalidInput` on kernels that were booted with `nohz_full`.
pub fn wait_for_programs() -> io::Result<()> {
    // SAFETY: the call takes numbers and no pointers.
    let result = unsafe {
        libc::syscall(
            libc::SYS_membarrier,
            c_long::from(MEMBARRIER_CMD_GLOBAL),
            0 as c_long,
            0 as c_long,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Stores bytes into the one value of an array that can be mapped, as running programs see it: 1, 2, 4
/// or 8 bytes at a place that is a multiple of their number are stored in one piece.
///
/// # Errors
/// `InvalidInput` for other maps and places outside of the value.
pub fn store_mapped(map: BorrowedFd<'_>, offset: usize, bytes: &[u8]) -> io::Result<()> {
    let info = map_info(map)?;
    let end = offset.checked_add(bytes.len());
    let fits = end.is_some_and(|end| end <= info.value_size as usize);
    if MapType(info.map_type) != MapType::ARRAY || !fits {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    let page = page.and_then(|size| usize::try_from(size).ok()).unwrap_or(4096);
    let length = (info.value_size as usize).next_multiple_of(page);
    // SAFETY: a new mapping at a place that the kernel chooses; it refuses arrays that can't be mapped.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            map.as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the value is mapped from `start` on and `offset + bytes.len()` was found to lie in it;
    // wider stores are made only where they are aligned, and nothing else refers to the mapping.
    unsafe {
        let place = start.cast::<u8>().add(offset);
        match *bytes {
            [a, b] if offset.is_multiple_of(2) => {
                place.cast::<u16>().write_volatile(u16::from_ne_bytes([a, b]));
            }
            [a, b, c, d] if offset.is_multiple_of(4) => {
                place.cast::<u32>().write_volatile(u32::from_ne_bytes([a, b, c, d]));
            }
            [a, b, c, d, e, f, g, h] if offset.is_multiple_of(8) => {
                let wide = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
                place.cast::<u64>().write_volatile(wide);
            }
            _ => {
                for (index, byte) in bytes.iter().enumerate() {
                    place.add(index).write_volatile(*byte);
                }
            }
        }
        libc::munmap(start, length);
    }
    Ok(())
}
