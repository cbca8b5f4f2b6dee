//! Chooses between hardware and software virtualisation.
//!
//! `/dev/kvm` existing proves nothing: on rented machines it is often there and the guest never runs. So a kernel is
//! booted with it once; what came of it is remembered under the target directory.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::machine::{Limits, Machine};
use crate::{packages, paths};

/// How the guest's instructions are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// By the processor.
    Kvm,
    /// Translated by QEMU.
    Tcg,
    /// Translated by QEMU on one processor, whose clock they are: each takes a nanosecond. Slow, and the same every time.
    Counted,
}

impl Accelerator {
    /// What people and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
            Self::Counted => "counted tcg",
        }
    }

    /// QEMU's arguments for it.
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Kvm => &["-accel", "kvm", "-smp", "2"],
            // One thread for both processors: where each has its own, QEMU executes half of an instruction
            // that the kernel is just patching, and the guest dies (`Oops: int3`).
            Self::Tcg => &["-accel", "tcg,thread=single", "-smp", "2"],
            Self::Counted => {
                &["-accel", "tcg,thread=single", "-smp", "1", "-icount", "shift=0,sleep=off"]
            }
        }
    }
}

/// What this machine can do, found with the help of one kernel.
pub fn probe(kernel: &Path, initramfs: &Path) -> Result<Accelerator> {
    if !Path::new("/dev/kvm").exists() {
        return Ok(Accelerator::Tcg);
    }
    let memory = paths::vm().join("accelerator");
    match fs::read_to_string(&memory).as_deref().map(str::trim) {
        Ok("kvm") => return Ok(Accelerator::Kvm),
        Ok("tcg") => return Ok(Accelerator::Tcg),
        _ => {}
    }
    packages::announce("trying hardware virtualisation (up to 15 s)");
    let machine = Machine {
        kernel,
        initramfs,
        accelerator: Accelerator::Kvm,
        append: "",
        limits: Limits { first_line: Duration::from_secs(15), silence: Duration::from_secs(15) },
        directory: &paths::vm().join("kvm-probe"),
    };
    let found = if machine.speaks()? { Accelerator::Kvm } else { Accelerator::Tcg };
    fs::write(memory, found.name())?;
    Ok(found)
}
