//! BTF's outermost form: the header, where the parts lie, and the string table.

use std::ops::Range;

use super::error::BtfError;

/// `BTF_MAGIC` as it lies in a little-endian file.
const MAGIC: [u8; 2] = [0x9f, 0xeb];
/// The header's size before layout information was added to it (kernel 7.1).
const HEADER_SIZE: usize = 24;
/// The header's size with the layout section's offset and length.
const HEADER_SIZE_WITH_LAYOUT: usize = 32;
/// Every window of this size has the end of a string, so no string is twice as long. The kernel
/// takes names of up to 511 bytes (`KSYM_NAME_LEN`).
const NAME_WINDOW: usize = 4096;

/// The data's parts, as absolute positions that lie inside of it.
pub(super) struct Header {
    pub(super) types: Range<usize>,
    pub(super) strings: Range<usize>,
    /// The layout section: sizes by kind, for kinds that a reader doesn't know. Often empty.
    layouts: Range<usize>,
}

impl Header {
    pub(super) fn read(data: &[u8]) -> Result<Header, BtfError> {
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
    pub(super) fn payload_of_unknown(&self, data: &[u8], kind: u8, entries: u32) -> Option<u64> {
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
pub(super) fn check_strings(table: &[u8]) -> Result<(), BtfError> {
    match table.first() {
        Some(0) => check_split_strings(table),
        _ => Err(BtfError::Strings),
    }
}

/// The same for a table that continues another one: it may be empty and begin with a name.
pub(super) fn check_split_strings(table: &[u8]) -> Result<(), BtfError> {
    let bounded = matches!(table.last(), None | Some(0));
    let dense = table.chunks(NAME_WINDOW).all(|window| window.contains(&0));
    // Kernels' names are ASCII, which is told faster.
    if !bounded || !dense || !(table.is_ascii() || str::from_utf8(table).is_ok()) {
        return Err(BtfError::Strings);
    }
    Ok(())
}

pub(super) fn read_u32(data: &[u8], offset: usize) -> Option<u32> {
    let bytes = data.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes))
}
