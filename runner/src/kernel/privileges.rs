//! What this process may do: effective capabilities and the settings that limit them.

use std::fs;
use std::os::fd::AsRawFd;

use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

use crate::kernel::sys;

/// Capabilities that BPF work takes, the last of them for reading without taking events, with their numbers in `linux/capability.h`.
pub const CAPABILITIES: [(&str, u32); 5] = [
    ("CAP_BPF", 39),
    ("CAP_PERFMON", 38),
    ("CAP_NET_ADMIN", 12),
    ("CAP_SYS_ADMIN", 21),
    ("CAP_SYS_NICE", 23),
];

/// The effective set as a mask; 0 if /proc is not readable.
pub fn effective() -> u64 {
    fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
            u64::from_str_radix(line.trim(), 16).ok()
        })
        .unwrap_or(0)
}

/// Whether the process may load and attach tracing programs, as far as capabilities go.
pub fn may_trace() -> bool {
    let effective = effective();
    let has = |name: &str| {
        CAPABILITIES.iter().any(|(known, bit)| *known == name && effective & (1 << bit) != 0)
    };
    has("CAP_SYS_ADMIN") || (has("CAP_BPF") && has("CAP_PERFMON"))
}

/// The kernel's lockdown mode: `none`, `integrity` or `confidentiality`; `None` where there is none
/// to be read.
pub fn lockdown() -> Option<String> {
    let text = fs::read_to_string("/sys/kernel/security/lockdown")
        .or_else(|_| {
            // Minimal systems don't mount it; a mount without a path disturbs nobody.
            let mount = sys::detached_mount(c"securityfs")?;
            fs::read_to_string(format!("/proc/self/fd/{}/lockdown", mount.as_raw_fd()))
        })
        .ok()?;
    let mode = text.split('[').nth(1)?.split(']').next()?;
    Some(mode.to_owned())
}

/// Takes the limit for locked memory away: before Linux 5.11 maps and programs count against it,
/// and the usual limit is smaller than one map.
pub fn raise_locked_memory() {
    // Without the privilege the kernel's own answer comes when memory is asked for.
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
}
