//! The kernel of the machine that this runs on: the only part of the room that asks a kernel.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use nix::sys::utsname::{UtsName, uname};

use super::arch::Arch;
use super::error::Problem;
use super::release::version_code;
use super::{Kernel, Symbols, config, modules};
use crate::btf::{Btf, KernelTypes};

/// Where the kernel shows its own types.
pub const TYPES: &str = "/sys/kernel/btf/vmlinux";
/// Where it also shows those of its modules, in a file for each.
const DIRECTORY: &str = "/sys/kernel/btf";
/// The word that means this kernel; a file of that name is `./running`.
pub(super) const NAME: &str = "running";

/// Whether a path means the running kernel.
pub(super) fn is_meant(path: &str) -> bool {
    [NAME, TYPES].contains(&path)
}

/// The running kernel, with the modules that are loaded.
pub(super) fn kernel() -> Result<Kernel, Problem> {
    let types = types()?;
    let name = uname().map_err(io::Error::from)?;
    let text = |part: fn(&UtsName) -> &OsStr| part(&name).to_string_lossy().into_owned();
    let release = text(UtsName::release);
    let config = configuration();
    Ok(Kernel {
        name: release.clone(),
        origin: NAME.to_owned(),
        version: version_code(&release, &text(UtsName::version), config.as_deref()),
        release: Some(release),
        arch: Arch::from_name(&text(UtsName::machine)),
        config,
        types,
        symbols: Symbols::Running(OnceCell::new()),
    })
}

/// The names in the list of symbols, which everybody may read (but not their addresses); `None` where
/// there is no list.
pub(super) fn symbols() -> Option<HashSet<String>> {
    let text = fs::read_to_string("/proc/kallsyms").ok()?;
    let names: HashSet<String> =
        text.lines().filter_map(|line| line.split_whitespace().nth(2)).map(str::to_owned).collect();
    (!names.is_empty()).then_some(names)
}

/// The running kernel's types, and its modules' when they are asked for.
///
/// # Errors
/// A kernel without types.
pub fn types() -> Result<KernelTypes, Problem> {
    match fs::read(TYPES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Problem::NoTypes),
        other => types_in(other?),
    }
}

/// The same of the bytes of [`TYPES`], for whoever has them already.
///
/// # Errors
/// If they are damaged.
pub fn types_in(bytes: impl Into<Cow<'static, [u8]>>) -> Result<KernelTypes, Problem> {
    let types = KernelTypes::new(Btf::parse(bytes)?);
    Ok(types.with_modules(|kernel| modules::read(Path::new(DIRECTORY), kernel)))
}

/// The running kernel's configuration as text; none where the system doesn't keep it.
pub fn configuration() -> Option<String> {
    if let Ok(file) = File::open("/proc/config.gz")
        && let Some(text) = config::unpack(file)
    {
        return Some(text);
    }
    let release = uname().ok()?.release().to_string_lossy().into_owned();
    fs::read_to_string(format!("/boot/config-{release}")).ok()
}

/// `LINUX_VERSION_CODE` of the running kernel; none if it can't be told.
pub fn version() -> Option<u32> {
    let name = uname().ok()?;
    let (release, build) = (name.release().to_string_lossy(), name.version().to_string_lossy());
    version_code(&release, &build, configuration().as_deref())
}
