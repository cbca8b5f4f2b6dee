//! The running kernel's types and its modules': read once a process, and only when a program asks for
//! them.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::btf::KernelTypes;
use crate::kernel::error::{Error, Phase};
use crate::kernel::sys;
use crate::kernels::{Problem, running};

/// The running kernel's types. Hold them no longer than needed: there is one copy.
///
/// # Errors
/// A kernel without types.
pub fn kernel_types() -> Result<MutexGuard<'static, KernelTypes>, Error> {
    static TYPES: OnceLock<Result<Mutex<KernelTypes>, String>> = OnceLock::new();
    let types = TYPES.get_or_init(|| match read() {
        Ok(types) => Ok(Mutex::new(types)),
        Err(Problem::NoTypes) => Err("it shows none".to_owned()),
        Err(problem) => Err(problem.to_string()),
    });
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

fn read() -> Result<KernelTypes, Problem> {
    // Kernels before 6.16 don't let it be mapped.
    if let Ok(bytes) = sys::map_kernel_btf(Path::new(running::TYPES)) {
        return running::types_in(bytes);
    }
    match copied() {
        Some(bytes) => running::types_in(bytes),
        None => running::types(),
    }
}

/// All of the types in one call, where the file gives a page with each. Kernels before 5.11 have no id for them; where a
/// program's types were there first, they aren't looked for any further.
fn copied() -> Option<Vec<u8>> {
    let first = sys::btf_next_id(0).ok()??;
    let name = sys::kernel_btf_name(&sys::btf_open(first).ok()?).ok()?;
    (name.as_deref() == Some("vmlinux")).then(|| sys::btf_bytes(first).ok())?
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
