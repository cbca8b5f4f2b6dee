//! The processors that a kernel is for.

use crate::btf::{Btf, Kind, Shape};

/// `struct desc_ptr` on 64-bit x86: a 16-bit limit and an address. It has 6 bytes on 32-bit x86.
const DESC_PTR_SIZE: u32 = 10;

/// A kind of processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 64-bit ARM.
    Aarch64,
}

impl Arch {
    /// Tells it by a structure that only one kind of kernel has: `struct desc_ptr`
    /// (`arch/x86/include/asm/desc_defs.h`) or `struct user_pt_regs`
    /// (`arch/arm64/include/uapi/asm/ptrace.h`).
    pub(super) fn of(types: &Btf) -> Option<Arch> {
        let structure = |name| types.find(name, Kind::Struct);
        if let Some(id) = structure("desc_ptr")
            && let Shape::Struct(structure) = types.ty(id).shape()
        {
            return (structure.size == DESC_PTR_SIZE).then_some(Arch::X86_64);
        }
        structure("user_pt_regs").map(|_| Arch::Aarch64)
    }

    /// As `uname -m` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
        }
    }

    /// By what `uname -m` writes.
    pub(super) fn from_name(name: &str) -> Option<Arch> {
        [Arch::X86_64, Arch::Aarch64].into_iter().find(|arch| arch.name() == name)
    }
}
