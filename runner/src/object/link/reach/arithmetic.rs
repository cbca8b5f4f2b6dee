//! What instructions make of constants, and which way they make a branch go.

use super::state::{State, Value};
use crate::object::Instruction;

/// Operations of `BPF_ALU` and `BPF_ALU64` (`BPF_OP`).
mod operation {
    pub(super) const ADD: u8 = 0x00;
    pub(super) const SUBTRACT: u8 = 0x10;
    pub(super) const MULTIPLY: u8 = 0x20;
    pub(super) const DIVIDE: u8 = 0x30;
    pub(super) const OR: u8 = 0x40;
    pub(super) const AND: u8 = 0x50;
    pub(super) const SHIFT_LEFT: u8 = 0x60;
    pub(super) const SHIFT_RIGHT: u8 = 0x70;
    pub(super) const NEGATE: u8 = 0x80;
    pub(super) const REMAINDER: u8 = 0x90;
    pub(super) const XOR: u8 = 0xa0;
    pub(super) const MOVE: u8 = 0xb0;
    pub(super) const SHIFT_SIGNED: u8 = 0xc0;
}

/// Comparisons of `BPF_JMP` and `BPF_JMP32`.
mod comparison {
    pub(super) const EQUAL: u8 = 0x10;
    pub(super) const GREATER: u8 = 0x20;
    pub(super) const GREATER_EQUAL: u8 = 0x30;
    pub(super) const TEST: u8 = 0x40;
    pub(super) const NOT_EQUAL: u8 = 0x50;
    pub(super) const SIGNED_GREATER: u8 = 0x60;
    pub(super) const SIGNED_GREATER_EQUAL: u8 = 0x70;
    pub(super) const LESS: u8 = 0xa0;
    pub(super) const LESS_EQUAL: u8 = 0xb0;
    pub(super) const SIGNED_LESS: u8 = 0xc0;
    pub(super) const SIGNED_LESS_EQUAL: u8 = 0xd0;
}

/// What the destination holds afterwards.
pub(super) fn result(instruction: &Instruction, before: Value, operand: Value) -> Value {
    let operation = instruction.code & 0xf0;
    let is_wide = instruction.code & 0x07 == 0x07;
    if operation == operation::MOVE {
        return moved(instruction, operand, is_wide);
    }
    match (before, operand) {
        (Value::Number(a), Value::Number(b)) if is_wide => {
            compute(instruction, a, b, 64).map_or(Value::Unknown, Value::Number)
        }
        (Value::Number(a), Value::Number(b)) => compute(instruction, low(a), low(b), 32)
            .map_or(Value::Unknown, |number| Value::Number(low(number))),
        (Value::Frame(base), Value::Number(b)) if is_wide => {
            match (operation, i32::try_from(b.cast_signed())) {
                (operation::ADD, Ok(b)) => Value::Frame(base.wrapping_add(b)),
                (operation::SUBTRACT, Ok(b)) => Value::Frame(base.wrapping_sub(b)),
                _ => Value::Unknown,
            }
        }
        (Value::Data { reference, offset }, Value::Number(b)) if is_wide => match operation {
            operation::ADD => {
                Value::Data { reference, offset: offset.wrapping_add(b.cast_signed()) }
            }
            operation::SUBTRACT => {
                Value::Data { reference, offset: offset.wrapping_sub(b.cast_signed()) }
            }
            _ => Value::Unknown,
        },
        (Value::Pointer, _) | (Value::Frame(_) | Value::Data { .. }, Value::Unknown)
            if is_wide && matches!(operation, operation::ADD | operation::SUBTRACT) =>
        {
            // The verifier lets no such sum become null.
            Value::Pointer
        }
        // One constant may settle it.
        (Value::Unknown, Value::Number(0)) | (Value::Number(0), Value::Unknown)
            if matches!(operation, operation::AND | operation::MULTIPLY) =>
        {
            Value::Number(0)
        }
        _ => Value::Unknown,
    }
}

fn moved(instruction: &Instruction, operand: Value, is_wide: bool) -> Value {
    match (operand, instruction.offset) {
        (Value::Number(number), bits @ (8 | 16 | 32)) => {
            let unused = 64 - bits.cast_unsigned() as u32;
            let extended = ((number << unused).cast_signed() >> unused).cast_unsigned();
            Value::Number(if is_wide { extended } else { low(extended) })
        }
        (Value::Number(number), 0) => Value::Number(if is_wide { number } else { low(number) }),
        (value, 0) if is_wide => value,
        // A cast between address spaces.
        _ => Value::Unknown,
    }
}

/// The operation on numbers of that many bits; none for what isn't followed.
fn compute(instruction: &Instruction, a: u64, b: u64, bits: u32) -> Option<u64> {
    let distance = (b & u64::from(bits - 1)) as u32;
    let signed = || match bits {
        32 => i64::from((a as u32).cast_signed()),
        _ => a.cast_signed(),
    };
    Some(match instruction.code & 0xf0 {
        operation::ADD => a.wrapping_add(b),
        operation::SUBTRACT => a.wrapping_sub(b),
        operation::MULTIPLY => a.wrapping_mul(b),
        // Division by zero gives zero, its remainder the number. Offsets tell signed ones.
        operation::DIVIDE if instruction.offset == 0 => a.checked_div(b).unwrap_or(0),
        operation::REMAINDER if instruction.offset == 0 => a.checked_rem(b).unwrap_or(a),
        operation::OR => a | b,
        operation::AND => a & b,
        operation::XOR => a ^ b,
        operation::SHIFT_LEFT => a.wrapping_shl(distance),
        operation::SHIFT_RIGHT => a.wrapping_shr(distance),
        operation::SHIFT_SIGNED => (signed() >> distance).cast_unsigned(),
        operation::NEGATE => a.wrapping_neg(),
        _ => return None,
    })
}

/// Whether a branch is taken; none if constants don't decide it.
pub(super) fn decision(instruction: &Instruction, state: &State) -> Option<bool> {
    let (left, right) = operands(instruction, state);
    let operation = instruction.code & 0xf0;
    let (a, b) = match (left, right) {
        (Value::Number(a), Value::Number(b)) => (a, b),
        (address, Value::Number(0)) if address.is_address() && is_wide(instruction) => {
            return match operation {
                comparison::EQUAL => Some(false),
                comparison::NOT_EQUAL => Some(true),
                _ => None,
            };
        }
        _ => return None,
    };
    let (a, b, signed_a, signed_b) = match is_wide(instruction) {
        true => (a, b, a.cast_signed(), b.cast_signed()),
        false => {
            let signed = |number: u64| i64::from((number as u32).cast_signed());
            (low(a), low(b), signed(a), signed(b))
        }
    };
    Some(match operation {
        comparison::EQUAL => a == b,
        comparison::NOT_EQUAL => a != b,
        comparison::TEST => a & b != 0,
        comparison::GREATER => a > b,
        comparison::GREATER_EQUAL => a >= b,
        comparison::LESS => a < b,
        comparison::LESS_EQUAL => a <= b,
        comparison::SIGNED_GREATER => signed_a > signed_b,
        comparison::SIGNED_GREATER_EQUAL => signed_a >= signed_b,
        comparison::SIGNED_LESS => signed_a < signed_b,
        comparison::SIGNED_LESS_EQUAL => signed_a <= signed_b,
        _ => return None,
    })
}

/// What the way that a branch went says of its register: it equals the number that it was compared
/// with.
pub(super) fn learn(instruction: &Instruction, state: &mut State, taken: bool) {
    let equal = match instruction.code & 0xf0 {
        comparison::EQUAL => taken,
        comparison::NOT_EQUAL => !taken,
        _ => return,
    };
    if let (Value::Unknown, number @ Value::Number(_)) = operands(instruction, state)
        && equal
        && is_wide(instruction)
    {
        state.set(instruction.destination, number);
    }
}

fn operands(instruction: &Instruction, state: &State) -> (Value, Value) {
    let right = match instruction.code & 0x08 {
        0 => Value::Number(i64::from(instruction.immediate).cast_unsigned()),
        _ => state.get(instruction.source),
    };
    (state.get(instruction.destination), right)
}

fn is_wide(instruction: &Instruction) -> bool {
    instruction.code & 0x07 == 0x05
}

fn low(number: u64) -> u64 {
    number & u64::from(u32::MAX)
}
