//! A program among the kernel's security modules: it may forbid what is about to be done.

use std::fs;
use std::path::Path;

use crate::desired::Hook;
use crate::kernel::attach::{Attached, Failure, Part, trampoline};

/// `BPF_LSM_MAC`
const ATTACH_TYPE: u32 = 27;

/// The security modules that are switched on.
const MODULES: &str = "/sys/kernel/security/lsm";

/// One program, verified for the hook's target.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: Some(&hook.target), attach }]
}

fn attach(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    check_switched_on()?;
    trampoline::attach(program, hook, ATTACH_TYPE)
}

/// A kernel that was not booted with `bpf` among its security modules lets programs be attached, and
/// never runs them. Where the list can't be read nothing is known.
fn check_switched_on() -> Result<(), Failure> {
    let Ok(modules) = fs::read_to_string(MODULES) else {
        return Ok(());
    };
    let modules = modules.trim();
    if modules.split(',').any(|module| module == "bpf") {
        return Ok(());
    }
    Err(Failure::refused("this kernel would never run it: BPF is not among its security modules")
        .hint(format!("boot it with `lsm={modules},bpf` on its command line")))
}
