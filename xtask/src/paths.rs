//! Where things are in the workspace. Nothing is created or read here.

use std::path::{Path, PathBuf};

/// The workspace's root directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Cargo's target directory: all that tasks download, build or log goes below it.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// The probe files that ship with the project.
pub fn probes() -> PathBuf {
    root().join("probes.d")
}

/// What tests read: probe files, objects.
pub fn fixtures() -> PathBuf {
    root().join("tests")
}

/// Kernels, logs and findings of the virtual machines.
pub fn vm() -> PathBuf {
    target().join("vm")
}
