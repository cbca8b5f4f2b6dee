//! The kernel of the machine that this runs on: the only part of the room that asks a kernel.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io;
use std::sync::Arc;

use nix::sys::utsname::{UtsName, uname};

use super::arch::Arch;
use super::config;
use super::error::Problem;
use super::release::version_code;
use super::{Kernel, RUNNING};
use crate::btf::{Btf, KernelTypes, Module};

/// Where the kernel shows its own types.
pub const TYPES: &str = "/sys/kernel/btf/vmlinux";
/// Where it also shows those of its modules, in a file for each.
const DIRECTORY: &str = "/sys/kernel/btf";
/// The kernel's own file among those.
const KERNEL: &str = "vmlinux";

/// The running kernel, with the modules that are loaded.
pub(super) fn kernel() -> Result<Kernel, Problem> {
    let types = types()?;
    let name = uname().map_err(io::Error::from)?;
    let text = |part: fn(&UtsName) -> &std::ffi::OsStr| part(&name).to_string_lossy().into_owned();
    let release = text(UtsName::release);
    let config = configuration();
    Ok(Kernel {
        name: release.clone(),
        origin: RUNNING.to_owned(),
        version: version_code(&release, &text(UtsName::version), config.as_deref()),
        release: Some(release),
        arch: Arch::from_name(&text(UtsName::machine)),
        config,
        types,
    })
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
    Ok(KernelTypes::new(Btf::parse(bytes)?).with_modules(modules))
}

/// The types of the loaded modules. One that can't be read has none: what is looked for in it is
/// reported as missing.
fn modules(kernel: &Arc<Btf>) -> Vec<Module> {
    let Ok(entries) = fs::read_dir(DIRECTORY) else {
        return Vec::new();
    };
    let mut modules: Vec<Module> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok().filter(|name| name != KERNEL)?;
            let btf = Btf::parse_split(fs::read(entry.path()).ok()?, Arc::clone(kernel)).ok()?;
            Some(Module { name, btf })
        })
        .collect();
    modules.sort_by(|a, b| a.name.cmp(&b.name));
    modules
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
