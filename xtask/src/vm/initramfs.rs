//! Packs the files of a virtual machine into an uncompressed newc cpio archive.
//!
//! An initramfs is the only way in: these kernels have no 9p, and on the older ones virtio is modules.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use cpio::newc;

use crate::binaries::Binaries;
use crate::paths;

const DIRECTORY: u32 = 0o040_755;
const EXECUTABLE: u32 = 0o100_755;
const REGULAR: u32 = 0o100_644;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// Mount points, and homes of the files below.
const DIRECTORIES: [&str; 9] =
    ["dev", "proc", "sys", "run", "tmp", "etc", "bin", "probes.d", "root"];

/// Writes the archive to `file`. The guest is started as init, with `arguments`.
pub fn write(file: &Path, binaries: &Binaries, arguments: &[String]) -> Result<()> {
    let mut archive = Archive { out: BufWriter::new(File::create(file)?), inode: 0 };
    for directory in DIRECTORIES {
        archive.add(directory, DIRECTORY, (0, 0), &[])?;
    }
    // The kernel opens it for init's standard streams before init can make anything.
    archive.add("dev/console", CHARACTER_DEVICE, (5, 1), &[])?;
    archive.add_file("init", EXECUTABLE, &binaries.guest)?;
    archive.add_file("bin/probe-runner", EXECUTABLE, &binaries.probe_runner)?;
    for entry in fs::read_dir(paths::probes()).context("cannot list probes.d")? {
        let path = entry?.path();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            archive.add_file(&format!("probes.d/{name}"), REGULAR, &path)?;
        }
    }
    archive.add("etc/guest.args", REGULAR, (0, 0), arguments.join("\n").as_bytes())?;
    newc::trailer(archive.out)?.flush()?;
    Ok(())
}

struct Archive {
    out: BufWriter<File>,
    inode: u32,
}

impl Archive {
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
