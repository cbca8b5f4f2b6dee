//! What our own engine makes of an object, each program linked on its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use probe_runner::btf::{Btf, BtfFeatures, KernelTypes};
use probe_runner::kernels::{self, Cache, running};
use probe_runner::object::link::{KernelFacts, Linkable, LinkedProgram, Request};

use super::oracle::Answer;
use crate::paths;

/// The kernel that is linked for.
pub struct Kernel {
    types: KernelTypes,
    facts: KernelFacts,
}

/// A program, linked or not.
pub struct Ours {
    /// Its name.
    pub name: String,
    /// What it became, or why it didn't.
    pub result: Result<LinkedProgram, String>,
}

impl Kernel {
    /// Takes the kernel of a BTF file, or this machine's with its modules. Facts are this machine's,
    /// as they are for libbpf.
    ///
    /// # Errors
    /// When the types can't be read.
    pub fn open(btf: Option<&Path>) -> Result<Kernel> {
        let types = match btf {
            Some(path) => {
                let reading = || format!("reading {}", path.display());
                let bytes = fs::read(path).with_context(reading)?;
                KernelTypes::new(read_types(bytes).with_context(reading)?)
            }
            None => running::types().map_err(|problem| anyhow!("{problem}"))?,
        };
        Ok(Kernel { types, facts: facts() })
    }
}

/// Files with the types of the kernels of a file, which is what libbpf takes.
///
/// # Errors
/// When the file isn't a kernel's, or the types can't be written.
pub fn types_of_kernels(path: &Path) -> Result<Vec<PathBuf>> {
    let directory = paths::target().join("libbpf-diff");
    fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    let kernels = kernels::open(&path.to_string_lossy(), &Cache::Off)?.into_iter();
    kernels
        .map(|kernel| {
            let file = directory.join(format!("{}.btf", kernel.name));
            fs::write(&file, kernel.types.kernel().data())
                .with_context(|| format!("writing {}", file.display()))?;
            Ok(file)
        })
        .collect()
}

/// Types as they are in /sys/kernel/btf, or those of an object that stands for a kernel.
fn read_types(bytes: Vec<u8>) -> Result<Btf> {
    if !bytes.starts_with(b"\x7fELF") {
        return Ok(Btf::parse(bytes)?);
    }
    let object = Linkable::open(&bytes)?;
    object.types().cloned().context("the object has no types (BTF)")
}

/// What is known of this kernel without looking at an object.
fn facts() -> KernelFacts {
    KernelFacts {
        version: running::version().unwrap_or_default(),
        has_cookies: true,
        has_syscall_wrapper: true,
        ..KernelFacts::default()
    }
}

/// Links all programs. Those that libbpf names come in its order; an object that it doesn't open has
/// its own.
pub fn link(kernel: &mut Kernel, bytes: &[u8], theirs: &Answer) -> Result<Vec<Ours>, String> {
    let object = Linkable::open(bytes).map_err(|error| error.to_string())?;
    let own: Vec<String> = object.programs().map(str::to_owned).collect();
    let mut names: Vec<String> = match theirs {
        Ok(programs) => programs.iter().map(|program| program.name.clone()).collect(),
        Err(_) => Vec::new(),
    };
    names.extend(own.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
    let results = names.into_iter().map(|name| {
        let result = program(kernel, &object, &name);
        Ours { name, result }
    });
    Ok(results.collect())
}

fn program(
    kernel: &mut Kernel,
    object: &Linkable<'_>,
    name: &str,
) -> Result<LinkedProgram, String> {
    let needs = object.needs(&[name]);
    kernel.types.prepare(needs.types.iter().map(String::as_str));
    if !needs.config.is_empty() {
        kernel.facts.read_config(&running::configuration().unwrap_or_default(), &needs.config);
    }
    if !needs.addresses.is_empty() {
        let symbols = fs::read_to_string("/proc/kallsyms").unwrap_or_default();
        kernel.facts.read_addresses(&symbols, &needs.addresses);
    }
    let request = Request {
        programs: &[name],
        kernel: Some(&kernel.types),
        facts: Some(&kernel.facts),
        globals: &[],
        features: BtfFeatures::ALL,
    };
    let mut linked = object.link(&request).map_err(|error| error.to_string())?;
    linked.programs.pop().ok_or_else(|| "nothing was linked".to_owned())
}
