//! Instructions for what this kernel hasn't got, and what the verifier says of them.

use super::error::CodePlace;
use crate::object::Instruction;

/// The number of a helper that doesn't exist. A program may ask whether a field is there and read it
/// only then, so a read of what is missing is no error before the verifier meets it.
///
/// It is libbpf's number (0xbad2310), so that others' tools and people know it too.
pub const POISON: i32 = 195_896_080;

/// Something that this kernel hasn't got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The instruction that needs it.
    pub instruction: usize,
    /// What is wrong: `field x of struct y is not in this kernel`.
    pub what: String,
    /// Where in the object's code that is.
    pub place: CodePlace,
}

/// The instruction in its place: a call of a helper that doesn't exist.
pub(super) fn poison() -> Instruction {
    Instruction { code: 0x85, destination: 0, source: 0, offset: 0, immediate: POISON }
}

/// What the verifier means when it refuses such an instruction, if that is what its log says.
///
/// The log ends with the instruction (`12: (85) call unknown#195896080`) and `invalid func
/// unknown#195896080`.
pub(super) fn explain<'m>(missing: &'m [Missing], log: &str) -> Option<&'m Missing> {
    let call = format!("(85) call unknown#{POISON}");
    let line = log.lines().rev().find(|line| line.contains(&call))?;
    let instruction = line.trim_start().split_once(':')?.0.parse::<usize>().ok()?;
    missing.iter().find(|missing| missing.instruction == instruction)
}
