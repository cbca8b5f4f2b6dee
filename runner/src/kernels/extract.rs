//! What a file says about a kernel, before anything is made of it.

use super::arch::Arch;
use super::release::Banner;

/// A kernel's types as bytes, and what stood beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extract {
    /// BTF, which nobody has looked at.
    pub(super) btf: Vec<u8>,
    pub(super) banner: Option<Banner>,
    pub(super) arch: Option<Arch>,
    /// The configuration's text.
    pub(super) config: Option<String>,
}

impl Extract {
    /// Types of a kernel of which nothing else is known.
    pub(super) fn types_alone(btf: Vec<u8>) -> Extract {
        Extract { btf, banner: None, arch: None, config: None }
    }
}
