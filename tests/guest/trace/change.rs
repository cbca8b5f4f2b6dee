//! Which system calls may change something that outlives the process, or that programs see.
//!
//! Calls that only look, and those that only concern the process, are none. Nor is what is written into the lock file: it
//! says who holds the lock and nothing else.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use libc::{c_int, c_long, user_regs_struct};
use nix::unistd::Pid;

/// Commands of bpf(2) that only look, or open what is there; include/uapi/linux/bpf.h numbers them.
const LOOKING: [u64; 17] = [1, 4, 7, 10, 11, 12, 13, 14, 15, 16, 19, 20, 23, 24, 30, 31, 33];

/// Names of the others that the product has any use for.
const CHANGING: [(u64, &str); 17] = [
    (0, "MAP_CREATE"),
    (2, "MAP_UPDATE_ELEM"),
    (3, "MAP_DELETE_ELEM"),
    (5, "PROG_LOAD"),
    (6, "OBJ_PIN"),
    (8, "PROG_ATTACH"),
    (17, "RAW_TRACEPOINT_OPEN"),
    (18, "BTF_LOAD"),
    (21, "MAP_LOOKUP_AND_DELETE_ELEM"),
    (22, "MAP_FREEZE"),
    (25, "MAP_LOOKUP_AND_DELETE_BATCH"),
    (26, "MAP_UPDATE_BATCH"),
    (27, "MAP_DELETE_BATCH"),
    (28, "LINK_CREATE"),
    (29, "LINK_UPDATE"),
    (32, "ENABLE_STATS"),
    (35, "PROG_BIND_MAP"),
];

const OBJ_PIN: u64 = 6;

/// Below these, files are more than a process's own.
const PLACES: [&str; 2] = ["/run/probe-runner/", "/sys/"];
const LOCK: &str = "/run/probe-runner/lock";

/// ioctl(2) requests of perf events that change them: enable, disable, set the program.
const PERF_REQUESTS: [(u64, &str); 3] =
    [(0x2400, "ENABLE"), (0x2401, "DISABLE"), (0x4004_2408, "SET_BPF")];

/// Describes the call that a process is about to make, if it may change something.
pub fn of(pid: Pid, call: &user_regs_struct) -> Option<String> {
    let process = Process { pid };
    let one = |name: &str, path: u64| Some(format!("{name} {}", process.text(path)));
    match call.orig_rax.cast_signed() as c_long {
        libc::SYS_bpf => bpf(&process, call),
        libc::SYS_perf_event_open => Some("perf_event_open".to_owned()),
        libc::SYS_ioctl => {
            let (_, name) = PERF_REQUESTS.iter().find(|(request, _)| *request == call.rsi)?;
            Some(format!("ioctl PERF_EVENT_IOC_{name}"))
        }
        libc::SYS_mkdir => one("mkdir", call.rdi),
        libc::SYS_mkdirat => one("mkdir", call.rsi),
        libc::SYS_rmdir => one("rmdir", call.rdi),
        libc::SYS_unlink => one("unlink", call.rdi),
        libc::SYS_unlinkat => one("unlink", call.rsi),
        libc::SYS_rename => one("rename", call.rdi),
        libc::SYS_renameat => one("rename", call.rsi),
        libc::SYS_renameat2 if call.r8 & u64::from(libc::RENAME_EXCHANGE) != 0 => {
            one("exchange", call.rsi)
        }
        libc::SYS_renameat2 => one("rename", call.rsi),
        libc::SYS_mount | libc::SYS_umount2 | libc::SYS_move_mount | libc::SYS_fsmount => {
            Some("mount".to_owned())
        }
        libc::SYS_open => {
            let opened = (call.rsi as c_int & (libc::O_CREAT | libc::O_TRUNC)) != 0;
            opened
                .then(|| process.text(call.rdi))
                .filter(|path| counts(path))
                .map(|path| format!("create {path}"))
        }
        libc::SYS_openat => {
            let opened = (call.rdx as c_int & (libc::O_CREAT | libc::O_TRUNC)) != 0;
            opened
                .then(|| process.text(call.rsi))
                .filter(|path| counts(path))
                .map(|path| format!("create {path}"))
        }
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev | libc::SYS_ftruncate => {
            let path = process.file(call.rdi)?;
            counts(&path).then(|| format!("write {path}"))
        }
        libc::SYS_mmap => {
            // The programs' variables: what is stored there afterwards is seen at once.
            let is_shared = call.r10 as c_int & libc::MAP_SHARED != 0;
            let is_written = call.rdx as c_int & libc::PROT_WRITE != 0;
            (is_shared && is_written && call.r8.cast_signed() as c_int >= 0)
                .then(|| "mmap".to_owned())
        }
        _ => None,
    }
}

fn bpf(process: &Process, call: &user_regs_struct) -> Option<String> {
    let command = call.rdi;
    if LOOKING.contains(&command) {
        return None;
    }
    let name = CHANGING.iter().find(|(number, _)| *number == command);
    let name = name.map_or_else(|| format!("command {command}"), |(_, name)| (*name).to_owned());
    let path = (command == OBJ_PIN).then(|| process.text(process.word(call.rsi).unwrap_or(0)));
    Some(format!("bpf {name} {}", path.unwrap_or_default()).trim_end().to_owned())
}

fn counts(path: &str) -> bool {
    path != LOCK && PLACES.iter().any(|place| path.starts_with(place))
}

/// The memory and files of a stopped process.
struct Process {
    pid: Pid,
}

impl Process {
    fn memory(&self) -> Option<File> {
        File::open(format!("/proc/{}/mem", self.pid)).ok()
    }

    fn word(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.memory()?.read_exact_at(&mut bytes, address).ok()?;
        Some(u64::from_ne_bytes(bytes))
    }

    /// A text that ends in a zero byte; empty if it can't be read.
    fn text(&self, address: u64) -> String {
        let mut text = Vec::new();
        let Some(memory) = self.memory() else {
            return String::new();
        };
        // Page by page: the memory may end behind the text.
        loop {
            let from = address + text.len() as u64;
            let mut page = vec![0; 4096 - (from % 4096) as usize];
            let read = memory.read_at(&mut page, from).unwrap_or(0);
            page.truncate(read);
            let end = page.iter().position(|byte| *byte == 0);
            text.extend_from_slice(&page[..end.unwrap_or(read)]);
            if end.is_some() || read == 0 {
                break;
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    fn file(&self, fd: u64) -> Option<String> {
        let link = PathBuf::from(format!("/proc/{}/fd/{fd}", self.pid));
        Some(std::fs::read_link(link).ok()?.display().to_string())
    }
}
