//! Modules' types: as the kernel shows them, a file each beside that of the kernel proper, or in the modules of a
//! package.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::{LARGEST_BTF, contents, elf};
use crate::btf::{Btf, Module};

/// The file of the kernel proper.
pub(super) const KERNEL: &str = "vmlinux";

/// The modules' types in a directory like `/sys/kernel/btf`. A file that can't be read or isn't of
/// this kernel has none: what is looked for in it is reported as missing.
pub(super) fn read(directory: &Path, kernel: &Arc<Btf>) -> Vec<Module> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let modules: Vec<Module> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok().filter(|name| name != KERNEL)?;
            let mut types = Vec::new();
            File::open(entry.path()).ok()?.take(LARGEST_BTF).read_to_end(&mut types).ok()?;
            let btf = Btf::parse_split(types, Arc::clone(kernel)).ok()?;
            Some(Module { name, btf })
        })
        .collect();
    sorted(modules)
}

/// The types of the modules in a package. It is gone through as a whole, so this takes time; only who looks for a
/// name that the kernel proper hasn't got pays. `release` tells one kernel's modules from another's.
pub(super) fn of_package(package: &Path, release: Option<&str>, kernel: &Arc<Btf>) -> Vec<Module> {
    let mut modules = Vec::new();
    let Ok(mut file) = File::open(package) else {
        return modules;
    };
    let directory = release.map(|release| format!("/{release}/"));
    // What is damaged further on has the types that came before.
    let _ = contents::modules(&mut file, &mut |path, module| {
        let is_ours = directory.as_ref().is_none_or(|directory| path.contains(directory));
        if let Some(module) = is_ours.then(|| typed(path, &module, kernel)).flatten() {
            modules.push(module);
        }
    });
    sorted(modules)
}

fn typed(path: &str, module: &[u8], kernel: &Arc<Btf>) -> Option<Module> {
    let types = elf::types_of_module(module)?.to_vec();
    let btf = Btf::parse_split(types, Arc::clone(kernel)).ok()?;
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split_once(".ko").map_or(file, |(stem, _)| stem);
    // As the kernel calls them: of a name in C.
    Some(Module { name: stem.replace('-', "_"), btf })
}

fn sorted(mut modules: Vec<Module>) -> Vec<Module> {
    modules.sort_by(|a, b| a.name.cmp(&b.name));
    modules
}
