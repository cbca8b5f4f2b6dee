//! What is known before an instruction, and what an instruction makes of it.

use super::places::Places;
use super::value::Value;
use crate::object::instruction::Instruction;

/// The frame pointer.
const FRAME: usize = 10;
/// `BPF_FUNC_get_current_pid_tgid`.
const GET_CURRENT_PID_TGID: u32 = 14;
/// `BPF_FUNC_get_func_arg_cnt`: the verifier puts in the number.
const GET_FUNC_ARG_CNT: u32 = 185;

/// What is known before an instruction.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) registers: [Value; 11],
    pub(super) places: Places,
}

/// The register whose memory an instruction touches, and whether it writes it.
pub(super) fn memory(instruction: &Instruction) -> Option<(usize, bool)> {
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
    pub(super) fn at_entry(arguments: [Value; 5]) -> State {
        let mut registers = [Value::Runtime; 11];
        registers[1..6].copy_from_slice(&arguments);
        registers[FRAME] = Value::Frame(0);
        State { registers, places: Places::default() }
    }

    /// What holds on both ways.
    pub(super) fn join(&self, other: &State) -> State {
        let mut registers = self.registers;
        for (register, other) in registers.iter_mut().zip(other.registers) {
            *register = register.join(other);
        }
        State { registers, places: self.places.join(&other.places) }
    }

    /// Whether it is a branch that the verifier may know the outcome of.
    pub(super) fn may_decide(&self, instruction: &Instruction) -> bool {
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
    pub(super) fn run(&mut self, at: usize, instruction: &Instruction, relocated: bool) {
        if instruction.calls() {
            return self.call(instruction);
        }
        let Some(destination) = register(instruction.destination) else { return };
        match instruction.code & 0x07 {
            0x00 if instruction.loads_64_bits() => {
                self.registers[destination] = Value::Address(at as u32)
            }
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
            self.places.forget();
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
                self.places.load(offset, instruction.width())
            }
        }
    }

    /// See [`Call::pid_bytes`](super::Call::pid_bytes).
    pub(super) fn pid_bytes(&self, pointer: Value) -> u32 {
        match pointer {
            Value::Frame(begin) => self.places.pid_bytes(begin),
            _ => 0,
        }
    }

    fn store(&mut self, base: usize, instruction: &Instruction, value: Value) {
        if let Value::Frame(offset) = self.registers[base] {
            let offset = offset.saturating_add(instruction.offset.into());
            self.places.store(offset, instruction.width(), value);
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
