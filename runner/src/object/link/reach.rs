//! Which instructions of a linked program the verifier comes to: those that no constant keeps it from.
//!
//! Programs ask whether the kernel has a field, a helper or an option, and go another way if it hasn't.
//! Once linked, the answers are constants, and the verifier leaves out what they close. The same is
//! done here: constants are followed through registers, the stack, read-only variables and subprograms,
//! and a branch that they decide is taken one way. Where the verifier may know more, by ranges that
//! it follows, instructions are taken as reached.

mod arithmetic;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::linked::{LinkedProgram, Referent};
use super::missing::POISON;
use crate::object::Instruction;
use state::{State, Value};

/// How often an instruction may be looked at, on average, before the search gives up. Constants are lost
/// at most once for each register, so this is far more than programs take.
const MAX_VISITS: usize = 64;

/// Classes of instructions (`BPF_CLASS`).
mod class {
    pub(super) const LOAD: u8 = 0x00;
    pub(super) const LOAD_MEMORY: u8 = 0x01;
    pub(super) const STORE: u8 = 0x02;
    pub(super) const STORE_REGISTER: u8 = 0x03;
    pub(super) const ARITHMETIC_32: u8 = 0x04;
    pub(super) const JUMP: u8 = 0x05;
    pub(super) const JUMP_32: u8 = 0x06;
    pub(super) const ARITHMETIC_64: u8 = 0x07;
}

/// That an address is a function's (`BPF_PSEUDO_FUNC`).
const SOURCE_FUNCTION: u8 = 4;

/// Values of variables that programs can't write, known before they are loaded.
pub trait Constants {
    /// The number of `size` bytes at an offset of a section; none if it isn't known.
    fn number(&self, section: &str, offset: u64, size: u8) -> Option<u64>;
}

/// Whether each instruction is reached; none if that would take too long to find out.
pub fn reached(program: &LinkedProgram, constants: &dyn Constants) -> Option<Vec<bool>> {
    let mut search = Search::new(program, constants);
    search.enter(0, State::at_entry([Value::Unknown; 5]));
    let limit = program.instructions.len().saturating_mul(MAX_VISITS);
    let mut visits = 0;
    while let Some(at) = search.waiting.pop_first() {
        visits += search.run(at);
        if visits > limit {
            return None;
        }
    }
    Some(search.reached)
}

struct Search<'s> {
    code: &'s [Instruction],
    references: BTreeMap<usize, &'s Referent>,
    constants: &'s dyn Constants,
    reached: Vec<bool>,
    /// What is known before instructions that are jumped to or come after a branch.
    known: BTreeMap<usize, State>,
    /// Of these, those that are to be looked at again.
    waiting: BTreeSet<usize>,
    /// Where functions begin, with what they return.
    results: BTreeMap<usize, Value>,
    /// The calls of each function, and what was known at them.
    calls: BTreeMap<usize, BTreeMap<usize, State>>,
    /// The function that each block is of.
    functions: BTreeMap<usize, usize>,
}

/// What comes after an instruction.
enum Next {
    /// The next one.
    Follow,
    /// Nothing, or what was noted.
    End,
}

impl<'s> Search<'s> {
    fn new(program: &'s LinkedProgram, constants: &'s dyn Constants) -> Search<'s> {
        let references = program.references.iter();
        Search {
            code: &program.instructions,
            references: references.map(|one| (one.instruction, &one.to)).collect(),
            constants,
            reached: vec![false; program.instructions.len()],
            known: BTreeMap::new(),
            waiting: BTreeSet::new(),
            results: BTreeMap::new(),
            calls: BTreeMap::new(),
            functions: BTreeMap::new(),
        }
    }

    /// A function is called.
    fn enter(&mut self, function: usize, state: State) {
        self.arrive(function, function, state);
    }

    /// An instruction is come to, with what is known there on this way.
    fn arrive(&mut self, at: usize, function: usize, state: State) {
        if at >= self.code.len() {
            return;
        }
        self.functions.insert(at, function);
        let changed = match self.known.get_mut(&at) {
            Some(known) => known.join(&state),
            None => {
                self.known.insert(at, state);
                true
            }
        };
        if changed {
            self.waiting.insert(at);
        }
    }

    /// Follows the code from an instruction to where it branches; returns how many were looked at.
    fn run(&mut self, start: usize) -> usize {
        let (Some(state), Some(&function)) = (self.known.get(&start), self.functions.get(&start))
        else {
            return 0;
        };
        let mut state = state.clone();
        let mut at = start;
        let mut visits = 0;
        while let Some(&instruction) = self.code.get(at) {
            if at != start && self.known.contains_key(&at) {
                self.arrive(at, function, state);
                break;
            }
            visits += 1;
            self.reached[at] = true;
            let next = match instruction.code & 0x07 {
                class::JUMP | class::JUMP_32 => self.jump(at, function, &instruction, &mut state),
                _ => {
                    self.step(at, &instruction, &mut state);
                    Next::Follow
                }
            };
            match next {
                Next::Follow => at += if instruction.loads_64_bits() { 2 } else { 1 },
                Next::End => break,
            }
        }
        visits
    }

    /// An instruction that isn't a jump.
    fn step(&mut self, at: usize, instruction: &Instruction, state: &mut State) {
        match instruction.code & 0x07 {
            class::LOAD if instruction.loads_64_bits() => {
                let value = self.address(at, instruction);
                state.set(instruction.destination, value);
            }
            class::LOAD => state.set(0, Value::Unknown),
            class::LOAD_MEMORY => {
                let value = self.loaded(instruction, state);
                state.set(instruction.destination, value);
            }
            class::STORE => {
                let number = i64::from(instruction.immediate).cast_unsigned();
                state.store(instruction, Value::Number(number));
            }
            class::STORE_REGISTER => {
                if instruction.code & 0xe0 == 0xc0 {
                    state.exchange(instruction);
                } else {
                    let value = state.get(instruction.source);
                    state.store(instruction, value);
                }
            }
            class::ARITHMETIC_32 | class::ARITHMETIC_64 => {
                let operand = match instruction.code & 0x08 {
                    0 => Value::Number(i64::from(instruction.immediate).cast_unsigned()),
                    _ => state.get(instruction.source),
                };
                let before = state.get(instruction.destination);
                let value = arithmetic::result(instruction, before, operand);
                state.set(instruction.destination, value);
            }
            _ => {}
        }
    }

    /// What a load of 64 bits gives. A function's address is one that a helper calls.
    fn address(&mut self, at: usize, instruction: &Instruction) -> Value {
        if instruction.source == SOURCE_FUNCTION {
            if let Some(callee) = target(at, instruction.immediate.into()) {
                self.enter(callee, State::at_entry([Value::Unknown; 5]));
            }
            return Value::Pointer;
        }
        match self.references.get(&at) {
            Some(Referent::Data { .. }) => Value::Data { reference: at, offset: 0 },
            Some(_) => Value::Pointer,
            None => {
                let high = self.code.get(at + 1).map_or(0, |next| next.immediate.cast_unsigned());
                let low = instruction.immediate.cast_unsigned();
                Value::Number(u64::from(high) << 32 | u64::from(low))
            }
        }
    }

    fn loaded(&self, instruction: &Instruction, state: &State) -> Value {
        let size = state::width(instruction.code);
        let number = match state.get(instruction.source) {
            Value::Frame(base) => state.stored(base + i32::from(instruction.offset), size),
            Value::Data { reference, offset } => {
                let Some(Referent::Data { section, offset: base }) =
                    self.references.get(&reference)
                else {
                    return Value::Unknown;
                };
                let at = i64::from(*base) + offset + i64::from(instruction.offset);
                let number =
                    u64::try_from(at).ok().and_then(|at| self.constants.number(section, at, size));
                number.map_or(Value::Unknown, Value::Number)
            }
            _ => Value::Unknown,
        };
        match number {
            // `BPF_MEMSX`: the sign is extended.
            Value::Number(number) if instruction.code & 0xe0 == 0x80 => {
                let unused = 64 - 8 * u32::from(size);
                Value::Number(((number << unused).cast_signed() >> unused).cast_unsigned())
            }
            other => other,
        }
    }

    /// A jump, a call or an end.
    fn jump(
        &mut self,
        at: usize,
        function: usize,
        instruction: &Instruction,
        state: &mut State,
    ) -> Next {
        if instruction.calls() {
            return self.call(at, function, instruction, state);
        }
        let Some(distance) = instruction.jump() else {
            self.leave(function, state);
            return Next::End;
        };
        let taken = target(at, distance);
        if instruction.ends_flow() {
            if let Some(taken) = taken {
                self.arrive(taken, function, state.clone());
            }
            return Next::End;
        }
        let decided = arithmetic::decision(instruction, state);
        if decided != Some(false)
            && let Some(taken) = taken
        {
            let mut state = state.clone();
            arithmetic::learn(instruction, &mut state, true);
            self.arrive(taken, function, state);
        }
        if decided != Some(true) {
            let mut state = state.clone();
            arithmetic::learn(instruction, &mut state, false);
            self.arrive(at + 1, function, state);
        }
        Next::End
    }

    fn call(
        &mut self,
        at: usize,
        function: usize,
        instruction: &Instruction,
        state: &mut State,
    ) -> Next {
        if instruction.helper() == Some(POISON.cast_unsigned()) {
            return Next::End;
        }
        if !instruction.calls_subprogram() {
            state.call_helper();
            return Next::Follow;
        }
        let Some(callee) = target(at, instruction.immediate.into()) else {
            return Next::End;
        };
        let arguments = [1, 2, 3, 4, 5].map(|register| match state.get(register) {
            // The caller's stack is not the callee's.
            Value::Frame(_) => Value::Pointer,
            other => other,
        });
        state.call_helper();
        self.functions.insert(at + 1, function);
        self.calls.entry(callee).or_default().insert(at, state.clone());
        self.enter(callee, State::at_entry(arguments));
        if let Some(&result) = self.results.get(&callee) {
            state.set(0, result);
            self.arrive(at + 1, function, state.clone());
        }
        Next::End
    }

    /// A function returns to those who have called it.
    fn leave(&mut self, function: usize, state: &State) {
        let mut result = state.get(0);
        if let Some(before) = self.results.get(&function) {
            result = before.join(result);
        }
        if self.results.insert(function, result) == Some(result) {
            return;
        }
        for (at, mut state) in self.calls.get(&function).cloned().unwrap_or_default() {
            state.set(0, result);
            let caller = self.functions.get(&(at + 1)).copied().unwrap_or_default();
            self.arrive(at + 1, caller, state);
        }
    }
}

/// Where a jump or a call leads.
fn target(at: usize, distance: i64) -> Option<usize> {
    usize::try_from(at as i64 + 1 + distance).ok()
}
