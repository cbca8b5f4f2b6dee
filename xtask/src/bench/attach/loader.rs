//! Builds the loader that we are compared with: `tests/bench/attach.c`, with this machine's libbpf.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::paths;

/// What the executable needs where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linking {
    /// This machine's libraries.
    Dynamic,
    /// Nothing.
    Static,
}

/// The built loader.
///
/// # Errors
/// No headers, no libraries, or no compiler.
pub fn build(linking: Linking) -> Result<PathBuf> {
    if !Path::new("/usr/include/bpf/libbpf.h").exists() {
        bail!("libbpf's headers are missing: `apt-get install libbpf-dev`");
    }
    let (name, flags): (_, &[&str]) = match linking {
        Linking::Dynamic => ("bench-attach", &[]),
        Linking::Static => ("bench-attach-static", &["-static"]),
    };
    let program = paths::target().join(name);
    let status = Command::new("cc")
        .current_dir(paths::root())
        .args(["-O2", "-Wall", "-Werror", "tests/bench/attach.c", "-o"])
        .arg(&program)
        .args(flags)
        .args(["-lbpf", "-lelf", "-lz"])
        .status()
        .context("cannot run cc")?;
    if !status.success() {
        bail!("tests/bench/attach.c doesn't build; it takes libbpf-dev, libelf-dev and zlib1g-dev");
    }
    Ok(program)
}
