//! Has BTF's encoding checked once, then answers from the bytes as they are.
//!
//! The check (`header`, then `check`) is one pass over the types that notes where each begins. What it
//! has seen, the getters don't check again: ids, names and sizes are known to be good. What it doesn't
//! prove is that types make sense together: references may form circles, so whoever follows them counts
//! its steps. A kernel's BTF has more than 100,000 types, so nothing is kept per type but its position.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::check::{self, Known};
use super::error::BtfError;
use super::header::{self, Header};
use super::kind::Kind;
use super::types::{Type, TypeId};

/// `struct btf_type`.
pub(super) const TYPE_SIZE: usize = 12;

/// The types of an object, a kernel or a kernel module. Type 0 is `void`, the others are numbered
/// from 1. A module's types continue the kernel's: ids and names below its own are the kernel's.
#[derive(Clone)]
pub struct Btf {
    data: Cow<'static, [u8]>,
    /// What the types continue, for a module.
    base: Option<Arc<Btf>>,
    /// Where its own types lie in `data`.
    types: Range<usize>,
    /// Where the string table lies in `data`.
    strings: Range<usize>,
    /// Whether all names are ASCII, those of what the types continue too.
    ascii: bool,
    /// Where each type begins in `data`, by its id less one.
    offsets: Vec<u32>,
}

impl Btf {
    /// Takes the bytes of a `.BTF` section or of `/sys/kernel/btf/vmlinux`, as they were read or as they
    /// lie in memory for as long as the process lives.
    ///
    /// # Errors
    /// If anything in it can't be trusted; see [`BtfError`].
    pub fn parse(data: impl Into<Cow<'static, [u8]>>) -> Result<Btf, BtfError> {
        Btf::continuing(None, data.into())
    }

    /// Takes the bytes of a module's file in `/sys/kernel/btf`, whose types continue those of `base`
    /// ("split BTF").
    ///
    /// # Errors
    /// As [`Btf::parse`].
    pub fn parse_split(
        data: impl Into<Cow<'static, [u8]>>,
        base: Arc<Btf>,
    ) -> Result<Btf, BtfError> {
        Btf::continuing(Some(base), data.into())
    }

    fn continuing(base: Option<Arc<Btf>>, data: Cow<'static, [u8]>) -> Result<Btf, BtfError> {
        let header = Header::read(&data)?;
        let strings = &data[header.strings.clone()];
        match &base {
            // The empty string is the base's.
            Some(_) => header::check_split_strings(strings)?,
            None => header::check_strings(strings)?,
        }
        let ascii = strings.is_ascii() && base.as_ref().is_none_or(|base| base.ascii);
        let (types, strings) = (header.types.clone(), header.strings.clone());
        let mut btf = Btf { data, base, types, strings, ascii, offsets: Vec::new() };
        btf.offsets = check::offsets(
            &btf.data,
            &header,
            &Known {
                ids_before: btf.first_id().0 - 1,
                is_name: &|offset| btf.is_name(offset),
                names_below: ascii.then(|| btf.strings_before() + btf.strings.len() as u32),
            },
        )?;
        Ok(btf)
    }

    /// A name must begin inside the string table and not inside a character.
    fn is_name(&self, offset: u32) -> bool {
        let is_inside_character = |byte: u8| byte & 0xc0 == 0x80;
        self.string_bytes(offset).first().is_some_and(|&byte| !is_inside_character(byte))
    }

    /// Number of types, without `void` and with those that these continue; the greatest type id.
    pub fn len(&self) -> u32 {
        self.first_id().0 - 1 + self.offsets.len() as u32
    }

    /// Whether there is no type but `void`.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of the first type that isn't another BTF's.
    fn first_id(&self) -> TypeId {
        TypeId(self.base.as_ref().map_or(0, |base| base.len()) + 1)
    }

    /// What these types continue.
    pub(super) fn base(&self) -> Option<&Btf> {
        self.base.as_deref()
    }

    /// Where its own types lie in the data.
    pub(super) fn types_range(&self) -> Range<usize> {
        self.types.clone()
    }

    /// The bytes that it was read from.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The type of an id; `void` for 0 and for ids that this BTF didn't give out.
    pub fn ty(&self, id: TypeId) -> Type<'_> {
        let index = (id.0 as usize).checked_sub(self.first_id().0 as usize);
        match (index.and_then(|index| self.offsets.get(index)), &self.base) {
            (Some(&offset), _) => Type::at(self, offset as usize),
            (None, Some(base)) if index.is_none() => base.ty(id),
            _ => Type::void(self),
        }
    }

    /// All types of its own with their ids, ascending, without `void`.
    pub fn types(&self) -> impl Iterator<Item = (TypeId, Type<'_>)> {
        let ids = self.first_id().0..;
        ids.zip(&self.offsets).map(|(id, &offset)| (TypeId(id), Type::at(self, offset as usize)))
    }

    /// The first type with that name and kind.
    ///
    /// It looks at one type after the other: a millisecond in a kernel's BTF, where an index of all names
    /// would cost far more than the few searches of a run.
    pub fn find(&self, name: &str, kind: Kind) -> Option<TypeId> {
        let is_named = |ty: Type<'_>| {
            let text = self.string_bytes(ty.name_offset());
            text.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
        };
        if name.is_empty() {
            return None;
        }
        self.types().find(|(_, ty)| ty.kind() == Some(kind) && is_named(*ty)).map(|(id, _)| id)
    }

    /// Its own string table.
    pub(super) fn strings(&self) -> &str {
        // Checked when it was read.
        str::from_utf8(&self.data[self.strings.clone()]).unwrap_or_default()
    }

    /// Bytes of all string tables: where the names of types that continue these begin.
    #[cfg(test)]
    pub(crate) fn strings_len(&self) -> u32 {
        self.strings_before() + self.strings.len() as u32
    }

    /// Bytes of the string tables that its own continues.
    pub(super) fn strings_before(&self) -> u32 {
        self.base().map_or(0, |base| base.strings_before() + base.strings.len() as u32)
    }

    /// The string at an offset of the string table; empty for one outside of it.
    ///
    /// Other sections (`.BTF.ext`) name things by the same offsets, which nobody has checked.
    pub fn string(&self, offset: u32) -> &str {
        let text = self.string_bytes(offset).split(|&byte| byte == 0).next().unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
    }

    /// The string table's bytes from an offset on; none outside of it.
    pub(super) fn string_bytes(&self, offset: u32) -> &[u8] {
        match (offset.checked_sub(self.strings_before()), &self.base) {
            (Some(own), _) => {
                let own = self.strings.start.saturating_add(own as usize);
                self.data.get(own..self.strings.end).unwrap_or_default()
            }
            (None, Some(base)) => base.string_bytes(offset),
            (None, None) => &[],
        }
    }

    /// The number at a byte offset of the data; 0 beyond its end, which a checked type never reads.
    pub(super) fn u32_at(&self, offset: usize) -> u32 {
        header::read_u32(&self.data, offset).unwrap_or_default()
    }
}

impl std::fmt::Debug for Btf {
    /// The number of types; the bytes themselves help nobody.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Btf").field("types", &self.len()).finish()
    }
}
