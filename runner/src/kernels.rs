//! Kernels as files: from a path to a kernel's types, on any machine and as any user.
//!
//! [`open`] is the way in. `elf` takes a `vmlinux` apart, `running` asks the machine it runs on, which
//! nothing else here does. What the types are good for is others' business.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::btf::{Btf, KernelTypes};

mod arch;
mod config;
mod elf;
mod error;
mod extract;
mod release;
pub mod running;
#[cfg(test)]
mod tests;

pub use arch::Arch;
pub use error::{KernelFileError, Problem};
pub use release::version_code;

use extract::Extract;

/// The word that means the kernel of this machine; a file of that name is `./running`.
const RUNNING: &str = "running";
/// What a file of types begins with (`BTF_MAGIC`, little-endian and big-endian).
const BTF_MAGIC: [[u8; 2]; 2] = [[0x9f, 0xeb], [0xeb, 0x9f]];
const ELF_MAGIC: [u8; 4] = *b"\x7fELF";
/// A kernel's types are some 5 MB, with all modules built in 20. More than this is something else.
const LARGEST_BTF: u64 = 256 << 20;

/// A kernel whose types are known.
#[derive(Debug)]
pub struct Kernel {
    /// What reports call it: its release, or the file's name where that isn't known.
    pub name: String,
    /// Where it came from: the path that was given, or one below it.
    pub origin: String,
    /// What `uname -r` says on it: `6.12.117+deb12-cloud-amd64`.
    pub release: Option<String>,
    /// `LINUX_VERSION_CODE`: 6.1.5 is 0x060105.
    pub version: Option<u32>,
    /// The processors that it is for.
    pub arch: Option<Arch>,
    /// Its configuration as text, if it came along.
    pub config: Option<String>,
    /// Its types.
    pub types: KernelTypes,
}

/// Where types that took time to unpack are kept for the next time.
#[derive(Clone, Debug)]
pub enum Cache {
    /// Nowhere.
    Off,
    /// In files of this directory, which may not exist yet.
    In(PathBuf),
}

/// The kernels of a path: a file of types, an ELF `vmlinux`, or the word `running`.
///
/// # Errors
/// There is nothing to read, or it isn't a kernel with types; see [`Problem`].
pub fn open(path: &str, _cache: &Cache) -> Result<Vec<Kernel>, KernelFileError> {
    let kernel = match path {
        RUNNING => running::kernel(),
        _ => file(Path::new(path)),
    };
    let kernel = kernel.map_err(|problem| KernelFileError { path: path.to_owned(), problem })?;
    Ok(vec![kernel])
}

fn file(path: &Path) -> Result<Kernel, Problem> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(ELF_MAGIC.len() as u64).read_to_end(&mut start)?;
    let extract = if BTF_MAGIC.iter().any(|magic| start.starts_with(magic)) {
        let mut btf = start;
        file.take(LARGEST_BTF).read_to_end(&mut btf)?;
        Extract::types_alone(btf)
    } else if start == ELF_MAGIC {
        elf::read_file(file)?
    } else {
        return Err(Problem::NotAKernel);
    };
    kernel(path, extract)
}

/// Puts together what was found in a file.
fn kernel(path: &Path, extract: Extract) -> Result<Kernel, Problem> {
    let types = KernelTypes::new(Btf::parse(extract.btf)?);
    let file_name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let (release, version) = match (extract.banner, release::from_file_name(&file_name)) {
        (Some(banner), _) => {
            let version = version_code(&banner.release, &banner.build, extract.config.as_deref());
            (Some(banner.release), version)
        }
        (None, Some(release)) => {
            let version = version_code(&release, "", extract.config.as_deref());
            (Some(release), version)
        }
        (None, None) => (None, None),
    };
    Ok(Kernel {
        name: release.clone().unwrap_or_else(|| file_name.into_owned()),
        origin: path.display().to_string(),
        release,
        version,
        arch: extract.arch.or_else(|| Arch::of(&types)),
        config: extract.config,
        types,
    })
}
