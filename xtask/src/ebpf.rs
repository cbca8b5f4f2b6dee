//! `cargo xtask ebpf`: compiles `ebpf-programs/*.bpf.c` and `tests/objects/*.bpf.c` into the
//! committed objects under `prebuilt/` beside them, or proves that they are what these sources give.
//! `tests/objects/*.kernel.c` become the types of kernels that never ran.
//!
//! This file says what is built and what becomes of it. How one object is
//! compiled is `toolchain`'s business, how two directories differ `compare`'s.

#![expect(clippy::print_stderr, reason = "what a task has done is for its reader")]

mod compare;
mod toolchain;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use toolchain::Toolchain;

/// Where sources live, below the repository's root: what the product carries, and what only tests
/// read. The committed objects are in each one's `prebuilt` directory.
const TREES: [&str; 2] = ["ebpf-programs", "tests/objects"];

/// How the sources of made-up kernels end, whose types tests prove probes for.
const KERNEL: &str = ".kernel.c";

/// The arguments of `cargo xtask ebpf`.
#[derive(clap::Args)]
pub struct Args {
    /// Rebuild elsewhere and compare with the committed objects, byte for byte
    #[arg(long)]
    check: bool,
    /// The architectures to build for
    #[arg(long, value_enum, default_value_t = Choice::All)]
    arch: Choice,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Choice {
    #[value(name = "x86_64")]
    X86_64,
    #[value(name = "aarch64")]
    Aarch64,
    All,
}

/// A machine that objects are built for. Both are little endian, so the
/// instruction set is one; registers and system call numbers differ.
#[derive(Clone, Copy)]
enum Arch {
    X86_64,
    Aarch64,
}

impl Choice {
    fn archs(self) -> &'static [Arch] {
        match self {
            Self::X86_64 => &[Arch::X86_64],
            Self::Aarch64 => &[Arch::Aarch64],
            Self::All => &[Arch::X86_64, Arch::Aarch64],
        }
    }
}

impl Arch {
    /// As Rust's `target_arch` and the objects' directory call it.
    fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// `e_machine` of its programs.
    fn machine(self) -> u16 {
        match self {
            Self::X86_64 => 62,
            Self::Aarch64 => 183,
        }
    }

    /// The macro by which the sources tell architectures apart.
    fn define(self) -> &'static str {
        match self {
            Self::X86_64 => "-D__TARGET_ARCH_x86",
            Self::Aarch64 => "-D__TARGET_ARCH_arm64",
        }
    }
}

/// Builds the objects, or checks them.
///
/// # Errors
/// When the compiler is missing or refuses a source, and, with `--check`, when
/// a committed object differs, is missing, or has no source.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let root = repository();
    let toolchain = Toolchain::find()?;
    if args.check {
        check(&root, &toolchain, args.arch.archs())
    } else {
        build(&root, &toolchain, args.arch.archs())
    }
}

/// Replaces the committed objects once all of them have been compiled, so a
/// mistake in one source leaves the directory as it was.
fn build(root: &Path, toolchain: &Toolchain, archs: &[Arch]) -> anyhow::Result<()> {
    let scratch = emptied(&root.join("target/ebpf-build"))?;
    for (tree, &arch) in places(archs) {
        compile_all(root, toolchain, tree, arch, &scratch.join(tree).join(arch.name()))?;
    }
    for (tree, &arch) in places(archs) {
        let built = scratch.join(tree).join(arch.name());
        let committed = prebuilt(tree, arch);
        let into = emptied(&root.join(&committed))?;
        for object in objects(&built)? {
            copy(&built.join(&object), &into.join(&object))?;
            eprintln!("{}/{object}", committed.display());
        }
    }
    Ok(())
}

/// Compiles a copy of the sources in another directory: bytes that depend on
/// where the repository lies are found out too.
fn check(root: &Path, toolchain: &Toolchain, archs: &[Arch]) -> anyhow::Result<()> {
    let copied = emptied(&root.join("target/ebpf-check"))?;
    for tree in TREES {
        let sources = emptied(&copied.join(tree))?;
        for name in files(&root.join(tree))? {
            copy(&root.join(tree).join(&name), &sources.join(&name))?;
        }
    }

    let mut differences = Vec::new();
    let mut compared = 0;
    for (tree, &arch) in places(archs) {
        let built = copied.join("objects").join(tree).join(arch.name());
        compile_all(&copied, toolchain, tree, arch, &built)?;
        let committed = prebuilt(tree, arch);
        let found = compare::directories(&root.join(&committed), &built)?;
        compared += found.equal;
        for difference in found.differences {
            differences.push(format!("{}/{difference}", committed.display()));
        }
    }
    if !differences.is_empty() {
        bail!(
            "the committed objects are not what the sources give:\n  {}\n\
             Run `cargo xtask ebpf` and commit the result.",
            differences.join("\n  ")
        );
    }
    eprintln!("{compared} objects are what their sources give");
    Ok(())
}

/// Every tree with every architecture.
fn places(archs: &[Arch]) -> impl Iterator<Item = (&'static str, &Arch)> {
    TREES.into_iter().flat_map(move |tree| archs.iter().map(move |arch| (tree, arch)))
}

/// Where a tree's committed objects live, below the repository's root.
fn prebuilt(tree: &str, arch: Arch) -> PathBuf {
    Path::new(tree).join("prebuilt").join(arch.name())
}

/// Compiles every source of a tree for one architecture.
fn compile_all(
    root: &Path,
    toolchain: &Toolchain,
    tree: &str,
    arch: Arch,
    into: &Path,
) -> anyhow::Result<()> {
    let sources = files(&root.join(tree))?;
    let (programs, kernels): (Vec<&String>, Vec<&String>) = (
        sources.iter().filter(|name| name.ends_with(".bpf.c")).collect(),
        sources.iter().filter(|name| name.ends_with(KERNEL)).collect(),
    );
    if programs.is_empty() {
        bail!("{} holds no *.bpf.c", root.join(tree).display());
    }
    emptied(into)?;
    for source in programs {
        let object = into.join(source).with_extension("o");
        toolchain.compile(root, &Path::new(tree).join(source), arch.define(), &object)?;
    }
    for source in kernels {
        let image = into.join(source.trim_end_matches(KERNEL)).with_extension("vmlinux");
        toolchain.compile(root, &Path::new(tree).join(source), arch.define(), &image)?;
        become_kernel(&image, arch)?;
    }
    Ok(())
}

/// Makes an object look like a kernel that was linked for a machine. Only its types and its constants are
/// ever read.
fn become_kernel(image: &Path, arch: Arch) -> anyhow::Result<()> {
    const EXECUTABLE: u16 = 2;
    let mut bytes = fs::read(image).with_context(|| format!("reading {}", image.display()))?;
    // `e_type` and `e_machine` of the ELF header.
    bytes[16..18].copy_from_slice(&EXECUTABLE.to_le_bytes());
    bytes[18..20].copy_from_slice(&arch.machine().to_le_bytes());
    fs::write(image, bytes).with_context(|| format!("writing {}", image.display()))
}

/// The names of a directory's files, sorted.
fn files(directory: &Path) -> anyhow::Result<Vec<String>> {
    let reading = || format!("reading {}", directory.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        if entry.file_type().with_context(reading)?.is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The names of a directory's objects, sorted.
fn objects(directory: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = files(directory)?;
    let is_built = |name: &String| {
        let ending = Path::new(name).extension();
        ending == Some(OsStr::new("o")) || ending == Some(OsStr::new("vmlinux"))
    };
    names.retain(is_built);
    Ok(names)
}

/// Makes a directory that is there and empty.
fn emptied(directory: &Path) -> anyhow::Result<PathBuf> {
    if directory.exists() {
        fs::remove_dir_all(directory)
            .with_context(|| format!("emptying {}", directory.display()))?;
    }
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    Ok(directory.to_owned())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// The repository's root: the directory above this package.
fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
