//! One pass over BTF's types: finds where each begins, and proves that every name and every reference
//! leads somewhere.
//!
//! A kernel has more than 100,000 types, and reading them is a good part of the time that attaching a
//! program takes. So the pass only keeps the greatest name and the greatest reference; which type is to
//! blame is found out when one of them is too great.

use super::error::BtfError;
use super::header::Header;
use super::kind::Kind;
use super::read::TYPE_SIZE;

/// The kernel takes no more than 2^20 (`BTF_MAX_TYPE`); that limit may grow.
const MAX_TYPES: usize = 1 << 24;

/// What types may name: their own and what they continue.
pub(super) struct Known<'a> {
    /// The ids below the first of these types' own.
    pub(super) ids_before: u32,
    /// Whether a string begins at that offset, or the rest of one.
    pub(super) is_name: &'a dyn Fn(u32) -> bool,
    /// Whether that is so for every offset up to the end of the strings, which this is.
    pub(super) names_below: Option<u32>,
}

/// Where each type begins in the data.
pub(super) fn offsets(
    data: &[u8],
    header: &Header,
    known: &Known<'_>,
) -> Result<Vec<u32>, BtfError> {
    let types = header.types.clone();
    // Types have 12 bytes and mostly few entries; a wrong guess costs a reallocation.
    let mut offsets = Vec::with_capacity(types.len() / 24);
    let mut greatest = Greatest::default();
    let mut at = types.start;
    while at < types.end {
        if offsets.len() + known.ids_before as usize >= MAX_TYPES {
            return Err(BtfError::TooManyTypes);
        }
        let rest = &data[at..types.end];
        let Some((head, rest)) = rest.split_first_chunk::<TYPE_SIZE>() else {
            return Err(BtfError::Truncated { what: "a type" });
        };
        let ty = Head::read(head);
        let payload = match ty.kind() {
            Some(kind) => kind.payload(ty.entry_count()),
            None => header
                .payload_of_unknown(data, ty.kind_number(), ty.entry_count())
                .ok_or_else(|| BtfError::UnknownKind {
                    kind: ty.kind_number(),
                    id: known.ids_before + offsets.len() as u32 + 1,
                })?,
        };
        let Some(entries) = usize::try_from(payload).ok().and_then(|size| rest.get(..size)) else {
            return Err(BtfError::Truncated { what: "a type's entries" });
        };
        greatest.add(&ty, entries);
        offsets.push(at as u32);
        at += TYPE_SIZE + entries.len();
    }
    let last = known.ids_before + offsets.len() as u32;
    let names_are_good = known.names_below.is_some_and(|end| greatest.name < end);
    if !names_are_good || greatest.reference > last {
        blame(&data[..types.end], &offsets, known, last)?;
    }
    Ok(offsets)
}

/// Looks at one type after the other for a name or a reference that leads nowhere.
fn blame(data: &[u8], offsets: &[u32], known: &Known<'_>, last: u32) -> Result<(), BtfError> {
    for (&at, id) in offsets.iter().zip(known.ids_before + 1..) {
        let Some((head, rest)) = data[at as usize..].split_first_chunk::<TYPE_SIZE>() else {
            continue;
        };
        let ty = Head::read(head);
        let size = ty.kind().map_or(0, |kind| kind.payload(ty.entry_count())) as usize;
        let entries = rest.get(..size).unwrap_or_default();
        let wrong = names(&ty, entries).find(|&offset| !(known.is_name)(offset));
        if let Some(offset) = wrong {
            return Err(BtfError::Name { id, offset });
        }
        let mut greatest = Greatest::default();
        greatest.add(&ty, entries);
        if greatest.reference > last {
            return Err(BtfError::Reference { id, to: greatest.reference, last });
        }
    }
    Ok(())
}

/// `struct btf_type`.
struct Head {
    name: u32,
    info: u32,
    third: u32,
}

impl Head {
    fn read(bytes: &[u8; TYPE_SIZE]) -> Head {
        Head { name: word(bytes, 0), info: word(bytes, 1), third: word(bytes, 2) }
    }

    /// See [`super::types::Type::kind_number`].
    fn kind_number(&self) -> u8 {
        ((self.info >> 24) & 0x7f) as u8
    }

    fn kind(&self) -> Option<Kind> {
        Kind::from_number(self.kind_number())
    }

    fn entry_count(&self) -> u32 {
        self.info & 0x00ff_ffff
    }
}

/// The greatest name offset and type id that some types hold.
#[derive(Default)]
struct Greatest {
    name: u32,
    reference: u32,
}

impl Greatest {
    fn add(&mut self, ty: &Head, entries: &[u8]) {
        self.name = self.name.max(ty.name);
        let Some(kind) = ty.kind() else {
            return;
        };
        if kind.refers() {
            self.reference = self.reference.max(ty.third);
        }
        match kind {
            Kind::Array => {
                self.reference = self.reference.max(word(entries, 0)).max(word(entries, 1));
            }
            Kind::Struct | Kind::Union => {
                for entry in entries.chunks_exact(12) {
                    self.name = self.name.max(word(entry, 0));
                    self.reference = self.reference.max(word(entry, 1));
                }
            }
            Kind::Prototype => {
                for entry in entries.chunks_exact(8) {
                    self.name = self.name.max(word(entry, 0));
                    self.reference = self.reference.max(word(entry, 1));
                }
            }
            Kind::Enum | Kind::Enum64 => {
                for entry in entries.chunks_exact(kind.entry_size() as usize) {
                    self.name = self.name.max(word(entry, 0));
                }
            }
            Kind::VariableSection => {
                for entry in entries.chunks_exact(12) {
                    self.reference = self.reference.max(word(entry, 0));
                }
            }
            _ => {}
        }
    }
}

/// The name offsets of a type and its entries.
fn names(ty: &Head, entries: &[u8]) -> impl Iterator<Item = u32> {
    let size = match ty.kind() {
        Some(kind @ (Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 | Kind::Prototype)) => {
            kind.entry_size() as usize
        }
        // No entries, or none with names.
        _ => entries.len().max(1) + 1,
    };
    [ty.name].into_iter().chain(entries.chunks_exact(size).map(|entry| word(entry, 0)))
}

/// The word of that number; 0 behind the end, where a whole entry never is.
fn word(bytes: &[u8], index: usize) -> u32 {
    let word = bytes.get(4 * index..).and_then(|bytes| bytes.first_chunk::<4>());
    word.map_or(0, |word| u32::from_le_bytes(*word))
}
