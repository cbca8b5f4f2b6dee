//! Kernels as files: from a path to kernels' types, on any machine and as any user.
//!
//! [`open`] is the way in. `directory` finds files, `contents` tells what a file is, and the files
//! after it each take one kind of thing apart: `compression`, `image`, `deb`, `rpm`, `members` of
//! archives, `elf`; `scan` finds types in a stream. `cache` keeps what took time, and `running` asks the
//! machine it runs on, which nothing else here does. What the types are good for is others' business.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use crate::btf::KernelTypes;

mod arch;
mod cache;
mod compression;
mod config;
mod contents;
mod deb;
mod directory;
mod elf;
mod error;
mod extract;
mod image;
mod members;
mod modules;
mod naming;
mod order;
mod release;
mod rpm;
pub mod running;
mod scan;
#[cfg(test)]
mod tests;

pub use arch::Arch;
pub use cache::Cache;
pub use error::{KernelFileError, Problem};
pub use release::version_code;

use directory::Candidate;
use extract::Extract;
use members::Member;
use naming::Role;

/// A kernel's types are some 5 MB, with all modules built in 20. More than this is something else.
const LARGEST_BTF: u64 = 256 << 20;

/// A kernel whose types are known.
#[derive(Debug)]
pub struct Kernel {
    /// What reports call it: its release, or the file's name where that isn't known.
    pub name: String,
    /// Where it came from: a path, with the place in a package behind a colon.
    pub origin: String,
    /// What `uname -r` says on it: `6.12.117+deb12-cloud-amd64`.
    pub release: Option<String>,
    /// `LINUX_VERSION_CODE`: 6.1.5 is 0x060105.
    pub version: Option<u32>,
    /// The processors that it is for.
    pub arch: Option<Arch>,
    /// Its configuration as text, if it came along or lies beside it.
    pub config: Option<String>,
    /// Its types.
    pub types: KernelTypes,
    /// Names of its symbols, where somebody can be asked for them.
    symbols: Symbols,
}

/// What is known of a kernel's symbols.
#[derive(Debug, Default)]
enum Symbols {
    /// Nothing: they are not in its file.
    #[default]
    Unknown,
    /// The running kernel lists them; read once, when somebody asks.
    Running(OnceCell<Option<HashSet<String>>>),
}

impl Kernel {
    /// Whether it has a symbol of that name, in itself or in a module that is loaded; `None` if that
    /// can't be told.
    pub fn has_symbol(&self, name: &str) -> Option<bool> {
        match &self.symbols {
            Symbols::Unknown => None,
            Symbols::Running(read) => {
                let names = read.get_or_init(running::symbols).as_ref()?;
                Some(names.contains(name))
            }
        }
    }
}

/// A file that is to hold kernels, or the running kernel.
#[derive(Debug)]
pub struct KernelFile(Source);

#[derive(Debug)]
enum Source {
    Running,
    File(PathBuf),
    /// One of a directory; a package there may be without a kernel.
    Package(PathBuf),
}

/// The kernels of a path: a file of types, a `vmlinux`, a boot image, a package, an archive of such
/// files, a directory of them, or the word `running`. They are in the order of their versions.
///
/// # Errors
/// There is nothing to read, or it isn't a kernel with types; see [`Problem`].
pub fn open(path: &str, cache: &Cache) -> Result<Vec<Kernel>, KernelFileError> {
    let mut kernels = Vec::new();
    for file in find(path)? {
        kernels.extend(file.read(cache)?);
    }
    if kernels.is_empty() {
        return Err(KernelFileError { path: path.to_owned(), problem: Problem::NoneBelow });
    }
    order::sort(&mut kernels);
    Ok(kernels)
}

/// The kernels of several paths, in the order of their versions. What is the same kernel counts once;
/// different ones of the same name are told apart by where they came from.
///
/// # Errors
/// As [`open`].
pub fn open_all(paths: &[String], cache: &Cache) -> Result<Vec<Kernel>, KernelFileError> {
    let mut kernels: Vec<Kernel> = Vec::new();
    for path in paths {
        for kernel in open(path, cache)? {
            if !kernels.iter().any(|other| is_same(&kernel, other)) {
                kernels.push(kernel);
            }
        }
    }
    order::sort(&mut kernels);
    let names: Vec<String> = kernels.iter().map(|kernel| kernel.name.clone()).collect();
    for kernel in &mut kernels {
        if names.iter().filter(|name| **name == kernel.name).count() > 1 {
            kernel.name = format!("{} ({})", kernel.name, kernel.origin);
        }
    }
    Ok(kernels)
}

fn is_same(one: &Kernel, other: &Kernel) -> bool {
    one.name == other.name && one.types.kernel().data() == other.types.kernel().data()
}

/// The files of a path, for whoever wants one kernel after the other: many don't fit into memory. They
/// are in the order of their paths.
///
/// # Errors
/// A directory can't be read or has no such files.
pub fn find(path: &str) -> Result<Vec<KernelFile>, KernelFileError> {
    if running::is_meant(path) {
        return Ok(vec![KernelFile(Source::Running)]);
    }
    if !Path::new(path).is_dir() {
        return Ok(vec![KernelFile(Source::File(PathBuf::from(path)))]);
    }
    let candidates = directory::candidates(Path::new(path))
        .map_err(|problem| KernelFileError { path: path.to_owned(), problem })?;
    let file = |Candidate { path, role }| {
        KernelFile(match role {
            Role::Package => Source::Package(path),
            _ => Source::File(path),
        })
    };
    Ok(candidates.into_iter().map(file).collect())
}

impl KernelFile {
    /// Reads the kernels. A package of a directory may have none.
    ///
    /// # Errors
    /// As [`open`].
    pub fn read(&self, cache: &Cache) -> Result<Vec<Kernel>, KernelFileError> {
        let (path, result) = match &self.0 {
            Source::Running => {
                (Path::new(running::NAME), running::kernel().map(|kernel| vec![kernel]))
            }
            Source::File(path) => (&**path, read(path, cache)),
            Source::Package(path) => match read(path, cache) {
                Err(Problem::NoneInside { .. }) => return Ok(Vec::new()),
                result => (&**path, result),
            },
        };
        result.map_err(|problem| KernelFileError { path: path.display().to_string(), problem })
    }
}

fn read(path: &Path, cache: &Cache) -> Result<Vec<Kernel>, Problem> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(elf::MAGIC.len() as u64).read_to_end(&mut start)?;
    file.rewind()?;
    // Of these no more is read than is needed, and nothing has to be unpacked.
    if Extract::is_types(&start) {
        return Ok(vec![kernel(path, Member::whole(Extract::read_types(file)?))]);
    }
    if start == elf::MAGIC {
        return Ok(vec![kernel(path, Member::whole(elf::read_file(file)?))]);
    }
    let slot = cache.slot(&mut file);
    let kept = slot.as_ref().and_then(cache::Slot::get);
    let members = match kept {
        Some(members) => members,
        None => {
            let members = contents::kernels(&mut file)?;
            // Types alone are unpacked as fast as they would be read.
            if let Some(slot) = slot
                && members.iter().any(|member| member.extract.banner.is_some())
            {
                slot.put(&members);
            }
            members
        }
    };
    Ok(members.into_iter().map(|member| kernel(path, member)).collect())
}

/// Puts together what a file and its name say.
fn kernel(path: &Path, member: Member) -> Kernel {
    let Member { path: inside, extract } = member;
    let Extract { types, banner, arch, config } = extract;
    let config = match &inside {
        None => config.or_else(|| config_beside(path)),
        Some(_) => config,
    };
    let file = inside.as_deref().map_or(path, Path::new);
    let file_name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    let build = banner.as_ref().map(|banner| banner.build.clone()).unwrap_or_default();
    let release =
        banner.map(|banner| banner.release).or_else(|| release::from_file_name(&file_name));
    let version =
        release.as_ref().and_then(|release| version_code(release, &build, config.as_deref()));
    // A directory of types is named after its machine.
    let directory = path.parent().filter(|_| file_name == modules::KERNEL && inside.is_none());
    let directory_name = directory.and_then(Path::file_name).map(|name| name.to_string_lossy());
    let name = match (&release, directory_name) {
        (Some(release), _) => release.clone(),
        (None, Some(directory)) => directory.into_owned(),
        (None, None) => file_name.into_owned(),
    };
    let types = KernelTypes::new(types);
    Kernel {
        name,
        origin: match &inside {
            Some(inside) => format!("{}:{inside}", path.display()),
            None => path.display().to_string(),
        },
        version,
        arch,
        config,
        types: match directory.map(Path::to_owned) {
            Some(directory) => types.with_modules(move |base| modules::read(&directory, base)),
            None if inside.is_some() => {
                let (package, release) = (path.to_owned(), release.clone());
                types.with_modules(move |base| {
                    modules::of_package(&package, release.as_deref(), base)
                })
            }
            None => types,
        },
        release,
        symbols: Symbols::Unknown,
    }
}

/// The configuration that distributions keep beside a kernel: `config-RELEASE` in `/boot`, `config` in
/// `/lib/modules/RELEASE`.
fn config_beside(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let name = match name.strip_prefix("vmlinuz").or_else(|| name.strip_prefix("vmlinux"))? {
        rest if rest.is_empty() || rest.starts_with('-') => format!("config{rest}"),
        _ => return None,
    };
    let mut text = String::new();
    let file = File::open(path.with_file_name(name)).ok()?;
    file.take(config::LARGEST).read_to_string(&mut text).ok()?;
    Some(text)
}
