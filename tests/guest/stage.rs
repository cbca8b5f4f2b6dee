//! Prepares the world that scenarios run in, as init of a virtual machine or apart from an ordinary one.
//!
//! On an ordinary machine everything happens in mount and network namespaces of our own: pins, state and loopback
//! traffic of the scenarios never meet the machine's.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::system::{RebootCommand, reboot};
use rustix::termios::{OptionalActions, tcdrain, tcgetattr, tcsetattr};

use crate::sys;

/// Codes for the debug-exit device.
const ALL_PASSED: u8 = 0x10;
const SOME_FAILED: u8 = 0x11;

/// The console line that says that init did all it wanted.
const SENTINEL: &str = "guest: end";

/// Whether this process is a virtual machine's init.
pub fn is_init() -> bool {
    std::process::id() == 1
}

/// Runs `work` as init with the arguments that the initramfs holds; ends the machine.
///
/// # Errors
/// Never in practice: an init that returns is a kernel panic, which the host sees.
pub fn as_init(
    work: impl FnOnce(Vec<String>, &mut dyn Write) -> Result<ExitCode>,
) -> Result<ExitCode> {
    mount_all(&[("proc", "/proc"), ("devtmpfs", "/dev"), ("tmpfs", "/tmp"), ("sysfs", "/sys")])?;
    // Terminals that programs make.
    std::fs::create_dir_all("/dev/pts")?;
    mount_all(&[("devpts", "/dev/pts")])?;
    say(&format!("guest: up on {}", read_line("/proc/sys/kernel/osrelease")?))?;
    furnish()?;

    let arguments =
        std::fs::read_to_string("/etc/guest.args")?.lines().map(str::to_owned).collect();
    let mut results = open_results()?;
    let code = match work(arguments, &mut results) {
        Ok(code) if code == ExitCode::SUCCESS => ALL_PASSED,
        Ok(_) => SOME_FAILED,
        Err(error) => {
            writeln!(results, "guest: {error:#}")?;
            SOME_FAILED
        }
    };
    tcdrain(&results)?;
    say(SENTINEL)?;
    tcdrain(io::stdout())?;

    let refused = sys::exit_emulator(code);
    say(&format!("guest: no debug-exit ({refused}), restarting instead"))?;
    reboot(RebootCommand::Restart)?;
    Ok(ExitCode::FAILURE)
}

/// Moves this process into namespaces of its own and prepares them.
pub fn apart() -> Result<()> {
    sys::unshare_mounts_and_network()?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    // A fresh one shows the new network namespace's devices.
    mount_all(&[("sysfs", "/sys")])?;
    furnish()
}

/// What both worlds need.
fn furnish() -> Result<()> {
    mount_all(&[
        ("tmpfs", "/run"),
        ("bpf", "/sys/fs/bpf"),
        ("tracefs", "/sys/kernel/tracing"),
        ("securityfs", "/sys/kernel/security"),
    ])?;
    sys::loopback_up().context("cannot bring up lo")
}

fn mount_all(mounts: &[(&str, &str)]) -> Result<()> {
    for &(kind, target) in mounts {
        // A kernel without one of these has no such directory: the features that need it are probed later.
        if std::path::Path::new(target).is_dir() {
            mount(kind, target, kind, MountFlags::empty(), None)
                .with_context(|| format!("cannot mount {target}"))?;
        }
    }
    Ok(())
}

/// The second serial port, as it is: a terminal would turn line feeds into two bytes.
fn open_results() -> Result<File> {
    let port = OpenOptions::new().write(true).open("/dev/ttyS1")?;
    let mut settings = tcgetattr(&port)?;
    settings.make_raw();
    tcsetattr(&port, OptionalActions::Now, &settings)?;
    Ok(port)
}

fn say(line: &str) -> Result<()> {
    let mut console = io::stdout();
    writeln!(console, "{line}")?;
    Ok(console.flush()?)
}

fn read_line(path: &str) -> Result<String> {
    Ok(std::fs::read_to_string(path)?.trim().to_owned())
}
