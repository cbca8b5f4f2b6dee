//! What a file says about a kernel, before anything is made of it.

use std::io::Read;

use super::LARGEST_BTF;
use super::arch::Arch;
use super::error::Problem;
use super::release::Banner;
use crate::btf::Btf;

/// What a file of types begins with (`BTF_MAGIC`, little-endian and big-endian).
const MAGIC: [[u8; 2]; 2] = [[0x9f, 0xeb], [0xeb, 0x9f]];

/// A kernel's types, and what stood beside them.
#[derive(Clone, Debug)]
pub(super) struct Extract {
    pub(super) types: Btf,
    pub(super) banner: Option<Banner>,
    pub(super) arch: Option<Arch>,
    /// The configuration's text.
    pub(super) config: Option<String>,
}

impl Extract {
    /// Takes a kernel's types, from which it tells the architecture.
    pub(super) fn new(
        types: Vec<u8>,
        banner: Option<Banner>,
        config: Option<String>,
    ) -> Result<Extract, Problem> {
        let types = Btf::parse(types)?;
        let arch = Arch::of(&types);
        Ok(Extract { types, banner, arch, config })
    }

    /// Whether a file that begins so holds types and nothing else.
    pub(super) fn is_types(start: &[u8]) -> bool {
        MAGIC.iter().any(|magic| start.starts_with(magic))
    }

    /// Reads types of a kernel of which nothing else is known.
    pub(super) fn read_types(file: impl Read) -> Result<Extract, Problem> {
        let mut types = Vec::new();
        file.take(LARGEST_BTF).read_to_end(&mut types)?;
        Extract::new(types, None, None)
    }
}
