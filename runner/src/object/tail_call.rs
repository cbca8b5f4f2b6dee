//! Which map and which slot a tail call names, as far as the instructions before it say.
//!
//! `bpf_tail_call(ctx, map, index)` takes the map in register 2 and the index in register 3. The
//! search goes back from the call along the only way that leads to it, and gives up where several
//! ways meet, so what it finds is true on every run.

use super::instruction::Instruction;

/// `BPF_FUNC_tail_call`.
pub(super) const TAIL_CALL_HELPER: u32 = 12;
/// The register that holds the map.
pub(super) const MAP_REGISTER: u8 = 2;
/// The register that holds the index.
pub(super) const INDEX_REGISTER: u8 = 3;

/// The frame pointer.
const FRAME: u8 = 10;
/// Registers 0 to 5 don't survive calls.
const LAST_SCRATCH: u8 = 5;
/// Instructions to look at for one value; compilers set arguments just before the call.
const MAX_STEPS: usize = 4096;

/// What a register holds at an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A number.
    Constant(u64),
    /// What the address load at that index of the code gives.
    Load(usize),
    /// It depends, or the search gave up.
    Unknown,
}

/// What is followed back.
#[derive(Clone, Copy)]
enum Holder {
    Register(u8),
    /// Bytes on the stack, by their offset from the frame pointer.
    Stack {
        offset: i16,
        size: u8,
    },
}

/// What one instruction does to the followed value.
enum Step {
    /// Nothing.
    Keep,
    /// The value was somewhere else before.
    Move(Holder),
    /// It comes from here.
    Found(Value),
}

/// Where jumps of a function lead, by index into its code.
pub(super) fn jump_targets(code: &[Instruction]) -> Vec<bool> {
    let mut targets = vec![false; code.len()];
    for (index, instruction) in code.iter().enumerate() {
        let target = instruction.jump().map(|slots| index as i64 + 1 + slots);
        if let Some(target) = target.and_then(|target| usize::try_from(target).ok())
            && let Some(is_target) = targets.get_mut(target)
        {
            *is_target = true;
        }
    }
    targets
}

/// What a register holds when the instruction at `call` is reached.
pub(super) fn value_before(
    code: &[Instruction],
    targets: &[bool],
    call: usize,
    register: u8,
) -> Value {
    let mut holder = Holder::Register(register);
    let mut at = call;
    for _ in 0..MAX_STEPS {
        if at == 0 || targets[at] {
            return Value::Unknown;
        }
        at -= 1;
        // The second slot of a 64-bit load; nothing jumps there.
        if code[at].code == 0 && at > 0 && code[at - 1].loads_64_bits() {
            at -= 1;
        }
        let step = match holder {
            Holder::Register(register) => into_register(code, at, register),
            Holder::Stack { offset, size } => into_stack(&code[at], offset, size),
        };
        match step {
            Step::Keep => {}
            Step::Move(earlier) => holder = earlier,
            Step::Found(value) => return value,
        }
    }
    Value::Unknown
}

fn into_register(code: &[Instruction], at: usize, register: u8) -> Step {
    let instruction = &code[at];
    if instruction.ends_flow() {
        return Step::Found(Value::Unknown);
    }
    if instruction.calls() {
        return match register <= LAST_SCRATCH {
            true => Step::Found(Value::Unknown),
            false => Step::Keep,
        };
    }
    let writes = instruction.destination == register;
    match instruction.code {
        0x18 if writes => Step::Found(Value::Load(at)),
        // Old packet loads behave like calls.
        code if code & 0x07 == 0x00 && code != 0x18 && register <= LAST_SCRATCH => {
            Step::Found(Value::Unknown)
        }
        // `rX = *(u64 *)(r10 + N)`, `wX = *(u32 *)(r10 + N)`: back from the stack.
        code @ (0x79 | 0x61) if writes && instruction.source == FRAME => {
            Step::Move(Holder::Stack { offset: instruction.offset, size: width(code) })
        }
        // Atomic operations give results in their source register or in register 0, loads among
        // them in the destination.
        0xc3 | 0xdb | 0xcb | 0xd3 if writes || register == instruction.source || register == 0 => {
            Step::Found(Value::Unknown)
        }
        0xb7 if writes => {
            Step::Found(Value::Constant(i64::from(instruction.immediate).cast_unsigned()))
        }
        0xb4 if writes => {
            Step::Found(Value::Constant(instruction.immediate.cast_unsigned().into()))
        }
        // A plain move; other offsets extend signs or change address spaces.
        0xbf | 0xbc if writes && instruction.offset == 0 => {
            Step::Move(Holder::Register(instruction.source))
        }
        code if writes && matches!(code & 0x07, 0x01 | 0x04 | 0x07) => Step::Found(Value::Unknown),
        _ => Step::Keep,
    }
}

fn into_stack(instruction: &Instruction, offset: i16, size: u8) -> Step {
    if instruction.ends_flow() {
        return Step::Found(Value::Unknown);
    }
    let stores = matches!(instruction.code & 0x07, 0x02 | 0x03);
    if !stores || instruction.destination != FRAME {
        return Step::Keep;
    }
    let stored = width(instruction.code);
    let ends_before =
        |start: i16, size: u8, other: i16| i32::from(start) + i32::from(size) <= i32::from(other);
    if ends_before(instruction.offset, stored, offset)
        || ends_before(offset, size, instruction.offset)
    {
        return Step::Keep;
    }
    if instruction.offset != offset || stored != size {
        return Step::Found(Value::Unknown);
    }
    match instruction.code {
        0x7b | 0x63 => Step::Move(Holder::Register(instruction.source)),
        0x7a | 0x62 => {
            Step::Found(Value::Constant(i64::from(instruction.immediate).cast_unsigned()))
        }
        _ => Step::Found(Value::Unknown),
    }
}

/// Bytes that a load or store moves.
fn width(code: u8) -> u8 {
    match code & 0x18 {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => 8,
    }
}
