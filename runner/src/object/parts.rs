//! An object taken apart: what its inventory and its linking both begin with.

use std::collections::BTreeMap;

use super::btf_ext::BtfExt;
use super::elf::Elf;
use super::error::ObjectError;
use super::functions::{self, Function, Start};
use super::map_places::MapPlaces;
use super::maps;
use crate::btf::Btf;

/// An object's parts.
pub(super) struct Parts<'a> {
    pub(super) elf: Elf<'a>,
    /// Its types, where it has some.
    pub(super) btf: Option<Btf>,
    /// What the compiler says about its instructions.
    pub(super) ext: BtfExt,
    /// Its functions, by place.
    pub(super) functions: BTreeMap<Start, Function<'a>>,
    /// Where its maps are.
    pub(super) maps: MapPlaces,
}

impl<'a> Parts<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Parts<'a>, ObjectError> {
        let elf = Elf::read(bytes)?;
        let btf = match elf.section(".BTF") {
            Some(section) => Some(Btf::parse(section.bytes.to_vec())?),
            None => None,
        };
        let ext = BtfExt::of(&elf, btf.as_ref())?;
        let functions = functions::read(&elf);
        let maps = maps::places(&elf);
        Ok(Parts { elf, btf, ext, functions, maps })
    }
}
