//! `cargo xtask libbpf-diff`: links objects with our own engine and with libbpf, for this kernel or for
//! others, and compares the results instruction by instruction.
//!
//! This file goes through the objects and adds up. What libbpf gives is `oracle`'s business, what we
//! give is `own`'s, and `compare` tells them apart.

#![expect(clippy::print_stdout, reason = "the comparison is what the task is run for")]

mod compare;
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

/// The arguments of `cargo xtask libbpf-diff`.
#[derive(clap::Args)]
pub struct Args {
    /// Objects, or directories of them (*.o, at any depth)
    #[arg(required = true)]
    objects: Vec<PathBuf>,
    /// Link for the kernel of this BTF file, or of an object whose types stand for one; this
    /// machine's without it
    #[arg(long, value_name = "FILE")]
    btf: Vec<PathBuf>,
}

/// Programs of an object, or of all.
#[derive(Default)]
struct Count {
    ours: usize,
    libbpf: usize,
    equal: usize,
    different: usize,
    only_libbpf: usize,
}

/// Compares all objects for all kernels.
///
/// # Errors
/// When libbpf isn't there or a file can't be read. Programs that differ are the exit code's matter.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut objects = Vec::new();
    for path in &args.objects {
        collect(path, &mut objects)?;
    }
    ensure!(!objects.is_empty(), "there are no objects (*.o) to compare");
    objects.sort();
    let oracle = Oracle::build()?;
    let kernels: Vec<Option<&Path>> = match args.btf.is_empty() {
        true => vec![None],
        false => args.btf.iter().map(|path| Some(path.as_path())).collect(),
    };
    let mut good = true;
    for btf in kernels {
        good &= compare_all(&oracle, btf, &objects)?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compares the objects for one kernel; true if nothing differs.
fn compare_all(oracle: &Oracle, btf: Option<&Path>, objects: &[PathBuf]) -> Result<bool> {
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
        let mut count = Count::default();
        let mut lines = Vec::new();
        for (name, verdict) in compare::all(&ours, &theirs, btf.is_some()) {
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
    Ok(total.different == 0 && total.only_libbpf == 0)
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
        match verdict {
            Verdict::Equal => {
                self.ours += 1;
                self.libbpf += 1;
                self.equal += 1;
            }
            Verdict::Different(_) => {
                self.ours += 1;
                self.libbpf += 1;
                self.different += 1;
            }
            Verdict::OnlyOurs(_) => self.ours += 1,
            Verdict::OnlyLibbpf(_) => {
                self.libbpf += 1;
                self.only_libbpf += 1;
            }
            Verdict::ElsewhereOnly(_) => {
                self.ours += 1;
                self.libbpf += 1;
            }
            Verdict::OtherKernel(_) => self.libbpf += 1,
            Verdict::Neither { .. } => {}
        }
    }

    fn add_all(&mut self, other: &Count) {
        self.ours += other.ours;
        self.libbpf += other.libbpf;
        self.equal += other.equal;
        self.different += other.different;
        self.only_libbpf += other.only_libbpf;
    }

    fn describe(&self) -> String {
        let Count { ours, libbpf, equal, different, .. } = self;
        let differ = match different {
            0 => String::new(),
            count => format!(", {count} DIFFERENT"),
        };
        format!("{ours} programs linked by us, {libbpf} by libbpf, {equal} equal{differ}")
    }
}
