//! What our own engine makes of an object, each program linked on its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use probe_runner::btf::{Btf, BtfFeatures, KernelTypes, Module};
use probe_runner::object::link::{KernelFacts, Linkable, LinkedProgram, Request};

use super::oracle::Answer;

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
        let path = btf.unwrap_or(Path::new("/sys/kernel/btf/vmlinux"));
        let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let mut types = KernelTypes::new(
            read_types(bytes).with_context(|| format!("reading {}", path.display()))?,
        );
        if btf.is_none() {
            types = types.with_modules(|kernel| {
                let files = fs::read_dir("/sys/kernel/btf").into_iter().flatten().flatten();
                files
                    .filter(|file| file.file_name() != "vmlinux")
                    .filter_map(|file| {
                        let bytes = fs::read(file.path()).ok()?;
                        let btf = Btf::parse_split(bytes, kernel.clone()).ok()?;
                        let name = file.file_name().to_string_lossy().into_owned();
                        Some(Module { name, btf })
                    })
                    .collect()
            });
        }
        Ok(Kernel { types, facts: facts() })
    }
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
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let numbers: Vec<u32> = release
        .split(|character: char| !character.is_ascii_digit())
        .map_while(|number| number.parse().ok())
        .collect();
    let part = |index: usize| numbers.get(index).copied().unwrap_or_default();
    KernelFacts {
        version: part(0) << 16 | part(1) << 8 | part(2).min(255),
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
        kernel.facts.read_config(&configuration(), &needs.config);
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

/// This kernel's configuration; empty if it doesn't tell.
fn configuration() -> String {
    let output = Command::new("zcat").arg("/proc/config.gz").output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        _ => {
            let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
            fs::read_to_string(format!("/boot/config-{}", release.trim())).unwrap_or_default()
        }
    }
}
