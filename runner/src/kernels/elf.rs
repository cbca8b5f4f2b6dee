//! A `vmlinux`: a kernel as an ELF file. Only the sections that are needed are read, so one with
//! gigabytes of debug information costs no more than one without.

use std::fs::File;

use object::read::{
    Architecture, Error, File as Elf, Object, ObjectKind, ObjectSection, ReadCache, ReadRef,
    Section,
};

use super::config;
use super::error::Problem;
use super::extract::Extract;
use super::release::Banner;

/// What ELF files begin with.
pub(super) const MAGIC: &[u8] = b"\x7fELF";
/// Linked files say nothing reasonable beyond this; a `vmlinux` with debug information has 1 GB.
const LARGEST_FILE: u64 = 4 << 30;
/// More than any kernel's read-only data or types; what claims more is not one.
const LARGEST_SECTION: u64 = 256 << 20;

/// Reads a kernel from a file, of which it reads no more than it needs.
pub(super) fn read_file(file: File) -> Result<Extract, Problem> {
    if file.metadata()?.len() > LARGEST_FILE {
        return Err(Problem::TooLarge("it has more than 4 GiB"));
    }
    read(&ReadCache::new(file))
}

/// Reads a kernel.
pub(super) fn read<'a>(data: impl ReadRef<'a>) -> Result<Extract, Problem> {
    let elf = Elf::parse(data).map_err(damaged)?;
    match elf.kind() {
        ObjectKind::Executable | ObjectKind::Dynamic => {}
        _ if elf.architecture() == Architecture::Bpf => return Err(Problem::EbpfObject),
        _ if elf.section_by_name(".modinfo").is_some() => return Err(Problem::Module),
        _ => return Err(Problem::NotAKernel),
    }
    let constants = match elf.section_by_name(".rodata") {
        Some(section) => bytes(&section)?,
        None => &[],
    };
    let banner = Banner::find(constants);
    let btf = match elf.section_by_name(".BTF") {
        Some(section) if section.file_range().is_none() => return Err(Problem::DebugInfoOnly),
        Some(section) => bytes(&section)?.to_vec(),
        None if banner.is_some() => return Err(Problem::NoTypes),
        None => return Err(Problem::NotAKernel),
    };
    Extract::new(btf, banner, config::find(constants))
}

/// A module's types; none if it has none, or isn't one.
pub(super) fn types_of_module(bytes: &[u8]) -> Option<&[u8]> {
    let elf = Elf::parse(bytes).ok()?;
    elf.section_by_name(".modinfo")?;
    elf.section_by_name(".BTF")?.data().ok()
}

fn bytes<'a>(section: &Section<'a, '_, impl ReadRef<'a>>) -> Result<&'a [u8], Problem> {
    if section.size() > LARGEST_SECTION {
        return Err(Problem::TooLarge("one of its sections has more than 256 MiB"));
    }
    section.data().map_err(damaged)
}

fn damaged(error: Error) -> Problem {
    Problem::Damaged(error.to_string())
}
