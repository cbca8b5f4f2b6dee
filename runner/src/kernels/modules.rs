//! Modules' types, as the kernel shows them: a file each beside that of the kernel proper.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::LARGEST_BTF;
use crate::btf::{Btf, Module};

/// The file of the kernel proper.
pub(super) const KERNEL: &str = "vmlinux";

/// The modules' types in a directory like `/sys/kernel/btf`. A file that can't be read or isn't of
/// this kernel has none: what is looked for in it is reported as missing.
pub(super) fn read(directory: &Path, kernel: &Arc<Btf>) -> Vec<Module> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut modules: Vec<Module> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok().filter(|name| name != KERNEL)?;
            let mut types = Vec::new();
            File::open(entry.path()).ok()?.take(LARGEST_BTF).read_to_end(&mut types).ok()?;
            let btf = Btf::parse_split(types, Arc::clone(kernel)).ok()?;
            Some(Module { name, btf })
        })
        .collect();
    modules.sort_by(|a, b| a.name.cmp(&b.name));
    modules
}
