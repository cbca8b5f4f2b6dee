//! What a function's registers and stack hold, as far as it is certain: pointers to the context and
//! to the stack, followed through moves, constant arithmetic and the stack.
//!
//! It follows one function, from what its arguments are to which memory it touches and what it hands
//! to calls. It goes the way of the verifier (`do_check`, kernel/bpf/verifier.c) with far fewer kinds
//! of values, and where ways with different values meet it knows nothing. So what it finds is there,
//! and there may be more.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::instruction::Instruction;

/// The frame pointer.
const FRAME: usize = 10;
/// The stack, as offsets from the frame pointer (`MAX_BPF_STACK`).
const STACK: Range<i32> = -512..0;
/// `BPF_FUNC_get_current_pid_tgid`.
const GET_CURRENT_PID_TGID: u32 = 14;
/// `BPF_FUNC_get_func_arg_cnt`: the verifier puts in the number.
const GET_FUNC_ARG_CNT: u32 = 185;

/// What a register or a place on the stack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    /// The context's address and that many bytes.
    Context(i32),
    /// The frame pointer and that many bytes.
    Frame(i32),
    /// What the address load at that index of the code gives: of a map, a variable or a function.
    Address(usize),
    /// What `bpf_get_current_pid_tgid` gave, or a part of it.
    CurrentPid,
    /// Something else that is known when the program runs, and not before.
    Runtime,
    /// It may be a constant for the verifier, which then leaves out branches: a number, a variable in
    /// read-only memory, the result of a relocation.
    LoadTime,
}

/// What one function does.
#[derive(Default)]
pub(super) struct Trace {
    /// Memory that instructions touch through the context or the frame pointer, in code order.
    pub(super) accesses: Vec<Access>,
    /// What is called, in code order.
    pub(super) calls: Vec<Call>,
}

/// Memory that an instruction touches.
pub(super) struct Access {
    pub(super) instruction: usize,
    /// Where: [`Value::Context`] or [`Value::Frame`].
    pub(super) place: Value,
    /// Bytes.
    pub(super) size: u8,
    pub(super) writes: bool,
    /// Whether the verifier is sure to look at the instruction.
    pub(super) certain: bool,
}

/// A call of a helper, a subprogram or a kernel function.
pub(super) struct Call {
    pub(super) instruction: usize,
    /// Registers 1 to 5.
    pub(super) arguments: [Value; 5],
    /// Bytes at register 2, which is where map helpers have the key, that come from
    /// `bpf_get_current_pid_tgid` and nowhere else.
    pub(super) pid_bytes: u32,
    /// Whether the verifier is sure to look at the instruction.
    pub(super) certain: bool,
}

/// What is known before an instruction.
#[derive(Clone, PartialEq, Eq)]
struct State {
    registers: [Value; 11],
    /// Places on the stack by their offset from the frame pointer: size and value.
    places: BTreeMap<i32, (u8, Value)>,
}

/// A function, and what is known where ways meet or part in it.
struct Flow<'a> {
    code: &'a [Instruction],
    relocated: &'a BTreeSet<usize>,
    /// What is known at the beginning of each block, once a way to it was gone: a block is entered
    /// at its first instruction alone and left at its last.
    blocks: BTreeMap<usize, Option<State>>,
}

/// Follows a function from its arguments, registers 1 to 5. `relocated` are the instructions that CO-RE
/// changes, `steps` is how much may still be looked at: `None` if it was not enough.
pub(super) fn trace(
    code: &[Instruction],
    relocated: &BTreeSet<usize>,
    arguments: [Value; 5],
    steps: &mut usize,
) -> Option<Trace> {
    spend(code.len(), steps)?;
    let blocks = block_starts(code).map(|start| (start, None)).collect();
    let mut flow = Flow { code, relocated, blocks };
    flow.settle(State::at_entry(arguments), steps)?;
    Some(flow.trace())
}

/// Takes some steps; all that are left, and `None`, if there are fewer.
fn spend(cost: usize, steps: &mut usize) -> Option<()> {
    let left = steps.checked_sub(cost);
    *steps = left.unwrap_or(0);
    left.map(drop)
}

/// The first instruction and all that jumps lead to or go on with, some of them twice.
fn block_starts(code: &[Instruction]) -> impl Iterator<Item = usize> {
    let after_jumps = code
        .iter()
        .enumerate()
        .filter(|(_, instruction)| instruction.jump().is_some())
        .flat_map(|(at, _)| successors(code, at));
    (!code.is_empty()).then_some(0).into_iter().chain(after_jumps)
}

/// The instructions that may run just after one.
fn successors(code: &[Instruction], at: usize) -> impl Iterator<Item = usize> + use<> {
    let instruction = &code[at];
    let slots = if instruction.loads_64_bits() { 2 } else { 1 };
    let next = (!instruction.ends_flow()).then_some(at + slots);
    let target = instruction.jump().map(|jump| at as i64 + 1 + jump);
    let target = target.and_then(|target| usize::try_from(target).ok());
    let length = code.len();
    next.into_iter().chain(target).filter(move |&next| next < length)
}

impl Flow<'_> {
    /// Goes along all ways until nothing new is learnt.
    fn settle(&mut self, entry: State, steps: &mut usize) -> Option<()> {
        let mut waiting = BTreeMap::from([(0, entry)]);
        while let Some((start, state)) = waiting.pop_first() {
            let Some(known) = self.blocks.get_mut(&start) else { continue };
            let joined = match known {
                Some(known) => known.join(&state),
                None => state,
            };
            if known.as_ref() == Some(&joined) {
                continue;
            }
            *known = Some(joined.clone());
            let cost = 1 + joined.places.len();
            let (state, last) = self.through(start, joined, |_, _| ());
            spend(cost + last - start, steps)?;
            for next in successors(self.code, last) {
                let state = match waiting.get(&next) {
                    Some(other) => other.join(&state),
                    None => state.clone(),
                };
                waiting.insert(next, state);
            }
        }
        Some(())
    }

    /// Runs a block from what is known at its beginning; gives what is known at its end, and its last
    /// instruction. `look` sees what is known before each instruction.
    fn through(
        &self,
        start: usize,
        mut state: State,
        mut look: impl FnMut(usize, &State),
    ) -> (State, usize) {
        let mut at = start;
        loop {
            let instruction = &self.code[at];
            look(at, &state);
            state.run(at, instruction, self.relocated.contains(&at));
            let next = at + if instruction.loads_64_bits() { 2 } else { 1 };
            let ends = instruction.ends_flow() || instruction.jump().is_some();
            if ends || next >= self.code.len() || self.blocks.contains_key(&next) {
                return (state, at);
            }
            at = next;
        }
    }

    fn trace(&self) -> Trace {
        let mut trace = Trace::default();
        let mut undecided = BTreeMap::new();
        for (&start, known) in &self.blocks {
            let Some(known) = known else { continue };
            let mut decides = false;
            let (_, last) = self.through(start, known.clone(), |at, state| {
                let instruction = &self.code[at];
                decides = state.may_decide(instruction);
                if instruction.calls() {
                    let [_, arguments @ .., _, _, _, _, _] = state.registers;
                    let pid_bytes = state.pid_bytes(arguments[1]);
                    trace.calls.push(Call {
                        instruction: at,
                        arguments,
                        pid_bytes,
                        certain: false,
                    });
                } else if let Some((base, writes)) = memory(instruction)
                    && let place @ (Value::Context(_) | Value::Frame(_)) =
                        state.registers[base].plus(instruction.offset.into())
                {
                    let size = instruction.width();
                    trace.accesses.push(Access {
                        instruction: at,
                        place,
                        size,
                        writes,
                        certain: false,
                    });
                }
            });
            if !decides {
                undecided.insert(start, last);
            }
        }
        let certain = self.certain(&undecided);
        let is_certain = |at| {
            let block = self.blocks.range(..=at).next_back();
            block.is_some_and(|(start, _)| certain.contains(start))
        };
        trace.accesses.iter_mut().for_each(|one| one.certain = is_certain(one.instruction));
        trace.calls.iter_mut().for_each(|one| one.certain = is_certain(one.instruction));
        trace
    }

    /// Blocks that the verifier is sure to look at: no branch on the way there is one that it may
    /// decide itself. `undecided` are the first and last instructions of blocks that don't end in one.
    fn certain(&self, undecided: &BTreeMap<usize, usize>) -> BTreeSet<usize> {
        let mut certain = BTreeSet::from([0]);
        let mut waiting = vec![0];
        while let Some(start) = waiting.pop() {
            if let Some(&last) = undecided.get(&start) {
                waiting.extend(successors(self.code, last).filter(|&next| certain.insert(next)));
            }
        }
        certain
    }
}

/// The register whose memory an instruction touches, and whether it writes it.
fn memory(instruction: &Instruction) -> Option<(usize, bool)> {
    let (destination, source) = (register(instruction.destination), register(instruction.source));
    match instruction.code & 0x07 {
        0x01 => Some((source?, false)),
        0x02 | 0x03 => Some((destination?, true)),
        _ => None,
    }
}

/// A register that exists.
fn register(number: u8) -> Option<usize> {
    (number <= 10).then_some(number.into())
}

impl State {
    fn at_entry(arguments: [Value; 5]) -> State {
        let mut registers = [Value::Runtime; 11];
        registers[1..6].copy_from_slice(&arguments);
        registers[FRAME] = Value::Frame(0);
        State { registers, places: BTreeMap::new() }
    }

    /// What holds on both ways.
    fn join(&self, other: &State) -> State {
        let mut registers = self.registers;
        for (register, other) in registers.iter_mut().zip(other.registers) {
            *register = register.join(other);
        }
        let mut places = self.places.clone();
        for (&offset, &(size, value)) in &other.places {
            let joined = match places.get(&offset) {
                Some(&(known, before)) if known == size => (size, before.join(value)),
                Some(&(known, before)) => (known.max(size), before.join(value).vague()),
                // On the other way it is what nobody wrote, or a helper did.
                None => (size, value.vague().join(Value::Runtime)),
            };
            places.insert(offset, joined);
        }
        for (offset, (_, value)) in &mut places {
            if !other.places.contains_key(offset) {
                *value = value.vague().join(Value::Runtime);
            }
        }
        State { registers, places }
    }

    /// Whether it is a branch that the verifier may know the outcome of.
    fn may_decide(&self, instruction: &Instruction) -> bool {
        let conditional = instruction.jump().is_some() && !instruction.ends_flow();
        // `may_goto` (0xe5) compares nothing.
        if !conditional || instruction.code == 0xe5 {
            return false;
        }
        let is_load_time = |number| {
            register(number).is_none_or(|number| self.registers[number].vague() == Value::LoadTime)
        };
        let compares_registers = instruction.code & 0x08 != 0;
        is_load_time(instruction.destination)
            || compares_registers && is_load_time(instruction.source)
    }

    /// Does what an instruction does.
    fn run(&mut self, at: usize, instruction: &Instruction, relocated: bool) {
        if instruction.calls() {
            return self.call(instruction);
        }
        let Some(destination) = register(instruction.destination) else { return };
        match instruction.code & 0x07 {
            0x00 if instruction.loads_64_bits() => self.registers[destination] = Value::Address(at),
            // Old packet loads behave like calls.
            0x00 => self.scratch(Value::Runtime),
            0x01 => self.registers[destination] = self.load(instruction, relocated),
            0x02 => self.store(destination, instruction, Value::LoadTime),
            0x03 if instruction.code & 0xe0 == 0xc0 => self.atomic(destination, instruction),
            0x03 => {
                let value = register(instruction.source).map(|source| self.registers[source]);
                self.store(destination, instruction, value.unwrap_or(Value::LoadTime));
            }
            0x04 | 0x07 => self.registers[destination] = self.compute(instruction, relocated),
            _ => {}
        }
    }

    fn call(&mut self, instruction: &Instruction) {
        let result = match instruction.helper() {
            None | Some(GET_FUNC_ARG_CNT) => Value::LoadTime,
            Some(GET_CURRENT_PID_TGID) => Value::CurrentPid,
            Some(_) => Value::Runtime,
        };
        if instruction.helper().is_none() && self.registers[1..6].iter().any(Value::is_frame) {
            // A subprogram may write what it likes where the pointer leads.
            self.places.values_mut().for_each(|(_, value)| *value = Value::LoadTime);
        }
        self.scratch(result);
    }

    /// After a call: the result, and arguments that are gone.
    fn scratch(&mut self, result: Value) {
        self.registers[0] = result;
        self.registers[1..6].fill(Value::Runtime);
    }

    fn load(&self, instruction: &Instruction, relocated: bool) -> Value {
        let base = register(instruction.source).map(|source| self.registers[source]);
        match base {
            None | Some(Value::LoadTime | Value::Address(_)) => Value::LoadTime,
            Some(Value::Context(_)) => Value::Runtime,
            Some(Value::Runtime | Value::CurrentPid) if relocated => Value::LoadTime,
            Some(Value::Runtime | Value::CurrentPid) => Value::Runtime,
            Some(Value::Frame(offset)) => {
                let offset = offset.saturating_add(instruction.offset.into());
                self.place(offset, instruction.width())
            }
        }
    }

    fn place(&self, offset: i32, size: u8) -> Value {
        if let Some(&(known, value)) = self.places.get(&offset)
            && known == size
        {
            return value;
        }
        // A helper may have written it; but if it was a constant in part it may be one in whole.
        let parts = self.overlapping(offset, size).map(|(_, value)| value.vague());
        parts.reduce(Value::join).unwrap_or(Value::Runtime)
    }

    /// See [`Call::pid_bytes`].
    fn pid_bytes(&self, pointer: Value) -> u32 {
        let Value::Frame(begin) = pointer else { return 0 };
        let mut end = begin;
        while let Some(&(size, Value::CurrentPid)) = self.places.get(&end) {
            end += i32::from(size);
        }
        (end - begin).cast_unsigned()
    }

    fn overlapping(&self, offset: i32, size: u8) -> impl Iterator<Item = (i32, Value)> {
        let first = offset.saturating_sub(7);
        let end = offset.saturating_add(size.into());
        self.places
            .range(first..end)
            .filter(move |(place, (size, _))| place.saturating_add((*size).into()) > offset)
            .map(|(&place, &(_, value))| (place, value))
    }

    fn store(&mut self, base: usize, instruction: &Instruction, value: Value) {
        let Value::Frame(offset) = self.registers[base] else { return };
        let offset = offset.saturating_add(instruction.offset.into());
        let size = instruction.width();
        let partly: Vec<(i32, Value)> = self.overlapping(offset, size).collect();
        for (place, value) in partly {
            match place == offset {
                true => drop(self.places.remove(&place)),
                false => {
                    if let Some((_, kept)) = self.places.get_mut(&place) {
                        *kept = value.vague();
                    }
                }
            }
        }
        // Halves of pointers are none.
        let value = if size == 8 { value } else { value.vague() };
        if STACK.contains(&offset) {
            self.places.insert(offset, (size, value));
        }
    }

    fn atomic(&mut self, base: usize, instruction: &Instruction) {
        self.store(base, instruction, Value::LoadTime);
        let fetches = instruction.immediate & 1 != 0;
        if let Some(source) = register(instruction.source).filter(|_| fetches) {
            self.registers[source] = Value::Runtime;
            // Only a compare and exchange gives it there; nothing is lost by saying so of all.
            self.registers[0] = self.registers[0].vague();
        }
    }

    fn compute(&self, instruction: &Instruction, relocated: bool) -> Value {
        let destination = register(instruction.destination)
            .map_or(Value::LoadTime, |register| self.registers[register]);
        let source = register(instruction.source)
            .map_or(Value::LoadTime, |register| self.registers[register]);
        if relocated {
            return Value::LoadTime;
        }
        let wide = instruction.code & 0x07 == 0x07;
        match (instruction.code & 0xf0, instruction.code & 0x08 != 0) {
            (0xb0, true) if wide && instruction.offset == 0 => source,
            (0xb0, true) => source.vague(),
            (0xb0, false) => Value::LoadTime,
            (0x00, false) if wide => destination.plus(instruction.immediate),
            (0x10, false) if wide => match instruction.immediate.checked_neg() {
                Some(immediate) => destination.plus(immediate),
                None => destination.vague(),
            },
            // Negation and byte order have one operand, whatever the bit says.
            (0x80 | 0xd0, _) | (_, false) => destination.vague(),
            (_, true) => destination.vague().join(source.vague()),
        }
    }
}

impl Value {
    fn join(self, other: Value) -> Value {
        match (self, other) {
            (one, other) if one == other => one,
            (Value::LoadTime | Value::Address(_), _) | (_, Value::LoadTime | Value::Address(_)) => {
                Value::LoadTime
            }
            _ => Value::Runtime,
        }
    }

    fn plus(self, bytes: i32) -> Value {
        let sum = |offset: i32| offset.checked_add(bytes);
        match self {
            Value::Context(offset) => sum(offset).map_or(Value::Runtime, Value::Context),
            Value::Frame(offset) => sum(offset).map_or(Value::Runtime, Value::Frame),
            other => other.vague(),
        }
    }

    /// The value once it is no pointer any more.
    fn vague(self) -> Value {
        match self {
            Value::LoadTime | Value::Address(_) => Value::LoadTime,
            Value::CurrentPid => Value::CurrentPid,
            Value::Runtime | Value::Context(_) | Value::Frame(_) => Value::Runtime,
        }
    }

    fn is_frame(&self) -> bool {
        matches!(self, Value::Frame(_))
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Trace, Value, trace};
    use crate::object::instruction::Instruction;
    use std::collections::BTreeSet;

    const fn op(code: u8, destination: u8, source: u8, offset: i16, immediate: i32) -> Instruction {
        Instruction { code, destination, source, offset, immediate }
    }

    const fn copy(to: u8, from: u8) -> Instruction {
        op(0xbf, to, from, 0, 0)
    }

    /// `to = *(u64 *)(from + offset)`
    const fn load(to: u8, from: u8, offset: i16) -> Instruction {
        op(0x79, to, from, offset, 0)
    }

    /// `*(u64 *)(to + offset) = from`
    const fn store(to: u8, offset: i16, from: u8) -> Instruction {
        op(0x7b, to, from, offset, 0)
    }

    const fn set(register: u8, value: i32) -> Instruction {
        op(0xb7, register, 0, 0, value)
    }

    /// `if register == 0 goto +slots`
    const fn unless(register: u8, slots: i16) -> Instruction {
        op(0x15, register, 0, slots, 0)
    }

    const CALL: Instruction = op(0x85, 0, 0, 0, 14);
    const EXIT: Instruction = op(0x95, 0, 0, 0, 0);
    const CONTEXT: [Value; 5] =
        [Value::Context(0), Value::Runtime, Value::Runtime, Value::Runtime, Value::Runtime];

    fn traced(code: &[Instruction], relocated: &[usize]) -> Trace {
        let relocated: BTreeSet<usize> = relocated.iter().copied().collect();
        trace(code, &relocated, CONTEXT, &mut 1000).expect("that is enough")
    }

    /// Offsets in the context, and whether the verifier is sure to see them.
    fn reads(code: &[Instruction]) -> Vec<(i32, bool)> {
        relocated_reads(code, &[])
    }

    fn relocated_reads(code: &[Instruction], relocated: &[usize]) -> Vec<(i32, bool)> {
        let context = |access: &Access| match access.place {
            Value::Context(offset) => Some((offset, access.certain)),
            _ => None,
        };
        traced(code, relocated).accesses.iter().filter_map(context).collect()
    }

    #[test]
    fn follows_the_context_through_calls_and_the_stack() {
        let saved = [copy(6, 1), CALL, load(1, 6, 8), EXIT];
        assert_eq!(reads(&saved), [(8, true)]);
        let spilled = [store(10, -8, 1), CALL, load(2, 10, -8), load(1, 2, 16), EXIT];
        assert_eq!(reads(&spilled), [(16, true)]);
        let moved = [op(0x07, 1, 0, 0, 24), load(2, 1, 8), op(0x17, 1, 0, 0, 16), load(3, 1, 0)];
        assert_eq!(reads(&moved), [(32, true), (8, true)]);
    }

    #[test]
    fn forgets_it_where_it_may_be_something_else() {
        assert_eq!(reads(&[CALL, load(2, 1, 8), EXIT]), []);
        assert_eq!(reads(&[op(0x0f, 1, 2, 0, 0), load(3, 1, 8), EXIT]), []);
        // if r2 { r1 = r3 }; read through r1
        assert_eq!(reads(&[unless(2, 1), copy(1, 3), load(4, 1, 8), EXIT]), []);
        // Half of it was overwritten.
        let halved = [store(10, -8, 1), op(0x63, 10, 2, -4, 0), load(3, 10, -8), load(4, 3, 0)];
        assert_eq!(reads(&halved), []);
    }

    #[test]
    fn knows_both_ways_of_a_branch_on_what_happens() {
        let code = [load(2, 1, 0), unless(2, 1), load(3, 1, 8), load(4, 1, 16), EXIT];
        assert_eq!(reads(&code), [(0, true), (8, true), (16, true)]);
    }

    #[test]
    fn is_not_certain_behind_a_branch_on_what_a_loader_sets() {
        // r2 = &variable; if *r2 { read } ; read
        let address = [op(0x18, 2, 0, 0, 0), op(0, 0, 0, 0, 0)];
        let rest = [load(2, 2, 0), unless(2, 1), load(3, 1, 8), load(4, 1, 16), EXIT];
        assert_eq!(reads(&[&address[..], &rest].concat()), [(8, false), (16, false)]);
        // The same with an answer of CO-RE.
        let asked = [set(2, 1), unless(2, 1), load(3, 1, 8), EXIT];
        assert_eq!(relocated_reads(&asked, &[0]), [(8, false)]);
        // And with a number that came from such a branch.
        let stored = [op(0x7a, 10, 0, -8, 0), load(2, 10, -8), unless(2, 1), load(3, 1, 8), EXIT];
        assert_eq!(reads(&stored), [(8, false)]);
    }

    #[test]
    fn ends_in_loops() {
        // do { r1 += 8; read } while r2
        let code = [op(0x07, 1, 0, 0, 8), load(2, 1, 0), op(0x55, 2, 0, -3, 0), EXIT];
        assert_eq!(reads(&code), []);
    }

    #[test]
    fn sees_the_stack_that_is_handed_on() {
        let code = [copy(2, 10), op(0x07, 2, 0, 0, -96), CALL, EXIT];
        let trace = traced(&code, &[]);
        assert_eq!(trace.calls[0].arguments[1], Value::Frame(-96));
        assert!(trace.calls[0].certain);
    }

    #[test]
    fn knows_a_key_that_is_a_pid() {
        // r0 = pid_tgid; *(u32 *)(r10 - 4) = r0 >> 32; r2 = r10 - 4; call
        let shifted = op(0x77, 0, 0, 0, 32);
        let key = [copy(2, 10), op(0x07, 2, 0, 0, -4)];
        let stored = [CALL, shifted, op(0x63, 10, 0, -4, 0)];
        let lookup = op(0x85, 0, 0, 0, 1);
        let pid_bytes = |code: &[&[Instruction]]| traced(&code.concat(), &[]).calls[1].pid_bytes;
        assert_eq!(pid_bytes(&[&stored, &key, &[lookup]]), 4);
        // Added to something else it is something else.
        let added = [CALL, op(0x0f, 0, 6, 0, 0), op(0x63, 10, 0, -4, 0)];
        assert_eq!(pid_bytes(&[&added, &key, &[lookup]]), 0);
    }

    #[test]
    fn gives_up_when_the_steps_are_used_up() {
        let mut steps = 5;
        assert!(trace(&[CALL, CALL, CALL, EXIT], &BTreeSet::new(), CONTEXT, &mut steps).is_none());
        assert_eq!(steps, 0);
    }
}
