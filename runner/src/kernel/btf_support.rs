//! Which parts of BTF this kernel takes, found out by giving it small pieces.
//!
//! Kernels carry backports, so their version says nothing. One piece that has everything answers for a
//! current kernel; an older one is asked part by part.

use std::sync::OnceLock;

use crate::btf::BtfFeatures;
use crate::kernel::sys;

const INT: u32 = 1;
const POINTER: u32 = 2;
const FUNCTION: u32 = 12;
const PROTOTYPE: u32 = 13;
const VARIABLE: u32 = 14;
const SECTION: u32 = 15;
const FLOAT: u32 = 16;
const DECLARATION_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

/// A signed enumeration.
const SIGNED: u32 = 1 << 31;
/// Of functions, in the place of the number of entries.
const GLOBAL: u32 = 1;

/// Strings of every piece; the numbers below are offsets in it.
const STRINGS: &[u8] = b"\0x\0.data\0?.data\0";
const NAME: u32 = 1;
const SECTION_NAME: u32 = 3;
const QUESTION_MARK: u32 = 9;

/// What the running kernel takes; asked once a process.
pub fn features() -> BtfFeatures {
    static FEATURES: OnceLock<BtfFeatures> = OnceLock::new();
    *FEATURES.get_or_init(|| {
        if takes(&everything()) {
            return BtfFeatures::ALL;
        }
        BtfFeatures {
            functions: takes(&function(0)),
            global_functions: takes(&function(GLOBAL)),
            variables: takes(&variables(SECTION_NAME)),
            question_marks: takes(&variables(QUESTION_MARK)),
            floats: takes(&float()),
            declaration_tags: takes(&declaration_tag()),
            type_tags: takes(&type_tag()),
            enum64: takes(&enum64()),
        }
    })
}

fn takes(types: &[u32]) -> bool {
    sys::btf_load(&file(types)).is_ok()
}

/// Types, as the words that they consist of, in the form that the kernel takes.
fn file(types: &[u32]) -> Vec<u8> {
    const HEADER_SIZE: u32 = 24;
    const MAGIC_AND_VERSION: u32 = 0x0001_eb9f;
    let types_size = types.len() as u32 * 4;
    let strings_size = STRINGS.len() as u32;
    let header = [MAGIC_AND_VERSION, HEADER_SIZE, 0, types_size, types_size, strings_size];
    let words = header.iter().chain(types).flat_map(|word| word.to_ne_bytes());
    words.chain(STRINGS.iter().copied()).collect()
}

/// Kind and number of entries.
fn info(kind: u32, entries: u32) -> u32 {
    kind << 24 | entries
}

/// Type 1 of every piece: a signed integer of 32 bits.
fn int() -> [u32; 4] {
    [NAME, info(INT, 0), 4, 1 << 24 | 32]
}

fn function(linkage: u32) -> Vec<u32> {
    [int().to_vec(), vec![0, info(PROTOTYPE, 0), 1], vec![NAME, info(FUNCTION, linkage), 2]]
        .concat()
}

fn variables(section: u32) -> Vec<u32> {
    [
        int().to_vec(),
        vec![NAME, info(VARIABLE, 0), 1, 0],
        vec![section, info(SECTION, 1), 4, 2, 0, 4],
    ]
    .concat()
}

fn float() -> Vec<u32> {
    [int().to_vec(), vec![NAME, info(FLOAT, 0), 4]].concat()
}

fn declaration_tag() -> Vec<u32> {
    [
        int().to_vec(),
        vec![NAME, info(VARIABLE, 0), 1, 0],
        vec![NAME, info(DECLARATION_TAG, 0), 2, u32::MAX],
    ]
    .concat()
}

fn type_tag() -> Vec<u32> {
    [int().to_vec(), vec![NAME, info(TYPE_TAG, 0), 1], vec![0, info(POINTER, 0), 2]].concat()
}

fn enum64() -> Vec<u32> {
    [int().to_vec(), vec![NAME, info(ENUM64, 1) | SIGNED, 8, NAME, 0, 0]].concat()
}

/// All of the above in one.
fn everything() -> Vec<u32> {
    [
        int().to_vec(),
        vec![0, info(PROTOTYPE, 0), 1],
        vec![NAME, info(FUNCTION, GLOBAL), 2],
        vec![NAME, info(VARIABLE, 0), 1, 0],
        vec![QUESTION_MARK, info(SECTION, 1), 4, 4, 0, 4],
        vec![NAME, info(FLOAT, 0), 4],
        vec![NAME, info(DECLARATION_TAG, 0), 4, u32::MAX],
        vec![NAME, info(TYPE_TAG, 0), 1],
        vec![0, info(POINTER, 0), 8],
        vec![NAME, info(ENUM64, 1) | SIGNED, 8, NAME, 0, 0],
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::{
        GLOBAL, QUESTION_MARK, SECTION_NAME, declaration_tag, enum64, everything, file, float,
        function, type_tag, variables,
    };
    use crate::btf::Btf;

    #[test]
    fn every_piece_is_well_formed() {
        for (types, count) in [
            (function(0), 3),
            (function(GLOBAL), 3),
            (variables(SECTION_NAME), 3),
            (variables(QUESTION_MARK), 3),
            (float(), 2),
            (declaration_tag(), 3),
            (type_tag(), 3),
            (enum64(), 2),
            (everything(), 10),
        ] {
            let btf = Btf::parse(file(&types)).expect("the piece can be read");
            assert_eq!(btf.len(), count);
        }
    }
}
