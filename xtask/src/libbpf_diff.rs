//! `cargo xtask libbpf-diff`: links objects with our own engine and with libbpf, for this kernel or for
//! others, and compares the results instruction by instruction.
//!
//! This file goes through the objects and adds up. What libbpf gives is `oracle`'s business, what we
//! give is `own`'s, and `compare` tells them apart; `explained` knows which differences are meant.

#![expect(clippy::print_stdout, reason = "the comparison is what the task is run for")]

mod compare;
mod compilers;
mod explained;
mod oracle;
mod own;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use compare::Verdict;
use oracle::Oracle;
use own::Kernel;

use crate::packages;
use crate::report::Totals;
use crate::vm::SERIES;

/// The arguments of `cargo xtask libbpf-diff`.
#[derive(clap::Args)]
pub struct Args {
    /// Objects, or directories of them (*.o, at any depth)
    #[arg(required_unless_present = "compilers")]
    objects: Vec<PathBuf>,
    /// Also the objects that these compilers make of the project's own sources: clang-14,clang-16,clang-19
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    compilers: Vec<String>,
    /// Link for the kernel of this file: its types, its image (vmlinux, vmlinuz) or its package
    #[arg(long, value_name = "FILE")]
    kernel: Vec<PathBuf>,
    /// Link for the kernel of this BTF file, or of an object whose types stand for one
    #[arg(long, value_name = "FILE")]
    btf: Vec<PathBuf>,
}

/// Programs of an object, or of all.
#[derive(Default)]
struct Count {
    programs: usize,
    ours: usize,
    libbpf: usize,
    equal: usize,
    /// Those of which nobody knows why they aren't equal.
    unexplained: usize,
}

/// Compares all objects for all kernels that are named, or for this machine's.
///
/// # Errors
/// When libbpf isn't there or a file can't be read. Programs that differ are the exit code's matter.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut paths = args.objects.clone();
    for compiler in &args.compilers {
        paths.push(compilers::build(compiler)?);
    }
    let objects = objects(&paths)?;
    let oracle = Oracle::build()?;
    let mut types = args.btf.clone();
    for kernel in &args.kernel {
        types.extend(own::types_of_kernels(kernel)?);
    }
    let kernels: Vec<Option<&Path>> = match types.is_empty() {
        true => vec![None],
        false => types.iter().map(|path| Some(path.as_path())).collect(),
    };
    let mut good = true;
    for btf in kernels {
        let count = compare_all(&oracle, btf, &objects)?;
        good &= count.unexplained == 0;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compares the project's own sources, built by every compiler, for every kernel of the matrix. A program has
/// passed that is equal, or whose difference is explained.
///
/// # Errors
/// When a compiler, libbpf or a kernel is neither there nor to be had.
pub fn run_all() -> Result<Totals> {
    let built = compilers::ALL.iter().map(|compiler| {
        packages::require(compiler)?;
        compilers::build(compiler.program)
    });
    let objects = objects(&built.collect::<Result<Vec<_>>>()?)?;
    packages::require_file("/usr/include/bpf/libbpf.h", "libbpf-dev")?;
    let oracle = Oracle::build()?;
    let mut totals = Totals::default();
    for series in &SERIES {
        for types in own::types_of_kernels(&series.obtain()?.image)? {
            let count = compare_all(&oracle, Some(&types), &objects)?;
            totals += Totals {
                passed: count.programs - count.unexplained,
                failed: count.unexplained,
                skipped: 0,
            };
        }
    }
    Ok(totals)
}

/// Compares the objects for one kernel.
fn compare_all(oracle: &Oracle, btf: Option<&Path>, objects: &[PathBuf]) -> Result<Count> {
    match btf {
        Some(path) => println!("kernel {}", path.display()),
        None => println!("this kernel"),
    }
    let mut kernel = Kernel::open(btf)?;
    let mut total = Count::default();
    for path in objects {
        let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let theirs = oracle.link(path, btf)?;
        let ours = own::link(&mut kernel, &bytes, &theirs);
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let mut count = Count::default();
        let mut lines = Vec::new();
        for (name, verdict) in compare::all(&ours, &theirs, btf.is_some()) {
            let verdict = verdict.explained(&file, &name);
            count.add(&verdict);
            if let Some(line) = verdict.describe() {
                lines.push(format!("    {name}: {line}"));
            }
        }
        println!("  {}: {}", path.display(), count.describe());
        lines.iter().for_each(|line| println!("{line}"));
        total.add_all(&count);
    }
    println!("  in all {} objects: {}", objects.len(), total.describe());
    Ok(total)
}

/// The objects at some paths, in order.
fn objects(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut objects = Vec::new();
    for path in paths {
        collect(path, &mut objects)?;
    }
    ensure!(!objects.is_empty(), "there are no objects (*.o) to compare");
    objects.sort();
    Ok(objects)
}

/// Finds the objects at a path.
fn collect(path: &Path, objects: &mut Vec<PathBuf>) -> Result<()> {
    let reading = || format!("reading {}", path.display());
    if !path.is_dir() {
        ensure!(path.exists(), "{} does not exist", path.display());
        objects.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(reading)? {
        let entry = entry.with_context(reading)?.path();
        if entry.is_dir() || entry.extension() == Some(OsStr::new("o")) {
            collect(&entry, objects)?;
        }
    }
    Ok(())
}

impl Count {
    fn add(&mut self, verdict: &Verdict) {
        let (ours, libbpf, equal, unexplained) = match verdict {
            Verdict::Equal => (1, 1, 1, 0),
            Verdict::Different(_) => (1, 1, 0, 1),
            Verdict::OnlyOurs(_) => (1, 0, 0, 1),
            Verdict::OnlyOursExplained(_) => (1, 0, 0, 0),
            Verdict::OnlyLibbpf(_) => (0, 1, 0, 1),
            Verdict::ElsewhereOnly(_) => (1, 1, 0, 0),
            Verdict::OtherKernel(_) => (0, 1, 0, 0),
            Verdict::Neither { .. } => (0, 0, 0, 0),
        };
        self.add_all(&Count { programs: 1, ours, libbpf, equal, unexplained });
    }

    fn add_all(&mut self, other: &Count) {
        self.programs += other.programs;
        self.ours += other.ours;
        self.libbpf += other.libbpf;
        self.equal += other.equal;
        self.unexplained += other.unexplained;
    }

    fn describe(&self) -> String {
        let Count { ours, libbpf, equal, unexplained, .. } = self;
        let differ = match unexplained {
            0 => String::new(),
            count => format!(", {count} UNEXPLAINED"),
        };
        format!("{ours} programs linked by us, {libbpf} by libbpf, {equal} equal{differ}")
    }
}
