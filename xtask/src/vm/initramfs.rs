//! Packs the files of a virtual machine into an uncompressed newc cpio archive.
//!
//! An initramfs is the only way in: these kernels have no 9p, and on the older ones virtio is modules.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cpio::newc;

use crate::binaries::Binaries;
use crate::kernel_files::Told;
use crate::paths;
use crate::vm::kernels::Kernel;
use crate::vm::modules;

const DIRECTORY: u32 = 0o040_755;
const EXECUTABLE: u32 = 0o100_755;
const REGULAR: u32 = 0o100_644;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// Probe files that kernels refuse, and the objects that they name.
const REFUSED: &str = "tests/refused";
const OBJECTS: &str = "tests/objects/prebuilt/x86_64";

/// Mount points, and homes of the files below.
const DIRECTORIES: [&str; 14] = [
    "dev",
    "proc",
    "sys",
    "run",
    "tmp",
    "etc",
    "bin",
    "probes.d",
    "root",
    "tests",
    REFUSED,
    "tests/objects",
    "tests/objects/prebuilt",
    OBJECTS,
];

/// A file that a guest needs besides what every guest gets.
pub struct Extra {
    /// Its path in the guest, without the slash at the beginning.
    pub name: String,
    /// The file here. Executables stay executable.
    pub path: PathBuf,
}

/// Writes the archive to `file`. The guest is started as init, with `arguments`, on that kernel.
pub fn write(
    file: &Path,
    binaries: &Binaries,
    kernel: &Kernel,
    arguments: &[String],
    extras: &[Extra],
) -> Result<()> {
    let mut archive = Archive { out: BufWriter::new(File::create(file)?), inode: 0 };
    for directory in DIRECTORIES {
        archive.add(directory, DIRECTORY, (0, 0), &[])?;
    }
    // The kernel opens it for init's standard streams before init can make anything.
    archive.add("dev/console", CHARACTER_DEVICE, (5, 1), &[])?;
    archive.add_file("init", EXECUTABLE, &binaries.guest)?;
    archive.add_file("bin/probe-runner", EXECUTABLE, &binaries.probe_runner)?;
    archive.add_files("probes.d", &paths::probes())?;
    for directory in [REFUSED, OBJECTS] {
        archive.add_files(directory, &paths::root().join(directory))?;
    }
    let parents: BTreeSet<&Path> = extras
        .iter()
        .flat_map(|extra| Path::new(&extra.name).ancestors().skip(1))
        .filter(|parent| !DIRECTORIES.iter().any(|known| **parent == *Path::new(known)))
        .filter(|parent| !parent.as_os_str().is_empty())
        .collect();
    for parent in parents {
        archive.add(&parent.to_string_lossy(), DIRECTORY, (0, 0), &[])?;
    }
    for extra in extras {
        let mode = fs::metadata(&extra.path)
            .with_context(|| format!("cannot read {}", extra.path.display()))?
            .permissions()
            .mode();
        archive.add_file(&extra.name, REGULAR | (mode & 0o111), &extra.path)?;
    }
    archive.add("etc/guest.args", REGULAR, (0, 0), arguments.join("\n").as_bytes())?;
    // A kernel of the user's own may have no types; the guest sees by itself whether it has.
    if let Ok(told) = Told::read(&kernel.image) {
        archive.add("etc/kernel-file", DIRECTORY, (0, 0), &[])?;
        archive.add("etc/kernel-file/types.btf", REGULAR, (0, 0), &told.types)?;
        archive.add("etc/kernel-file/facts", REGULAR, (0, 0), told.facts.as_bytes())?;
    }
    if let Some(package) = &kernel.package
        && let Some(module) = modules::read(package, modules::DUMMY)?
    {
        archive.add("etc/modules", DIRECTORY, (0, 0), &[])?;
        archive.add("etc/modules/dummy.ko", REGULAR, (0, 0), &module)?;
    }
    newc::trailer(archive.out)?.flush()?;
    Ok(())
}

struct Archive {
    out: BufWriter<File>,
    inode: u32,
}

impl Archive {
    /// Adds the files of a directory, without those below it.
    fn add_files(&mut self, name: &str, directory: &Path) -> Result<()> {
        let entries = fs::read_dir(directory)
            .with_context(|| format!("cannot list {}", directory.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_file() {
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                self.add_file(&format!("{name}/{file}"), REGULAR, &path)?;
            }
        }
        Ok(())
    }

    fn add_file(&mut self, name: &str, mode: u32, path: &Path) -> Result<()> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        self.add(name, mode, (0, 0), &bytes)
    }

    fn add(&mut self, name: &str, mode: u32, device: (u32, u32), bytes: &[u8]) -> Result<()> {
        self.inode += 1;
        let entry = newc::Builder::new(name)
            .ino(self.inode)
            .mode(mode)
            .rdev_major(device.0)
            .rdev_minor(device.1);
        let mut writer = entry.write(&mut self.out, u32::try_from(bytes.len())?);
        writer.write_all(bytes)?;
        writer.finish()?;
        Ok(())
    }
}
