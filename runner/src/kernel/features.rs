//! What this kernel and these privileges allow, found out by trying.
//!
//! Each probe is a function that leaves nothing behind: programs that return 0, maps without names,
//! attached for a moment at most. Only one answer comes from the version number, and says so.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use crate::btf::{Btf, KernelTypes, Kind};
use crate::kernel::error::describe;
use crate::kernel::sys::{self, CheckedMap, MapRequest};
use crate::kernel::{attach, hints, kernel_types, mounts, privileges};
use crate::object::MapType;

const PROG_TYPE_TRACEPOINT: u32 = 5;
const PROG_TYPE_RAW_TRACEPOINT: u32 = 17;
const PROG_TYPE_TRACING: u32 = 26;
const ATTACH_TYPE_RAW_TP: u32 = 23;
const ATTACH_TYPE_FENTRY: u32 = 24;
const ATTACH_TYPE_FEXIT: u32 = 25;
/// A function that the kernel calls for test runs alone.
const TEST_FUNCTION: &str = "bpf_fentry_test1";

/// One thing that `doctor` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name: `kprobes`, `ring buffers`, ….
    pub name: &'static str,
    /// Whether it is there.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What it takes to get it, where it is missing.
    pub next_step: Option<String>,
}

/// Tries everything, in the order in which a person would look for a reason.
pub fn probe() -> Vec<Feature> {
    privileges::raise_locked_memory();
    let types = kernel_types::kernel_types().ok();
    let types = types.as_deref().map(KernelTypes::kernel);
    vec![
        capabilities(),
        unprivileged(),
        lockdown(),
        locked_memory(),
        bpffs(),
        private_bpffs(),
        tracefs(),
        type_information(types),
        jit(),
        raw_tracepoints(),
        btf_tracepoints(types),
        tracepoints(),
        kprobes(),
        trampoline("fentry", ATTACH_TYPE_FENTRY, types),
        trampoline("fexit", ATTACH_TYPE_FEXIT, types),
        perf_links(),
        ring_buffers(),
        batches(),
        recursion_misses(),
        preemptible_tracepoints(),
        undisturbed_reading(),
        statistics(),
    ]
}

fn capabilities() -> Feature {
    let effective = privileges::effective();
    let held: Vec<&str> = privileges::CAPABILITIES
        .iter()
        .filter(|(_, bit)| effective & (1 << bit) != 0)
        .map(|(name, _)| *name)
        .collect();
    let detail = if held.is_empty() {
        "none of CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_ADMIN".to_owned()
    } else {
        held.join(", ")
    };
    Feature {
        name: "capabilities",
        ok: privileges::may_trace(),
        detail,
        next_step: Some("run it as root, or with CAP_BPF and CAP_PERFMON".to_owned()),
    }
    .settled()
}

fn unprivileged() -> Feature {
    let value = setting("/proc/sys/kernel/unprivileged_bpf_disabled");
    let open = value.as_deref() == Some("0");
    Feature {
        name: "unprivileged BPF off",
        ok: !open,
        detail: format!(
            "kernel.unprivileged_bpf_disabled = {}",
            value.as_deref().unwrap_or("(not there)")
        ),
        next_step: Some(
            "not needed for anything here: `sysctl kernel.unprivileged_bpf_disabled=2` is safer"
                .to_owned(),
        ),
    }
    .settled()
}

fn lockdown() -> Feature {
    let mode = privileges::lockdown();
    Feature {
        name: "no lockdown",
        ok: !matches!(mode.as_deref(), Some("integrity" | "confidentiality")),
        detail: mode.unwrap_or_else(|| "the kernel has none that could be asked".to_owned()),
        next_step: Some(
            "it is set at boot (`lockdown=`, or secure boot): in confidentiality mode programs \
             can't read kernel memory"
                .to_owned(),
        ),
    }
    .settled()
}

fn locked_memory() -> Feature {
    let limit = match getrlimit(Resource::RLIMIT_MEMLOCK) {
        Ok((RLIM_INFINITY, _)) => "unlimited".to_owned(),
        Ok((bytes, _)) => format!("{bytes} bytes"),
        Err(errno) => said(&errno.into()),
    };
    // Before 5.11 maps count against the limit: 16 MiB is more than the usual limits allow.
    let large = create(MapType::ARRAY, 4, 4096, 4096).map(drop);
    let works = large.is_ok();
    Feature {
        name: "memory for maps",
        ok: works,
        detail: format!(
            "limit for locked memory: {limit}; a map of 16 MiB {}",
            large.map_or_else(|error| said(&error), |()| "works".to_owned())
        ),
        next_step: Some(
            "`ulimit -l unlimited`; as root the limit is raised without being asked".to_owned(),
        ),
    }
    .settled()
}

fn bpffs() -> Feature {
    let mounted = mounts::is_bpffs_mounted();
    Feature {
        name: "bpf file system",
        ok: mounted,
        detail: format!("{} at {}", if mounted { "mounted" } else { "not mounted" }, mounts::BPFFS),
        next_step: Some(format!(
            "`apply` mounts it; by hand: `mount -t bpf bpf {}`",
            mounts::BPFFS
        )),
    }
    .settled()
}

fn private_bpffs() -> Feature {
    tried(
        "private bpf file system",
        sys::detached_mount(c"bpf").map(drop),
        "`run` keeps its maps there; it takes root and Linux 5.2",
    )
}

fn tracefs() -> Feature {
    let mounted = mounts::is_tracefs_mounted();
    Feature {
        name: "trace file system",
        ok: mounted,
        detail: format!(
            "{} at {}",
            if mounted { "mounted" } else { "not mounted" },
            mounts::TRACEFS
        ),
        next_step: Some(format!(
            "attaching a `tracepoint` mounts it; by hand: `mount -t tracefs tracefs {}`",
            mounts::TRACEFS
        )),
    }
    .settled()
}

fn type_information(types: Option<&Btf>) -> Feature {
    Feature {
        name: "kernel type information",
        ok: types.is_some(),
        detail: types.map_or_else(
            || "no readable /sys/kernel/btf/vmlinux".to_owned(),
            |types| format!("{} types", types.len()),
        ),
        next_step: Some(
            "CO-RE, fentry, fexit and BTF tracepoints need CONFIG_DEBUG_INFO_BTF".to_owned(),
        ),
    }
    .settled()
}

fn jit() -> Feature {
    let value = setting("/proc/sys/net/core/bpf_jit_enable");
    Feature {
        name: "JIT",
        // Without the file there is no switch: a kernel with CONFIG_BPF_JIT_ALWAYS_ON may hide it.
        ok: value.as_deref() != Some("0"),
        detail: format!("net.core.bpf_jit_enable = {}", value.as_deref().unwrap_or("(not there)")),
        next_step: Some("`sysctl net.core.bpf_jit_enable=1`".to_owned()),
    }
    .settled()
}

fn raw_tracepoints() -> Feature {
    let result = sys::load_trivial(PROG_TYPE_RAW_TRACEPOINT, 0, 0)
        .and_then(|program| sys::raw_tracepoint_open(Some(c"sys_enter"), program.as_fd()));
    tried("raw tracepoints", result.map(drop), "they are there from Linux 4.17 on")
}

fn btf_tracepoints(types: Option<&Btf>) -> Feature {
    let id = types.and_then(|types| types.find("btf_trace_sys_enter", Kind::Typedef));
    let result = load_for(id.map(|id| id.0), ATTACH_TYPE_RAW_TP).and_then(open);
    tried(
        "BTF tracepoints",
        result,
        "they take kernel type information and Linux 5.5; raw tracepoints need neither",
    )
}

fn tracepoints() -> Feature {
    let result = sys::load_trivial(PROG_TYPE_TRACEPOINT, 0, 0);
    tried("tracepoints", result.map(drop), "they take CONFIG_BPF_EVENTS and perf events")
}

fn kprobes() -> Feature {
    let there = hints::has_kprobes();
    Feature {
        name: "kprobes",
        ok: there,
        detail: if there {
            "the kernel has kprobes as perf events".to_owned()
        } else {
            "the kernel has no kprobe perf events".to_owned()
        },
        next_step: Some(
            "it takes a kernel with CONFIG_KPROBES; fexit and tracepoints may work without"
                .to_owned(),
        ),
    }
    .settled()
}

fn trampoline(name: &'static str, attach_type: u32, types: Option<&Btf>) -> Feature {
    let id = types.and_then(|types| types.find(TEST_FUNCTION, Kind::Function));
    let result = load_for(id.map(|id| id.0), attach_type).and_then(open);
    let refused = result.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EPERM));
    let next = if refused && privileges::may_trace() {
        "the privileges are there, so a security policy refuses it: use a kprobe_pair, if need be \
         behind it under `first_of`"
    } else {
        "it takes kernel type information, ftrace with direct calls (x86-64 5.5, arm64 6.4) and \
         privileges; a kprobe_pair does without"
    };
    tried(name, result, next)
}

fn perf_links() -> Feature {
    let result = if !privileges::may_trace() {
        Err(io::Error::from_raw_os_error(libc::EPERM))
    } else if attach::has_perf_links() {
        Ok(())
    } else {
        Err(io::Error::other("kprobes and tracepoints end with their process"))
    };
    tried(
        "pinned perf events",
        result,
        "it takes Linux 5.15; `run` holds them for as long as it runs",
    )
}

fn ring_buffers() -> Feature {
    // The kernel wants pages and a power of two; 64 KiB is both with any page size.
    let result = create(MapType::RINGBUF, 0, 0, 65536);
    tried("ring buffers", result.map(drop), "it takes Linux 5.8")
}

fn batches() -> Feature {
    let result = create(MapType::HASH, 4, 4, 1).and_then(|map| {
        let map = CheckedMap::new(map.as_fd())?;
        sys::map_batch(&map, sys::Batches::Kept, &mut None, &mut [0; 4], &mut [0; 4], 1).map(drop)
    });
    tried("batch lookups", result, "it takes Linux 5.6; maps are read entry by entry without")
}

fn recursion_misses() -> Feature {
    let result = sys::load_trivial(PROG_TYPE_RAW_TRACEPOINT, 0, 0)
        .and_then(|program| sys::prog_info(program.as_fd()))
        .and_then(|info| {
            info.recursion_misses
                .map(drop)
                .ok_or_else(|| io::Error::other("not among a program's counters"))
        });
    tried(
        "recursion misses counted",
        result,
        "it takes Linux 5.12; without, nobody can say how many events were skipped",
    )
}

/// The one answer by version: what happens can't be provoked without load. Measured on 7.1 and 7.2.
fn preemptible_tracepoints() -> Feature {
    let release = setting("/proc/sys/kernel/osrelease").unwrap_or_default();
    let may_skip = version(&release) >= (7, 2);
    Feature {
        name: "raw tracepoints lose nothing",
        ok: !may_skip,
        detail: if may_skip {
            format!("Linux {release}: a raw or BTF tracepoint can be preempted and skips events meanwhile")
        } else {
            format!("Linux {release}: tracepoints are not preempted (that begins with 7.2)")
        },
        next_step: Some(
            "watch recursion_misses; the `tracepoint` kind, as in syscalls-exact.yaml, loses nothing"
                .to_owned(),
        ),
    }
    .settled()
}

fn undisturbed_reading() -> Feature {
    let ok = sys::elements_are_undisturbed();
    Feature {
        name: "reading takes no events",
        ok,
        detail: if ok {
            "no call on a map is put aside in the middle".to_owned()
        } else {
            "no real-time priority: while a read is put aside, its CPU skips kprobes and tracepoints".to_owned()
        },
        next_step: Some(
            "run it with CAP_SYS_NICE, in a control group that may use real-time priorities".to_owned(),
        ),
    }
    .settled()
}

fn statistics() -> Feature {
    let value = setting("/proc/sys/kernel/bpf_stats_enabled");
    Feature {
        name: "run statistics",
        ok: value.as_deref() == Some("1"),
        detail: format!("kernel.bpf_stats_enabled = {}", value.as_deref().unwrap_or("(not there)")),
        next_step: Some(
            "`sysctl kernel.bpf_stats_enabled=1` to see how often and how long programs run"
                .to_owned(),
        ),
    }
    .settled()
}

/// A map that nothing names.
fn create(
    map_type: MapType,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
) -> io::Result<OwnedFd> {
    let map_type = map_type.0;
    let request = MapRequest { map_type, key_size, value_size, max_entries, ..Default::default() };
    sys::map_create(&request)
}

/// A tracing program for a type of the kernel.
fn load_for(type_id: Option<u32>, attach_type: u32) -> io::Result<OwnedFd> {
    let type_id =
        type_id.ok_or_else(|| io::Error::other("not in the kernel's type information"))?;
    sys::load_trivial(PROG_TYPE_TRACING, attach_type, type_id)
}

/// Attaches a tracing program for a moment.
fn open(program: OwnedFd) -> io::Result<()> {
    sys::raw_tracepoint_open(None, program.as_fd()).map(drop)
}

fn tried(name: &'static str, result: io::Result<()>, next_step: &str) -> Feature {
    let is_refused = result.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EPERM));
    let next_step = if is_refused && !privileges::may_trace() {
        "it can't be tried without privileges: run this as root"
    } else {
        next_step
    };
    Feature {
        name,
        ok: result.is_ok(),
        detail: result.map_or_else(|error| said(&error), |()| "tried: works".to_owned()),
        next_step: Some(next_step.to_owned()),
    }
    .settled()
}

/// What the kernel answered, in words.
fn said(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(errno) => {
            let (name, text) = describe(errno);
            format!("{text} ({name})")
        }
        None => error.to_string(),
    }
}

fn setting(path: &str) -> Option<String> {
    let text = fs::read_to_string(Path::new(path)).ok()?;
    Some(text.trim().to_owned())
}

/// `(6, 12)` of `6.12.74+deb13-cloud-amd64`.
fn version(release: &str) -> (u32, u32) {
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

impl Feature {
    /// What is there needs no next step.
    fn settled(mut self) -> Feature {
        if self.ok {
            self.next_step = None;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("6.12.74+deb13-cloud-amd64"), (6, 12));
        assert_eq!(version("7.3"), (7, 3));
        assert!(version("10.0.1") > version("7.2.0"));
    }
}
