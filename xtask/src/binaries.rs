//! Builds the binaries that the scenarios run: the product and the guest, both static.
//!
//! The same files are used on this machine and in every virtual machine, whose initramfs holds no C library.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{packages, paths};

/// Named explicitly, so that the flags below apply to the binaries and not to build scripts and macros.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Static executables, ready to be copied anywhere.
pub struct Binaries {
    /// `probe-runner` itself.
    pub probe_runner: PathBuf,
    /// The program that runs the scenarios.
    pub guest: PathBuf,
}

/// Builds both with the release profile.
pub fn build() -> Result<Binaries> {
    packages::announce("building static binaries");
    let status = Command::new(env!("CARGO"))
        .current_dir(paths::root())
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .args(["build", "--quiet", "--release", "--target", TARGET])
        .args(["--package", "probe-runner", "--package", "probe-runner-tests"])
        .arg("--target-dir")
        .arg(paths::target())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the static binaries do not build");
    let directory = paths::target().join(TARGET).join("release");
    Ok(Binaries { probe_runner: directory.join("probe-runner"), guest: directory.join("guest") })
}
