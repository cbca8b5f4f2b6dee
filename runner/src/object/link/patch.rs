//! Puts what CO-RE has found out into instructions.

use super::missing::poison;
use crate::btf::core_relo::{Number, Resize};
use crate::object::Instruction;

/// The bits of the operation that say its class.
const CLASS: u8 = 0x07;
const CLASS_LD: u8 = 0x00;
const CLASS_LDX: u8 = 0x01;
const CLASS_ST: u8 = 0x02;
const CLASS_STX: u8 = 0x03;
const CLASS_ALU: u8 = 0x04;
const CLASS_ALU64: u8 = 0x07;
/// Set where an operand is a register and not the immediate.
const SOURCE_REGISTER: u8 = 0x08;
/// The bits that say how much is loaded or stored.
const SIZE: u8 = 0x18;

/// What became of an instruction.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Patched {
    Done,
    /// What is read has another size and another meaning in the kernel: it was made unreachable.
    OtherMeaning,
}

/// Puts a number into the instruction at `index`; the error says what doesn't fit.
pub(super) fn put(
    instructions: &mut [Instruction],
    index: usize,
    number: &Number,
) -> Result<Patched, String> {
    let Some(instruction) = instructions.get_mut(index) else {
        return Err("there is no such instruction".to_owned());
    };
    match instruction.code & CLASS {
        CLASS_ALU | CLASS_ALU64 => put_immediate(instruction, number)?,
        CLASS_LDX | CLASS_ST | CLASS_STX => return put_offset(instruction, number),
        CLASS_LD => put_wide(instructions, index, number)?,
        _ => return Err(format!("operation {:#04x} has no number to change", instruction.code)),
    }
    Ok(Patched::Done)
}

/// Makes the instruction at `index` one that must not be reached, both slots of it.
pub(super) fn make_unreachable(instructions: &mut [Instruction], index: usize) {
    let slots = match instructions.get(index) {
        Some(instruction) if instruction.loads_64_bits() => 2,
        _ => 1,
    };
    instructions.iter_mut().skip(index).take(slots).for_each(|slot| *slot = poison());
}

fn put_immediate(instruction: &mut Instruction, number: &Number) -> Result<(), String> {
    if instruction.code & SOURCE_REGISTER != 0 {
        return Err("it calculates with registers alone".to_owned());
    }
    expect(instruction.immediate as u64, number.before)?;
    let signed = number.after as i64;
    if i32::try_from(signed).is_err() && u32::try_from(number.after).is_err() {
        return Err(format!("{} doesn't fit into 32 bits", number.after));
    }
    instruction.immediate = number.after as i32;
    Ok(())
}

fn put_offset(instruction: &mut Instruction, number: &Number) -> Result<Patched, String> {
    expect(instruction.offset as u64, number.before)?;
    let offset = i16::try_from(number.after).map_err(|_| {
        format!("offset {} is too large for an instruction, which takes 32767", number.after)
    })?;
    match number.resize {
        Some(Resize { safe: false, .. }) => {
            *instruction = poison();
            return Ok(Patched::OtherMeaning);
        }
        Some(Resize { before, after, .. }) => {
            if size_of(instruction.code) != before {
                return Err(format!(
                    "it reads {} bytes of a field of {before}",
                    size_of(instruction.code)
                ));
            }
            let bits = size_bits(after)
                .ok_or_else(|| format!("a field of {after} bytes can't be read at once"))?;
            instruction.code = instruction.code & !SIZE | bits;
        }
        None => {}
    }
    instruction.offset = offset;
    Ok(Patched::Done)
}

fn put_wide(instructions: &mut [Instruction], index: usize, number: &Number) -> Result<(), String> {
    let [first, second] = match instructions.get_mut(index..) {
        Some([first, second, ..]) if first.loads_64_bits() => [first, second],
        _ => return Err("it is not a load of 64 bits".to_owned()),
    };
    if first.source != 0 || first.offset != 0 || second.code != 0 || second.offset != 0 {
        return Err("it is a load of something else".to_owned());
    }
    let low = u64::from(first.immediate.cast_unsigned());
    let high = u64::from(second.immediate.cast_unsigned());
    expect(high << 32 | low, number.before)?;
    first.immediate = number.after as i32;
    second.immediate = (number.after >> 32) as i32;
    Ok(())
}

/// Relocations of instructions that hold something else than they should are damaged.
fn expect(found: u64, expected: Option<u64>) -> Result<(), String> {
    match expected {
        Some(expected) if expected != found => {
            Err(format!("it holds {} and the object's types say {}", found as i64, expected as i64))
        }
        _ => Ok(()),
    }
}

/// Bytes that an operation loads or stores.
fn size_of(code: u8) -> u64 {
    match code & SIZE {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => 8,
    }
}

fn size_bits(size: u64) -> Option<u8> {
    match size {
        1 => Some(0x10),
        2 => Some(0x08),
        4 => Some(0x00),
        8 => Some(0x18),
        _ => None,
    }
}
