//! Checks BTF's encoding once, then answers from the bytes as they are.
//!
//! The check is one pass over the types that notes where each begins. What it has seen, the getters
//! don't check again: ids, names and sizes are known to be good. What it doesn't prove is that types
//! make sense together: references may form circles, so whoever follows them counts its steps.
//! A kernel's BTF has more than 100,000 types, so nothing is kept per type but its position.

use std::ops::Range;
use std::sync::Arc;

use super::error::BtfError;
use super::kind::Kind;
use super::types::{Type, TypeId};

/// `BTF_MAGIC` as it lies in a little-endian file.
const MAGIC: [u8; 2] = [0x9f, 0xeb];
/// The header's size before layout information was added to it (kernel 7.1).
const HEADER_SIZE: usize = 24;
/// The header's size with the layout section's offset and length.
const HEADER_SIZE_WITH_LAYOUT: usize = 32;
/// `struct btf_type`.
pub(super) const TYPE_SIZE: usize = 12;
/// The kernel takes no more than 2^20 (`BTF_MAX_TYPE`); that limit may grow.
const MAX_TYPES: usize = 1 << 24;
/// Every window of this size has the end of a string, so no string is twice as long. The kernel
/// takes names of up to 511 bytes (`KSYM_NAME_LEN`).
const NAME_WINDOW: usize = 4096;

/// The types of an object, a kernel or a kernel module. Type 0 is `void`, the others are numbered
/// from 1. A module's types continue the kernel's: ids and names below its own are the kernel's.
#[derive(Clone)]
pub struct Btf {
    data: Vec<u8>,
    /// What the types continue, for a module.
    base: Option<Arc<Btf>>,
    /// Where its own types lie in `data`.
    types: Range<usize>,
    /// Where the string table lies in `data`.
    strings: Range<usize>,
    /// Where each type begins in `data`, by its id less one.
    offsets: Vec<u32>,
}

impl Btf {
    /// Takes the bytes of a `.BTF` section or of `/sys/kernel/btf/vmlinux`.
    ///
    /// # Errors
    /// If anything in it can't be trusted; see [`BtfError`].
    pub fn parse(data: Vec<u8>) -> Result<Btf, BtfError> {
        Btf::continuing(None, data)
    }

    /// Takes the bytes of a module's file in `/sys/kernel/btf`, whose types continue those of `base`
    /// ("split BTF").
    ///
    /// # Errors
    /// As [`Btf::parse`].
    pub fn parse_split(data: Vec<u8>, base: Arc<Btf>) -> Result<Btf, BtfError> {
        Btf::continuing(Some(base), data)
    }

    fn continuing(base: Option<Arc<Btf>>, data: Vec<u8>) -> Result<Btf, BtfError> {
        let header = Header::read(&data)?;
        let strings = &data[header.strings.clone()];
        match &base {
            // The empty string is the base's.
            Some(_) => check_split_strings(strings)?,
            None => check_strings(strings)?,
        }
        let (types, strings) = (header.types.clone(), header.strings.clone());
        let mut btf = Btf { data, base, types, strings, offsets: Vec::new() };
        btf.offsets = btf.scan(&header)?;
        Ok(btf)
    }

    /// Finds where the types begin, and checks every name and reference on the way.
    fn scan(&self, header: &Header) -> Result<Vec<u32>, BtfError> {
        // Types have 12 bytes and mostly few entries; a wrong guess costs a reallocation.
        let mut offsets = Vec::with_capacity(header.types.len() / 24);
        // References may point forward, so the greatest is compared when all types are known.
        let mut greatest = (0, 0);
        let before = self.first_id().0 - 1;
        let mut at = header.types.start;
        while at < header.types.end {
            let id = u32::try_from(offsets.len() + 1).unwrap_or(u32::MAX).saturating_add(before);
            if id as usize > MAX_TYPES {
                return Err(BtfError::TooManyTypes);
            }
            if header.types.end - at < TYPE_SIZE {
                return Err(BtfError::Truncated { what: "a type" });
            }
            let ty = Type::at(self, at);
            let kind = ty.kind_number();
            let payload = match Kind::from_number(kind) {
                Some(kind) => kind.payload(ty.entry_count()),
                None => header
                    .payload_of_unknown(&self.data, kind, ty.entry_count())
                    .ok_or(BtfError::UnknownKind { kind, id })?,
            };
            let rest = (header.types.end - at - TYPE_SIZE) as u64;
            if payload > rest {
                return Err(BtfError::Truncated { what: "a type's entries" });
            }
            self.check_name(id, ty.name_offset())?;
            ty.each_name(|offset| self.check_name(id, offset))?;
            ty.each_reference(|to| {
                if to > greatest.0 {
                    greatest = (to, id);
                }
            });
            offsets.push(at as u32);
            at += TYPE_SIZE + payload as usize;
        }
        let last = before + offsets.len() as u32;
        if greatest.0 > last {
            return Err(BtfError::Reference { id: greatest.1, to: greatest.0, last });
        }
        Ok(offsets)
    }

    /// A name must begin inside the string table and not inside a character.
    fn check_name(&self, id: u32, offset: u32) -> Result<(), BtfError> {
        let begins_inside_character = |byte: u8| byte & 0xc0 == 0x80;
        match self.string_bytes(offset).first() {
            Some(&byte) if !begins_inside_character(byte) => Ok(()),
            _ => Err(BtfError::Name { id, offset }),
        }
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

    /// The data as it was read.
    pub(super) fn data(&self) -> &[u8] {
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
    /// It searches the string table, then compares name offsets: a few milliseconds in a kernel's
    /// BTF, where an index of all names would cost far more than the few searches of a run.
    pub fn find(&self, name: &str, kind: Kind) -> Option<TypeId> {
        let places = self.places_of(name);
        if places.is_empty() {
            return None;
        }
        self.types()
            .find(|(_, ty)| places.contains(&ty.name_offset()) && ty.kind() == Some(kind))
            .map(|(id, _)| id)
    }

    /// Where `name` lies in the string table: as a string of its own or as the end of another, which
    /// a compressed table may use too.
    fn places_of(&self, name: &str) -> Vec<u32> {
        if name.is_empty() || name.contains('\0') {
            return Vec::new();
        }
        let ended = format!("{name}\0");
        let own = self.strings().match_indices(&ended);
        let own = own.map(|(offset, _)| offset as u32 + self.strings_before());
        self.base()
            .map_or_else(Vec::new, |base| base.places_of(name))
            .into_iter()
            .chain(own)
            .collect()
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

    /// Bytes that it was read from.
    #[cfg(test)]
    pub(crate) fn data_len(&self) -> usize {
        self.data.len()
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
    fn string_bytes(&self, offset: u32) -> &[u8] {
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
        read_u32(&self.data, offset).unwrap_or_default()
    }
}

/// The data's parts, as absolute positions that lie inside of it.
struct Header {
    types: Range<usize>,
    strings: Range<usize>,
    /// The layout section: sizes by kind, for kinds that a reader doesn't know. Often empty.
    layouts: Range<usize>,
}

impl Header {
    fn read(data: &[u8]) -> Result<Header, BtfError> {
        let magic = data.get(..2).unwrap_or_default();
        if magic == [MAGIC[1], MAGIC[0]] {
            return Err(BtfError::BigEndian);
        }
        if magic != MAGIC {
            return Err(BtfError::NotBtf);
        }
        // Positions are kept as u32: 4 GiB are more than any BTF has.
        if data.len() < HEADER_SIZE || u32::try_from(data.len()).is_err() {
            return Err(BtfError::Truncated { what: "the header" });
        }
        if data[2] != 1 {
            return Err(BtfError::Version(data[2]));
        }
        let header_size = read_u32(data, 4).unwrap_or_default() as usize;
        if header_size < HEADER_SIZE || header_size > data.len() {
            return Err(BtfError::Truncated { what: "the header" });
        }
        let part = |at: usize, what: &'static str| {
            let offset = read_u32(data, at).unwrap_or_default() as usize;
            let length = read_u32(data, at + 4).unwrap_or_default() as usize;
            let start = header_size + offset;
            if start + length > data.len() {
                return Err(BtfError::Truncated { what });
            }
            Ok(start..start + length)
        };
        Ok(Header {
            types: part(8, "the types")?,
            strings: part(16, "the string table")?,
            layouts: if header_size >= HEADER_SIZE_WITH_LAYOUT {
                part(24, "the layout section")?
            } else {
                0..0
            },
        })
    }

    /// The size of what follows a type of an unknown kind, from the layout section: one
    /// `struct btf_layout { u8 info_sz; u8 elem_sz; u16 flags }` a kind.
    fn payload_of_unknown(&self, data: &[u8], kind: u8, entries: u32) -> Option<u64> {
        let entry = data[self.layouts.clone()].chunks_exact(4).nth(kind.into())?;
        // Kinds that the writer of the BTF didn't use are left zero; 0 is not a kind either.
        if kind == 0 {
            return None;
        }
        Some(u64::from(entry[0]) + u64::from(entry[1]) * u64::from(entries))
    }
}

/// The table must be text, NUL at both ends and every now and then: endless names would make every
/// look at a name slow.
fn check_strings(table: &[u8]) -> Result<(), BtfError> {
    match table.first() {
        Some(0) => check_split_strings(table),
        _ => Err(BtfError::Strings),
    }
}

/// The same for a table that continues another one: it may be empty and begin with a name.
fn check_split_strings(table: &[u8]) -> Result<(), BtfError> {
    let bounded = matches!(table.last(), None | Some(0));
    let dense = table.chunks(NAME_WINDOW).all(|window| window.contains(&0));
    if !bounded || !dense || str::from_utf8(table).is_err() {
        return Err(BtfError::Strings);
    }
    Ok(())
}

fn read_u32(data: &[u8], offset: usize) -> Option<u32> {
    let bytes = data.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes))
}

impl std::fmt::Debug for Btf {
    /// The number of types; the bytes themselves help nobody.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Btf").field("types", &self.len()).finish()
    }
}
