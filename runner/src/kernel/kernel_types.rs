//! The running kernel's types and its modules': read once a process, and only when a program asks for
//! them.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::btf::{Btf, KernelTypes, Module};
use crate::kernel::error::{Error, Phase};
use crate::kernel::sys;

/// Where the kernel shows its types, in a file for itself and one for each module.
const DIRECTORY: &str = "/sys/kernel/btf";
const KERNEL: &str = "vmlinux";

/// The running kernel's types. Hold them no longer than needed: there is one copy.
///
/// # Errors
/// A kernel without types.
pub fn kernel_types() -> Result<MutexGuard<'static, KernelTypes>, Error> {
    static TYPES: OnceLock<Result<Mutex<KernelTypes>, String>> = OnceLock::new();
    let types = TYPES.get_or_init(|| read().map(Mutex::new));
    match types {
        Ok(types) => Ok(types.lock().unwrap_or_else(PoisonError::into_inner)),
        Err(reason) => {
            Err(Error::new(Phase::Observe, "the kernel's type information", reason.as_str()).hint(
                "CO-RE, fentry, fexit and BTF tracepoints need a kernel built with \
                 CONFIG_DEBUG_INFO_BTF (/sys/kernel/btf/vmlinux)",
            ))
        }
    }
}

fn read() -> Result<KernelTypes, String> {
    let path = Path::new(DIRECTORY).join(KERNEL);
    let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let kernel = Btf::parse(bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(KernelTypes::new(kernel).with_modules(read_modules))
}

/// The types of the loaded modules. One that can't be read has none: what is looked for in it is
/// reported as missing.
fn read_modules(kernel: &Arc<Btf>) -> Vec<Module> {
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

/// The descriptor of a module's types, by which programs are told which module an id belongs to.
///
/// # Errors
/// `NotFound` if the module has gone.
pub fn module_descriptor(module: &str) -> io::Result<OwnedFd> {
    let mut last = 0;
    while let Some(id) = sys::btf_next_id(last)? {
        last = id;
        let btf = match sys::btf_open(id) {
            // It has just gone.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => continue,
            other => other?,
        };
        if sys::kernel_btf_name(&btf)?.as_deref() == Some(module) {
            return Ok(btf);
        }
    }
    Err(io::Error::from(io::ErrorKind::NotFound))
}
