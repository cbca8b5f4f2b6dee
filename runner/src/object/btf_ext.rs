//! `.BTF.ext`: what the compiler says about instructions. Which function begins where, which source
//! line it came from, and what CO-RE has to relocate.

use std::collections::BTreeMap;
use std::ops::Range;

use super::elf::Elf;
use super::error::ObjectError;
use crate::btf::{Btf, TypeId};

/// Size of `struct btf_ext_header` up to the CO-RE fields, which are newer than the rest.
const HEADER_WITHOUT_CORE: usize = 24;
/// Size of `struct btf_ext_header` with them.
const HEADER_SIZE: usize = 32;

/// The records of all sections.
#[derive(Default)]
pub(super) struct BtfExt {
    functions: BySection<FunctionRecord>,
    lines: BySection<LineRecord>,
    core: BySection<CoreRecord>,
}

/// Records by the name of their section, ascending by offset.
type BySection<T> = BTreeMap<String, Vec<T>>;

/// `struct bpf_func_info`.
#[derive(Clone, Copy)]
pub(super) struct FunctionRecord {
    /// Offset in the section, in bytes.
    pub(super) offset: u32,
    pub(super) ty: TypeId,
}

/// `struct bpf_line_info`.
#[derive(Clone, Copy)]
pub(super) struct LineRecord {
    /// Offset in the section, in bytes.
    pub(super) offset: u32,
    /// The source file's name, in the BTF's strings.
    pub(super) file: u32,
    /// The line's text, in the BTF's strings.
    pub(super) text: u32,
    /// The line in the upper 22 bits, the column in the lower 10.
    pub(super) place: u32,
}

/// `struct bpf_core_relo`.
#[derive(Clone, Copy)]
pub(super) struct CoreRecord {
    /// Offset in the section, in bytes.
    pub(super) offset: u32,
    pub(super) ty: TypeId,
    /// The way into the type, in the BTF's strings.
    pub(super) access: u32,
    /// The kind's number.
    pub(super) kind: u32,
}

impl BtfExt {
    /// An object's, which is empty without BTF.
    pub(super) fn of(elf: &Elf<'_>, btf: Option<&Btf>) -> Result<BtfExt, ObjectError> {
        let (Some(section), Some(btf)) = (elf.section(".BTF.ext"), btf) else {
            return Ok(BtfExt::default());
        };
        BtfExt::read(section.bytes, btf)
            .ok_or_else(|| ObjectError::Damaged { what: "its .BTF.ext section".to_owned() })
    }

    /// Reads the section; `None` if it is damaged.
    fn read(data: &[u8], btf: &Btf) -> Option<BtfExt> {
        if data.get(..2)? != [0x9f, 0xeb] {
            return None;
        }
        let header_size = word(data, 4)? as usize;
        if header_size < HEADER_WITHOUT_CORE {
            return None;
        }
        let part = |field: usize| {
            let start = header_size.checked_add(word(data, field)? as usize)?;
            let length = word(data, field + 4)? as usize;
            data.get(start..start.checked_add(length)?)
        };
        Some(BtfExt {
            functions: records(part(8)?, btf, |[offset, ty]| FunctionRecord {
                offset,
                ty: TypeId(ty),
            })?,
            lines: records(part(16)?, btf, |[offset, file, text, place]| LineRecord {
                offset,
                file,
                text,
                place,
            })?,
            core: match header_size < HEADER_SIZE {
                true => BySection::new(),
                false => records(part(24)?, btf, |[offset, ty, access, kind]| CoreRecord {
                    offset,
                    ty: TypeId(ty),
                    access,
                    kind,
                })?,
            },
        })
    }

    /// The functions that begin in a range of bytes of a section.
    pub(super) fn functions(&self, section: &str, range: Range<u64>) -> &[FunctionRecord] {
        within(&self.functions, section, range, |record| record.offset)
    }

    /// The source lines of a range of bytes of a section.
    pub(super) fn lines(&self, section: &str, range: Range<u64>) -> &[LineRecord] {
        within(&self.lines, section, range, |record| record.offset)
    }

    /// The CO-RE relocations of a range of bytes of a section.
    pub(super) fn core(&self, section: &str, range: Range<u64>) -> &[CoreRecord] {
        within(&self.core, section, range, |record| record.offset)
    }

    /// The source line of a byte of a section: that of the last record before it.
    pub(super) fn line_at(&self, section: &str, offset: u64) -> Option<LineRecord> {
        self.lines(section, 0..offset.checked_add(1)?).last().copied()
    }
}

fn within<'a, T>(
    records: &'a BySection<T>,
    section: &str,
    range: Range<u64>,
    offset: impl Fn(&T) -> u32,
) -> &'a [T] {
    let Some(records) = records.get(section) else {
        return &[];
    };
    let before = |limit: u64| records.partition_point(|record| u64::from(offset(record)) < limit);
    records.get(before(range.start)..before(range.end)).unwrap_or_default()
}

/// A part is the size of a record, then for each section its name, a count and that many records,
/// which begin with the instruction's offset in bytes. Newer compilers may write longer records.
fn records<T, const WORDS: usize>(
    part: &[u8],
    btf: &Btf,
    make: impl Fn([u32; WORDS]) -> T,
) -> Option<BySection<T>> {
    let mut by_section: BTreeMap<String, Vec<(u32, T)>> = BTreeMap::new();
    if part.is_empty() {
        return Some(BySection::new());
    }
    let record_size = word(part, 0)? as usize;
    if record_size < 4 * WORDS {
        return None;
    }
    let mut rest = part.get(4..)?;
    while !rest.is_empty() {
        let name = btf.string(word(rest, 0)?).to_owned();
        let count = word(rest, 4)? as usize;
        let records = rest.get(8..)?;
        let size = count.checked_mul(record_size)?;
        let of_section = by_section.entry(name).or_default();
        for record in records.get(..size)?.chunks_exact(record_size) {
            let mut words = [0; WORDS];
            for (index, value) in words.iter_mut().enumerate() {
                *value = word(record, 4 * index)?;
            }
            of_section.push((words[0], make(words)));
        }
        rest = &records[size..];
    }
    let sorted = by_section.into_iter().map(|(name, mut records)| {
        records.sort_by_key(|&(offset, _)| offset);
        (name, records.into_iter().map(|(_, record)| record).collect())
    });
    Some(sorted.collect())
}

fn word(data: &[u8], offset: usize) -> Option<u32> {
    let bytes = data.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes))
}
