//! Builds the project's sources of objects with several compilers: each writes other code and other types.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::packages::Tool;
use crate::paths;

/// The compilers whose objects have to be understood: Debian 12's, one between, and the one that the committed
/// objects are built with.
pub const ALL: [Tool; 3] = [
    Tool { program: "clang-14", package: "clang-14" },
    Tool { program: "clang-16", package: "clang-16" },
    Tool { program: "clang-19", package: "clang-19" },
];

/// Where the sources are, in the workspace.
const SOURCES: [&str; 2] = ["tests/objects", "ebpf-programs"];

/// The directory of the objects that a compiler makes of all sources.
///
/// # Errors
/// When the compiler is missing or refuses a source.
pub fn build(compiler: &str) -> Result<PathBuf> {
    let into = paths::target().join("libbpf-diff").join(compiler);
    if into.exists() {
        fs::remove_dir_all(&into).with_context(|| format!("emptying {}", into.display()))?;
    }
    for directory in SOURCES {
        let objects = into.join(directory);
        fs::create_dir_all(&objects).with_context(|| format!("creating {}", objects.display()))?;
        for source in sources(directory)? {
            compile(compiler, &source, &objects)?;
        }
    }
    Ok(into)
}

fn compile(compiler: &str, source: &Path, into: &Path) -> Result<()> {
    let name = source.file_name().context("a source has a name")?;
    let object = into.join(name).with_extension("o");
    let machine = match std::env::consts::ARCH {
        "aarch64" => "-D__TARGET_ARCH_arm64",
        _ => "-D__TARGET_ARCH_x86",
    };
    let output = Command::new(compiler)
        .current_dir(paths::root())
        // Old compilers warn of what newer ones understand.
        .args(["-g", "-O2", "-w", "-target", "bpf", machine, "-c"])
        .arg(source)
        .arg("-o")
        .arg(&object)
        .output()
        .with_context(|| {
            format!("starting {compiler}; on Debian or Ubuntu: apt-get install {compiler}")
        })?;
    ensure!(
        output.status.success(),
        "{compiler} doesn't compile {}:\n{}",
        source.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// The sources of a directory, by name, relative to the workspace.
fn sources(directory: &str) -> Result<Vec<PathBuf>> {
    let reading = || format!("reading {directory}");
    let mut sources = Vec::new();
    for entry in fs::read_dir(paths::root().join(directory)).with_context(reading)? {
        let name = entry.with_context(reading)?.file_name();
        if name.as_encoded_bytes().ends_with(b".bpf.c") {
            sources.push(Path::new(directory).join(name));
        }
    }
    sources.sort();
    Ok(sources)
}
