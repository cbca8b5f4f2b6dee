//! Builds the binaries that are shipped and those that the scenarios run: all of them static.
//!
//! One file runs on every machine of a fleet, in virtual machines whose initramfs holds no C library, and here; and it
//! starts half a millisecond sooner than one that looks for its libraries first.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{packages, paths};

/// Static executables, ready to be copied anywhere.
pub struct Binaries {
    /// `probe-runner` itself.
    pub probe_runner: PathBuf,
    /// The program that runs the scenarios.
    pub guest: PathBuf,
}

/// `cargo xtask build`: builds them and says where the product is.
///
/// # Errors
/// They don't build.
pub fn run() -> Result<()> {
    writeln!(std::io::stdout(), "{}", build()?.probe_runner.display())?;
    Ok(())
}

/// Builds both with the release profile, together: what is shipped and measured is the file that was tested.
///
/// # Errors
/// They don't build.
pub fn build() -> Result<Binaries> {
    packages::announce("building static binaries");
    // Named explicitly, so that the flags below apply to the binaries and not to build scripts and macros.
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let status = Command::new(env!("CARGO"))
        .current_dir(paths::root())
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .args(["build", "--quiet", "--release", "--target", &target])
        .args(["--package", "probe-runner", "--package", "probe-runner-tests"])
        .arg("--target-dir")
        .arg(paths::target())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the static binaries do not build");
    let directory = paths::target().join(target).join("release");
    Ok(Binaries { probe_runner: directory.join("probe-runner"), guest: directory.join("guest") })
}
