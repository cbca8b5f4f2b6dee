//! A kernel's modules, out of its package: of a virtual machine's kernel some things are only there as modules.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use lzma_rust2::XzReader;

/// The module of the network device that throws everything away.
pub const DUMMY: &str = "kernel/drivers/net/dummy.ko";

/// A module by its path below the kernel's directory of modules, uncompressed; none if the package hasn't got it
/// (the newest kernels' modules are in packages of their own).
pub fn read(package: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let mut unpacker = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run dpkg-deb")?;
    let stdout = unpacker.stdout.take().context("dpkg-deb has no stdout")?;
    let found = find(&mut tar::Archive::new(stdout), name)
        .with_context(|| format!("looking for {name} in {}", package.display()));
    // It may have had more to say than was read.
    unpacker.kill().ok();
    unpacker.wait()?;
    found
}

fn find(archive: &mut tar::Archive<impl Read>, name: &str) -> Result<Option<Vec<u8>>> {
    let compressed = format!("{name}.xz");
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?;
        let is_compressed = path.ends_with(&compressed);
        if !is_compressed && !path.ends_with(name) {
            continue;
        }
        let mut module = Vec::new();
        if is_compressed {
            XzReader::new(&mut entry, true).read_to_end(&mut module)?;
        } else {
            entry.read_to_end(&mut module)?;
        }
        ensure!(module.starts_with(b"\x7fELF"), "it is not a module");
        return Ok(Some(module));
    }
    Ok(None)
}
