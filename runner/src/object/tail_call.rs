//! Which maps and slots a tail call may name, as far as the instructions before it say.
//!
//! `bpf_tail_call(ctx, map, index)` takes the map in register 2 and the index in register 3. The
//! search follows both back from the call on every way that leads to it, through moves and the
//! stack, to the instructions that they come from. A way that ends elsewhere (a parameter, memory,
//! arithmetic) adds [`Value::Unknown`], so a result without it is complete.

use std::collections::BTreeSet;

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
/// Instructions to look at for one register; compilers set arguments just before the call.
const MAX_STEPS: usize = 4096;
/// Instructions to look at in a whole object, which may hold a call at every second one.
pub(super) const STEPS_PER_OBJECT: usize = 1 << 20;

/// What a register may hold at an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    /// A number.
    Constant(u64),
    /// What the address load at that index of the code gives.
    Load(usize),
    /// It depends, or the search gave up.
    Unknown,
}

/// What is followed back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// The instructions that may run just before each instruction, by index into the code.
pub(super) fn predecessors(code: &[Instruction]) -> Vec<Vec<usize>> {
    let mut predecessors = vec![Vec::new(); code.len()];
    let mut index = 0;
    while let Some(instruction) = code.get(index) {
        let slots = if instruction.loads_64_bits() { 2 } else { 1 };
        let next = (!instruction.ends_flow()).then_some(index + slots);
        let target = instruction.jump().map(|jump| index as i64 + 1 + jump);
        let target = target.and_then(|target| usize::try_from(target).ok());
        for follower in next.into_iter().chain(target) {
            if let Some(known) = predecessors.get_mut(follower) {
                known.push(index);
            }
        }
        index += slots;
    }
    predecessors
}

/// What a register may hold when the instruction at `call` is reached, ascending; at least one value.
/// `steps` is how many instructions may still be looked at.
pub(super) fn values_before(
    code: &[Instruction],
    predecessors: &[Vec<usize>],
    call: usize,
    register: u8,
    steps: &mut usize,
) -> BTreeSet<Value> {
    let limit = MAX_STEPS.min(*steps);
    let mut values = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut waiting = vec![(call, Holder::Register(register))];
    while let Some((at, holder)) = waiting.pop() {
        if !seen.insert((at, holder)) {
            continue;
        }
        // The function's beginning has a caller as its predecessor.
        if at == 0 || seen.len() > limit {
            values.insert(Value::Unknown);
        }
        if seen.len() > limit {
            break;
        }
        for &before in &predecessors[at] {
            let step = match holder {
                Holder::Register(register) => into_register(code, before, register),
                Holder::Stack { offset, size } => into_stack(&code[before], offset, size),
            };
            match step {
                Step::Keep => waiting.push((before, holder)),
                Step::Move(earlier) => waiting.push((before, earlier)),
                Step::Found(value) => {
                    values.insert(value);
                }
            }
        }
    }
    *steps = steps.saturating_sub(seen.len());
    if values.is_empty() {
        // Nothing leads to the call.
        values.insert(Value::Unknown);
    }
    values
}

fn into_register(code: &[Instruction], at: usize, register: u8) -> Step {
    let instruction = &code[at];
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
        0x79 | 0x61 if writes && instruction.source == FRAME => {
            Step::Move(Holder::Stack { offset: instruction.offset, size: instruction.width() })
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
    let stores = matches!(instruction.code & 0x07, 0x02 | 0x03);
    if !stores || instruction.destination != FRAME {
        return Step::Keep;
    }
    let stored = instruction.width();
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

#[cfg(test)]
mod tests {
    use super::{STEPS_PER_OBJECT, Value, predecessors, values_before};
    use crate::object::instruction::Instruction;

    const fn op(code: u8, destination: u8, source: u8, offset: i16, immediate: i32) -> Instruction {
        Instruction { code, destination, source, offset, immediate }
    }

    const fn set(register: u8, value: i32) -> Instruction {
        op(0xb7, register, 0, 0, value)
    }

    const fn copy(to: u8, from: u8) -> Instruction {
        op(0xbf, to, from, 0, 0)
    }

    const fn store(offset: i16, register: u8) -> Instruction {
        op(0x7b, 10, register, offset, 0)
    }

    const fn load(register: u8, offset: i16) -> Instruction {
        op(0x79, register, 10, offset, 0)
    }

    const CALL: Instruction = op(0x85, 0, 0, 0, 12);

    /// What register 3 may hold at the last instruction.
    fn slots(code: &[Instruction]) -> Vec<Value> {
        let mut steps = STEPS_PER_OBJECT;
        let values = values_before(code, &predecessors(code), code.len() - 1, 3, &mut steps);
        values.into_iter().collect()
    }

    #[test]
    fn follows_moves_and_the_stack() {
        let through_register = [set(6, 5), op(0x85, 0, 0, 0, 14), copy(3, 6), CALL];
        assert_eq!(slots(&through_register), [Value::Constant(5)]);

        let through_stack = [set(1, 7), store(-16, 1), store(-8, 2), load(3, -16), CALL];
        assert_eq!(slots(&through_stack), [Value::Constant(7)]);

        let stored_number = [op(0x7a, 10, 0, -8, 9), load(3, -8), CALL];
        assert_eq!(slots(&stored_number), [Value::Constant(9)]);
    }

    #[test]
    fn finds_address_loads_by_their_first_slot() {
        let code = [set(1, 0), op(0x18, 3, 0, 0, 0), op(0, 0, 0, 0, 0), CALL];
        assert_eq!(slots(&code), [Value::Load(1)]);
    }

    #[test]
    fn collects_the_values_of_all_ways() {
        // if r1 == 7 { r3 = 11 } else { r3 = 12 }; call
        let code = [set(3, 11), op(0x15, 1, 0, 1, 7), set(3, 12), CALL];
        assert_eq!(slots(&code), [Value::Constant(11), Value::Constant(12)]);
    }

    #[test]
    fn ends_in_loops() {
        // r3 = 4; do { r1 += 1 } while r1 != 9; call
        let code = [set(3, 4), op(0x07, 1, 0, 0, 1), op(0x55, 1, 0, -2, 9), CALL];
        assert_eq!(slots(&code), [Value::Constant(4)]);
    }

    #[test]
    fn gives_up_when_the_steps_are_used_up() {
        let code = [set(3, 5), copy(1, 6), copy(2, 7), CALL];
        let mut steps = 2;
        let values = values_before(&code, &predecessors(&code), 3, 3, &mut steps);
        assert_eq!(values.into_iter().collect::<Vec<_>>(), [Value::Unknown]);
        assert_eq!(steps, 0);
    }

    #[test]
    fn admits_what_it_does_not_know() {
        let unknown = [Value::Unknown];
        assert_eq!(slots(&[CALL]), unknown);
        // Calls destroy the registers that arguments are in.
        assert_eq!(slots(&[set(3, 1), op(0x85, 0, 0, 0, 14), CALL]), unknown);
        // Arithmetic, memory, sign extension.
        assert_eq!(slots(&[set(3, 1), op(0x57, 3, 0, 0, 255), CALL]), unknown);
        assert_eq!(slots(&[op(0x61, 3, 1, 0, 0), CALL]), unknown);
        assert_eq!(slots(&[set(1, 1), op(0xbf, 3, 1, 8, 0), CALL]), unknown);
        // A store of another width over the slot.
        let overwritten = [store(-8, 1), op(0x63, 10, 2, -4, 0), load(3, -8), CALL];
        assert_eq!(slots(&overwritten), unknown);
        // One known way beside an unknown one.
        let code = [op(0x15, 1, 0, 1, 7), set(3, 12), CALL];
        assert_eq!(slots(&code), [Value::Constant(12), Value::Unknown]);
    }
}
