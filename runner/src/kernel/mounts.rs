//! File systems that the kernel stage needs: they are mounted where they belong if nobody did.

use std::fs;
use std::io;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{BPF_FS_MAGIC, FsType, TRACEFS_MAGIC, statfs};

use crate::kernel::error::{Error, Phase};

/// Where the bpf file system belongs.
pub const BPFFS: &str = "/sys/fs/bpf";
/// Where the trace file system belongs.
pub const TRACEFS: &str = "/sys/kernel/tracing";

/// Whether a bpf file system is mounted at [`BPFFS`].
pub fn is_bpffs_mounted() -> bool {
    is_mounted(BPFFS, BPF_FS_MAGIC)
}

/// Whether a trace file system is mounted at [`TRACEFS`].
pub fn is_tracefs_mounted() -> bool {
    is_mounted(TRACEFS, TRACEFS_MAGIC)
}

/// Mounts the bpf file system if it isn't; returns what was done, in words.
pub fn ensure_bpffs() -> Result<Option<String>, Error> {
    // By default everybody may create directories there; systemd mounts it like this too.
    ensure(BPFFS, "bpf", BPF_FS_MAGIC, Some("mode=0700"))
}

/// Mounts the trace file system if it isn't; returns what was done, in words.
pub fn ensure_tracefs() -> Result<Option<String>, Error> {
    ensure(TRACEFS, "tracefs", TRACEFS_MAGIC, None)
}

fn is_mounted(path: &str, magic: FsType) -> bool {
    statfs(Path::new(path)).is_ok_and(|stat| stat.filesystem_type() == magic)
}

fn ensure(
    path: &str,
    file_system: &str,
    magic: FsType,
    options: Option<&str>,
) -> Result<Option<String>, Error> {
    if is_mounted(path, magic) {
        return Ok(None);
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(file_system), Path::new(path), Some(file_system), flags, options)
        .map_err(|errno| failure(path, file_system, errno.into()))?;
    Ok(Some(format!("mounted the {file_system} file system at {path}")))
}

fn failure(path: &str, file_system: &str, error: io::Error) -> Error {
    let errno = error.raw_os_error();
    let result =
        Error::from_io(Phase::Mount, format!("the {file_system} file system at {path}"), &error);
    match errno {
        Some(libc::ENOENT) if !Path::new(path).exists() && is_sysfs_mounted() => {
            result.hint(format!("{path} doesn't exist: this kernel was built without it"))
        }
        Some(libc::ENOENT) => result.hint("/sys is not mounted: `mount -t sysfs sysfs /sys`"),
        Some(libc::EPERM | libc::EACCES) => result.hint(format!(
            "it takes root (CAP_SYS_ADMIN) to mount it; in a container, mount it on the host: \
             `mount -t {file_system} {file_system} {path}`, and pass it in"
        )),
        Some(libc::ENODEV) => result.hint(format!(
            "this kernel has no {file_system} file system: `probe-runner doctor` says what else is missing"
        )),
        _ => result.hint(format!(
            "`mount -t {file_system} {file_system} {path}` shows the kernel's own answer"
        )),
    }
}

fn is_sysfs_mounted() -> bool {
    fs::exists("/sys/kernel").unwrap_or(false)
}
