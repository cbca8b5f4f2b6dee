//! What the running kernel offers, found by trying it.
//!
//! Nothing here asks the product or looks at a version number: distributions backport, machines have policies.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use aya_obj::btf::{Btf, BtfKind};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::sys::{self, program};
use crate::traffic::dummy::Dummy;

/// Something that a scenario can't do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// The kernel shows its types, and what was read from its file came along.
    KernelFile,
    /// Raw tracepoint programs can be attached.
    RawTracepoints,
    /// Tracepoint programs can be attached to perf events.
    Tracepoints,
    /// kprobes exist.
    Kprobes,
    /// fexit programs can be attached.
    Trampolines,
    /// Receive packet steering is built in, and there are two CPUs to steer between.
    PacketSteering,
    /// Attachments by perf event can outlive their process (a BPF link).
    LastingPerfEvents,
    /// They can not.
    NoLastingPerfEvents,
    /// uprobes exist.
    Uprobes,
    /// Programs that may sleep can be attached to system calls, which takes error injection.
    SleepableTrampolines,
    /// Many functions can be traced by one link.
    KprobeMulti,
    /// They can not.
    NoKprobeMulti,
    /// Trampolines can have cookies.
    TrampolineCookies,
    /// They can not.
    NoTrampolineCookies,
    /// Raw and BTF tracepoints can have cookies.
    TracepointCookies,
    /// They can not.
    NoTracepointCookies,
    /// BPF is among the security modules.
    SecurityModule,
    /// It is not.
    NoSecurityModule,
    /// 32-bit system calls work.
    CompatCalls,
    /// The kernel lets modules be loaded, and one of its own came along.
    Module,
    /// The same, and it has types of modules (Linux 5.11).
    TypedModule,
    /// The kernel hides its memory even from root.
    LockedDown,
    /// tmux is installed, which no virtual machine has.
    Tmux,
    /// Prometheus and its promtool are installed.
    Prometheus,
    /// Chromium is installed.
    Chromium,
}

impl Need {
    /// Whether every kernel of the matrix has it, booted in the usual way. Its absence there is a fault, of the kernel,
    /// the machine or the way it is tried, and not a reason to skip.
    pub fn is_promised(self) -> bool {
        !matches!(
            self,
            Self::LastingPerfEvents
                | Self::NoLastingPerfEvents
                | Self::SleepableTrampolines
                | Self::KprobeMulti
                | Self::NoKprobeMulti
                | Self::TrampolineCookies
                | Self::NoTrampolineCookies
                | Self::TracepointCookies
                | Self::NoTracepointCookies
                | Self::SecurityModule
                | Self::NoSecurityModule
                | Self::Module
                | Self::TypedModule
                | Self::LockedDown
                | Self::Tmux
                | Self::Prometheus
                | Self::Chromium
        )
    }
}

/// Why a scenario can't run on this kernel.
pub struct Unmet {
    /// What is missing.
    pub need: Need,
    /// How the kernel refused it.
    pub reason: String,
}

/// Remembers what was tried.
#[derive(Default)]
pub struct Features {
    known: HashMap<Need, Result<(), String>>,
}

impl Features {
    /// The first of these needs that is not met is the error.
    pub fn check(&mut self, needs: &[Need]) -> Result<(), Unmet> {
        for &need in needs {
            self.known
                .entry(need)
                .or_insert_with(|| try_out(need).map_err(|error| format!("{error:#}")))
                .clone()
                .map_err(|reason| Unmet { need, reason })?;
        }
        Ok(())
    }
}

/// Tries one thing.
///
/// # Errors
/// Why the kernel does not offer it.
pub fn try_out(need: Need) -> Result<()> {
    let _unlimited = UnlimitedMemory::take();
    match need {
        Need::KernelFile => kernel_file(),
        Need::RawTracepoints => raw_tracepoints().context("no raw tracepoints"),
        Need::Tracepoints => tracepoints().context("no tracepoints"),
        Need::Kprobes => kprobes(),
        Need::Trampolines => trampolines().context("no fexit"),
        Need::PacketSteering => packet_steering(),
        Need::LastingPerfEvents => perf_links().context("perf events can't outlive their process"),
        Need::NoLastingPerfEvents => {
            lacking(perf_links(), "perf events can outlive their process here")
        }
        Need::Uprobes => uprobes(),
        Need::SleepableTrampolines => {
            sleepable_trampolines().context("no sleepable fexit of a system call")
        }
        Need::KprobeMulti => kprobe_multi().context("no links to many functions"),
        Need::NoKprobeMulti => {
            kprobes()?;
            lacking(kprobe_multi(), "many functions can be traced by one link here")
        }
        Need::TrampolineCookies => trampoline_cookies().context("no cookies for fexit"),
        Need::NoTrampolineCookies => {
            trampolines()?;
            lacking(trampoline_cookies(), "fexit can have a cookie here")
        }
        Need::TracepointCookies => tracepoint_cookies().context("no cookies for raw tracepoints"),
        Need::NoTracepointCookies => {
            lacking(tracepoint_cookies(), "raw tracepoints can have a cookie here")
        }
        Need::SecurityModule => security_module(),
        Need::NoSecurityModule => {
            lacking(security_module(), "BPF is among the security modules here")
        }
        Need::CompatCalls => compat_calls(),
        Need::Module => Dummy::load().map(drop),
        Need::TypedModule => {
            let _loaded = Dummy::load()?;
            fs::metadata("/sys/kernel/btf/dummy").context("no types of modules").map(drop)
        }
        Need::LockedDown => locked_down(),
        Need::Tmux => tmux(),
        Need::Chromium => {
            let found = Command::new("chromium").arg("--version").output();
            found.context("chromium is not installed").map(drop)
        }
        Need::Prometheus => {
            for program in ["prometheus", "promtool"] {
                let found = Command::new(program).arg("--version").output();
                found.with_context(|| format!("{program} is not installed"))?;
            }
            Ok(())
        }
    }
}

/// Lifts the limit on locked memory while it lives: kernels before 5.11 charge programs to it, and free them late. The
/// limit comes back because the product must be able to start with it.
struct UnlimitedMemory {
    before: Rlimit,
}

impl UnlimitedMemory {
    fn take() -> Self {
        let before = getrlimit(Resource::Memlock);
        let unlimited = Rlimit { current: None, maximum: None };
        // Without the privilege the attempt below fails too, and says so.
        setrlimit(Resource::Memlock, unlimited).ok();
        Self { before }
    }
}

impl Drop for UnlimitedMemory {
    fn drop(&mut self) {
        // Lowering a limit needs no privilege.
        setrlimit(Resource::Memlock, self.before).ok();
    }
}

/// Whether a kernel lacks something.
fn lacking(tried: Result<()>, otherwise: &'static str) -> Result<()> {
    match tried {
        Ok(()) => bail!(otherwise),
        Err(_) => Ok(()),
    }
}

fn raw_tracepoints() -> Result<()> {
    let program = sys::load_empty_program(program::RAW_TRACEPOINT, None)?;
    sys::raw_tracepoint_open(&program, Some("sys_enter"))?;
    Ok(())
}

fn tracepoints() -> Result<()> {
    sys::load_empty_program(program::TRACEPOINT, None)?;
    open_sys_enter().map(drop)
}

fn perf_links() -> Result<()> {
    let program = sys::load_empty_program(program::TRACEPOINT, None)?;
    sys::perf_link(&program, &open_sys_enter()?)?;
    Ok(())
}

fn open_sys_enter() -> Result<std::os::fd::OwnedFd> {
    let file = "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id";
    let id = fs::read_to_string(file).context("cannot read the tracepoint's id")?;
    Ok(sys::open_tracepoint(id.trim().parse()?)?)
}

fn kernel_file() -> Result<()> {
    ensure!(Path::new("/sys/kernel/btf/vmlinux").exists(), "the kernel shows no types");
    ensure!(
        Path::new("/etc/kernel-file").exists(),
        "nobody read the file that this kernel was booted from"
    );
    Ok(())
}

fn kprobes() -> Result<()> {
    ensure!(
        Path::new("/sys/bus/event_source/devices/kprobe").exists(),
        "no kprobes in this kernel"
    );
    Ok(())
}

fn uprobes() -> Result<()> {
    ensure!(
        Path::new("/sys/bus/event_source/devices/uprobe").exists(),
        "no uprobes in this kernel"
    );
    Ok(())
}

fn trampolines() -> Result<()> {
    sys::raw_tracepoint_open(&empty_fexit()?, None)?;
    Ok(())
}

fn sleepable_trampolines() -> Result<()> {
    let btf = Btf::from_sys_fs()?;
    let function = btf.id_by_type_name_kind("__x64_sys_getpgid", BtfKind::Func)?;
    sys::load_empty_sleepable(program::TRACING, (program::TRACE_FEXIT, function))?;
    Ok(())
}

fn kprobe_multi() -> Result<()> {
    let attach = Some((program::TRACE_KPROBE_MULTI, 0));
    let program = sys::load_empty_program(program::KPROBE, attach)?;
    sys::kprobe_multi_link(&program, "__x64_sys_getpgid")?;
    Ok(())
}

fn trampoline_cookies() -> Result<()> {
    sys::fexit_link_with_cookie(&empty_fexit()?)?;
    Ok(())
}

fn empty_fexit() -> Result<std::os::fd::OwnedFd> {
    let btf = Btf::from_sys_fs()?;
    let function = btf.id_by_type_name_kind("get_rps_cpu", BtfKind::Func)?;
    Ok(sys::load_empty_program(program::TRACING, Some((program::TRACE_FEXIT, function)))?)
}

fn tracepoint_cookies() -> Result<()> {
    let program = sys::load_empty_program(program::RAW_TRACEPOINT, None)?;
    sys::raw_tracepoint_open_with_cookie(&program, "sys_enter")?;
    Ok(())
}

fn packet_steering() -> Result<()> {
    ensure!(
        Path::new(crate::traffic::steering::LOOPBACK_MASK).exists(),
        "no receive packet steering in this kernel"
    );
    let cpus = std::thread::available_parallelism()?;
    ensure!(cpus.get() >= 2, "only one CPU");
    Ok(())
}

fn tmux() -> Result<()> {
    Command::new("tmux").arg("-V").output().context("no tmux here").map(drop)
}

fn compat_calls() -> Result<()> {
    let status =
        Command::new(std::env::current_exe()?).args(["traffic", "compat", "20", "1"]).status()?;
    ensure!(status.success(), "no 32-bit system calls in this kernel");
    Ok(())
}

fn security_module() -> Result<()> {
    let modules = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    ensure!(
        modules.trim().split(',').any(|module| module == "bpf"),
        "BPF is not among the security modules: {modules}"
    );
    Ok(())
}

fn locked_down() -> Result<()> {
    let state = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    ensure!(state.contains("[confidentiality]"), "this kernel is not locked down");
    Ok(())
}
