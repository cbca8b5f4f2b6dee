//! Damaged objects and damaged kernels' types: errors or programs, and quickly; nothing else.

use std::time::{Duration, Instant};

use super::{Linkable, MADE_UP_KERNEL, Request, facts, made_up_kernel, object};
use crate::btf::{Btf, BtfFeatures, KernelTypes};

const OBJECTS: [&[u8]; 5] = [
    object!("core-made-up"),
    object!("core-like"),
    object!("subprograms"),
    object!("externs"),
    object!("data"),
];
/// No single file may take longer. It is a second in a release build.
const LONGEST: Duration = Duration::from_secs(10);

/// A small generator of numbers; the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// Changes some bytes from `from` on.
    fn damage(&mut self, original: &[u8], from: usize) -> Vec<u8> {
        let telling = [0, 1, 8, 0xff, 0xffff, i32::MAX.cast_unsigned(), 1 << 31, u32::MAX];
        let mut bytes = original.to_vec();
        for _ in 0..=self.below(8) {
            let at = from + self.below(bytes.len() - 4 - from);
            match self.below(4) {
                0 => bytes[at] = self.below(256) as u8,
                1 => {
                    let number: u32 = telling[self.below(telling.len())];
                    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
                }
                // Ids and offsets are small numbers: those of neighbours are the most telling.
                2 => bytes[at] = bytes[at].wrapping_add(1),
                _ => {
                    let other = from + self.below(bytes.len() - 4 - from);
                    bytes.copy_within(other..other + 4, at);
                }
            }
        }
        bytes
    }
}

/// Links every program on its own; returns how many could be.
fn link_all(bytes: &[u8], kernel: &KernelTypes) -> usize {
    let Ok(object) = Linkable::open(bytes) else {
        return 0;
    };
    let facts = facts();
    let programs: Vec<&str> = object.programs().collect();
    let mut linked = 0;
    for program in programs.into_iter().take(40) {
        let request = Request {
            programs: &[program],
            kernel: Some(kernel),
            facts: Some(&facts),
            globals: &[],
            features: BtfFeatures { enum64: false, ..BtfFeatures::ALL },
        };
        // What is needed and what is used must agree, whatever the object looks like.
        let needs = object.needs(&[program]);
        let result = object.link(&request);
        let without = object.link(&Request { kernel: None, ..request });
        assert!(!needs.types.is_empty() || without.is_ok() == result.is_ok());
        if let Ok(result) = result {
            linked += 1;
            let types = result.btf.map(Btf::parse);
            assert!(types.is_none_or(|types| types.is_ok()), "what is written can be read");
        }
    }
    linked
}

#[test]
fn damaged_objects_never_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let kernel = made_up_kernel();
    let mut linked = 0;
    for original in OBJECTS {
        for _ in 0..150 {
            let began = Instant::now();
            linked += link_all(&random.damage(original, 64), &kernel);
            assert!(began.elapsed() < LONGEST);
        }
    }
    // If nothing passed, only the first check would be tested.
    assert!(linked > 500, "{linked} programs were linked");
}

#[test]
fn damaged_types_of_a_kernel_never_panic() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let object = Linkable::open(MADE_UP_KERNEL).expect("a good object");
    let at = MADE_UP_KERNEL.windows(4).position(|window| window == [0x9f, 0xeb, 1, 0]);
    let at = at.expect("the types are in the file");
    let (mut accepted, mut linked) = (0, 0);
    let size = object.types().map_or(0, |types| types.data_len());
    let original = &MADE_UP_KERNEL[at..at + size];
    for _ in 0..700 {
        let Ok(types) = Btf::parse(random.damage(original, 24)) else {
            continue;
        };
        accepted += 1;
        let began = Instant::now();
        let kernel = KernelTypes::new(types);
        linked += link_all(OBJECTS[accepted % 2], &kernel);
        assert!(began.elapsed() < LONGEST);
    }
    assert!(accepted > 50 && linked > 500, "{accepted} were accepted, {linked} programs linked");
}
