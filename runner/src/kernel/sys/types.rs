//! The commands of bpf(2) that find the type information (BTF) that the kernel holds.

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::ptr;

use nix::sys::statfs::{SYSFS_MAGIC, fstatfs};

use crate::kernel::sys::abi::{IdAttr, RawBtfInfo};
use crate::kernel::sys::{bpf, bpf_fd, object_info, pointer_mut};

const BPF_BTF_GET_FD_BY_ID: c_int = 19;
const BPF_BTF_GET_NEXT_ID: c_int = 23;

/// Names of modules are shorter (`MODULE_NAME_LEN`).
const NAME_SIZE: usize = 64;

/// The kernel's own BTF where it lies in the kernel's memory, for as long as the process lives.
///
/// # Errors
/// `Unsupported` if the file isn't sysfs's own; the kernel's error, which is `ENODEV` before Linux 6.16
/// (`btf_sysfs_vmlinux_mmap`).
pub fn map_kernel_btf(path: &Path) -> io::Result<&'static [u8]> {
    let file = File::open(path)?;
    if fstatfs(&file)?.filesystem_type() != SYSFS_MAGIC {
        return Err(io::Error::from(io::ErrorKind::Unsupported));
    }
    let size = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    // SAFETY: the kernel chooses the place of a new mapping.
    let start = unsafe {
        libc::mmap(ptr::null_mut(), size, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0)
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `size` bytes are mapped there and stay mapped, since nobody has the address to unmap them.
    // The file is sysfs's, so they are the kernel's read-only data, which never changes or shrinks.
    Ok(unsafe { std::slice::from_raw_parts(start.cast::<u8>(), size) })
}

/// The bytes of a BTF that the kernel holds for a map or program.
pub fn btf_bytes(id: u32) -> io::Result<Vec<u8>> {
    let btf = btf_open(id)?;
    let (info, _) = object_info(btf.as_fd(), RawBtfInfo::default())?;
    let mut bytes = vec![0; info.btf_size as usize];
    let request = RawBtfInfo {
        btf: pointer_mut(&mut bytes),
        btf_size: info.btf_size,
        ..RawBtfInfo::default()
    };
    object_info(btf.as_fd(), request)?;
    Ok(bytes)
}

/// The id of the BTF after this one; 0 comes before the first.
pub fn btf_next_id(id: u32) -> io::Result<Option<u32>> {
    let mut attr = IdAttr { id, ..IdAttr::default() };
    match bpf(BPF_BTF_GET_NEXT_ID, &mut attr) {
        Ok(_) => Ok(Some(attr.next_id)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens the BTF of an id.
pub fn btf_open(id: u32) -> io::Result<OwnedFd> {
    let mut attr = IdAttr { id, ..IdAttr::default() };
    bpf_fd(BPF_BTF_GET_FD_BY_ID, &mut attr)
}

/// The module that a BTF belongs to, or `vmlinux`; none for those that came from programs, and before
/// Linux 5.11.
pub fn kernel_btf_name(btf: &OwnedFd) -> io::Result<Option<String>> {
    let mut name = [0; NAME_SIZE];
    let request = RawBtfInfo {
        name: pointer_mut(&mut name),
        name_len: NAME_SIZE as u32,
        ..RawBtfInfo::default()
    };
    let (info, _) = object_info(btf.as_fd(), request)?;
    if info.kernel_btf == 0 {
        return Ok(None);
    }
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    Ok(Some(String::from_utf8_lossy(&name[..end]).into_owned()))
}
