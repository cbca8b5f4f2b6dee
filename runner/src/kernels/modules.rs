//! Modules' types: as the kernel shows them, a file each beside that of the kernel proper, or in the modules of a
//! package.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{LARGEST_BTF, contents, elf};
use crate::btf::{Btf, Module};

/// What packages' names end in.
const PACKAGES: [&str; 2] = [".deb", ".rpm"];

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

/// The types of the modules in a package or, if it has none, in the packages that lie beside it and are named after the
/// same release: many distributions have packages for a kernel and for its modules. They are gone through as a
/// whole, so this takes time; only who looks for a name that the kernel proper hasn't got pays.
pub(super) fn of_package(package: &Path, release: Option<&str>, kernel: &Arc<Btf>) -> Vec<Module> {
    let mut modules = inside(package, release, kernel);
    if let (true, Some(release)) = (modules.is_empty(), release) {
        for other in beside(package, release) {
            modules.extend(inside(&other, Some(release), kernel));
        }
    }
    sorted(modules)
}

/// The other packages that are named after a release.
fn beside(package: &Path, release: &str) -> Vec<PathBuf> {
    let directory = match package.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_named = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_package = PACKAGES.iter().any(|ending| name.ends_with(ending));
        is_package && name.contains(release) && path.file_name() != package.file_name()
    };
    entries.map(|entry| entry.path()).filter(|path| is_named(path)).collect()
}

/// `release` tells one kernel's modules from another's.
fn inside(package: &Path, release: Option<&str>, kernel: &Arc<Btf>) -> Vec<Module> {
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
    modules
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

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;

    use super::{beside, contents};

    /// The paths of the modules in a package of `testdata/made`.
    fn modules_of(name: &str) -> Vec<String> {
        let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kernels/testdata/made");
        let mut file = File::open(made.join(name)).expect("it is committed");
        let mut paths = Vec::new();
        contents::modules(&mut file, &mut |path, _| paths.push(path.to_owned()))
            .expect("it is whole");
        paths
    }

    #[test]
    fn modules_are_found_in_every_kind_of_package() {
        for package in [
            "modules.deb",
            "image-zstd.deb",
            "core-zstdio.rpm",
            "core-xzdio.rpm",
            "core-gzdio.rpm",
            "core-bzdio.rpm",
        ] {
            let paths = modules_of(package);
            assert_eq!(paths.len(), 1, "{package}: {paths:?}");
            assert!(paths[0].contains("/kernel/a.ko"), "{package}: {paths:?}");
        }
    }

    #[test]
    fn packages_of_the_same_release_lie_beside() {
        let directory =
            std::env::temp_dir().join(format!("probe-runner-beside-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory can be made");
        let names = [
            "kernel-core-6.12.7-200.fc41.x86_64.rpm",
            "kernel-modules-core-6.12.7-200.fc41.x86_64.rpm",
            "kernel-modules-core-6.12.8-200.fc41.x86_64.rpm",
            "notes-6.12.7-200.fc41.x86_64.txt",
        ];
        for name in names {
            fs::write(directory.join(name), "").expect("a file can be written");
        }
        let found = beside(&directory.join(names[0]), "6.12.7-200.fc41.x86_64");
        assert_eq!(found, [directory.join(names[1])]);
        fs::remove_dir_all(&directory).expect("it is ours");
    }
}
