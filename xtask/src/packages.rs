//! Tools that come from Debian packages: found, or installed where that is allowed.
//!
//! Nothing is installed silently: each installation is announced on stderr.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// A program and the Debian package that brings it.
pub struct Tool {
    /// Name of the executable, looked up in `PATH`.
    pub program: &'static str,
    /// Name of the package.
    pub package: &'static str,
}

/// Starts a program that is killed when its parent ends.
pub const SETPRIV: Tool = Tool { program: "setpriv", package: "util-linux" };

/// A terminal that programs can look at.
pub const TMUX: Tool = Tool { program: "tmux", package: "tmux" };

/// The emulator that boots the kernels.
pub const QEMU: Tool = Tool { program: "qemu-system-x86_64", package: "qemu-system-x86" };

/// What reads the metrics that are served.
pub const PROMETHEUS: Tool = Tool { program: "promtool", package: "prometheus" };

/// What starts the server, and knows whether its unit is right.
pub const SYSTEMD: Tool = Tool { program: "systemd-analyze", package: "systemd" };

/// What shows reports.
pub const CHROMIUM: Tool = Tool { program: "chromium", package: "chromium" };

/// Makes sure that a tool is there.
///
/// # Errors
/// When it is missing and this machine has no `apt-get`, the user is not root, or the installation fails. The
/// message holds the command to run by hand.
pub fn require(tool: &Tool) -> Result<PathBuf> {
    if find(tool.program).is_none() {
        install(tool.package, tool.program)?;
    }
    find(tool.program).with_context(|| {
        format!("{} is missing although {} is installed", tool.program, tool.package)
    })
}

/// Makes sure that a file is there which a package brings, such as a library's header.
///
/// # Errors
/// As of [`require`].
pub fn require_file(file: &str, package: &str) -> Result<()> {
    if !Path::new(file).exists() {
        install(package, file)?;
    }
    ensure!(Path::new(file).exists(), "{file} is missing although {package} is installed");
    Ok(())
}

fn install(package: &str, what_for: &str) -> Result<()> {
    let by_hand = format!("install it with `apt-get install {package}`");
    ensure!(find("apt-get").is_some() && is_root(), "{what_for} is missing: {by_hand}");
    announce(&format!("installing {package} for {what_for}"));
    apt_get(&["update"])?;
    apt_get(&["install", "--yes", "--no-install-recommends", package]).with_context(|| by_hand)
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A command that runs as root: directly, or through sudo.
///
/// # Errors
/// When this is not root and there is no sudo.
pub fn as_root(program: &Path) -> Result<Command> {
    if is_root() {
        return Ok(Command::new(program));
    }
    let sudo = find("sudo").context("loading BPF programs needs root: run this as root")?;
    announce("asking sudo for root: BPF programs are loaded into this kernel");
    let mut command = Command::new(sudo);
    command.arg(program);
    Ok(command)
}

/// An executable's path, searched in `PATH`.
pub fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

/// Says on stderr what a task is about to do.
#[expect(clippy::print_stderr, reason = "tasks report their progress here")]
pub fn announce(what: &str) {
    eprintln!("xtask: {what}");
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let output = Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(arguments)
        .output()
        .context("cannot run apt-get")?;
    if !output.status.success() {
        bail!(
            "`apt-get {}` failed:\n{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
