//! Where an object's CO-RE relocations are: from `.BTF.ext`.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::btf::Btf;

/// Size of `struct btf_ext_header` with the CO-RE fields.
const HEADER_SIZE: usize = 32;

/// Offsets of relocated instructions, by section name, ascending.
#[derive(Default)]
pub(super) struct CoreRelocations(BTreeMap<String, Vec<u32>>);

impl CoreRelocations {
    /// Reads a `.BTF.ext` section; `None` if it is damaged.
    ///
    /// The CO-RE part is the size of a record, then for each section its name, a count and that many
    /// records, which begin with the instruction's offset in bytes.
    pub(super) fn read(data: &[u8], btf: &Btf) -> Option<CoreRelocations> {
        let mut relocations = CoreRelocations::default();
        if data.get(..2)? != [0x9f, 0xeb] {
            return None;
        }
        let header_size = word(data, 4)? as usize;
        if header_size < HEADER_SIZE {
            // From before there was CO-RE.
            return Some(relocations);
        }
        let start = header_size.checked_add(word(data, 24)? as usize)?;
        let length = word(data, 28)? as usize;
        let part = data.get(start..start.checked_add(length)?)?;
        if part.is_empty() {
            return Some(relocations);
        }
        let record_size = word(part, 0)? as usize;
        if record_size < 4 {
            return None;
        }
        let mut rest = part.get(4..)?;
        while !rest.is_empty() {
            let name = btf.string(word(rest, 0)?).to_owned();
            let count = word(rest, 4)? as usize;
            let records = rest.get(8..)?;
            let size = count.checked_mul(record_size)?;
            let offsets = relocations.0.entry(name).or_default();
            for record in records.get(..size)?.chunks_exact(record_size) {
                offsets.push(word(record, 0)?);
            }
            rest = &records[size..];
        }
        for offsets in relocations.0.values_mut() {
            offsets.sort_unstable();
        }
        Some(relocations)
    }

    /// How many there are in a range of bytes of a section.
    pub(super) fn count(&self, section: &str, range: Range<u64>) -> usize {
        let Some(offsets) = self.0.get(section) else {
            return 0;
        };
        let before = |limit: u64| offsets.partition_point(|&offset| u64::from(offset) < limit);
        before(range.end).saturating_sub(before(range.start))
    }
}

fn word(data: &[u8], offset: usize) -> Option<u32> {
    let bytes = data.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes))
}
