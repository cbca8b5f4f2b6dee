//! What is known before an instruction: registers and the stack.

use std::collections::BTreeMap;

use crate::object::Instruction;

/// Registers 0 to 9; 10 is the frame pointer.
const REGISTERS: usize = 10;
const FRAME: u8 = 10;
/// The stack's size in bytes (`MAX_BPF_STACK`).
const STACK: u64 = 512;

/// What a register or a place on the stack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// It depends.
    Unknown,
    /// A number.
    Number(u64),
    /// An address that is not null.
    Pointer,
    /// The frame pointer and that many bytes.
    Frame(i32),
    /// The address of a variable: the instruction that refers to it, and that many bytes more.
    Data { reference: usize, offset: i64 },
}

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    registers: [Value; REGISTERS],
    /// Places on the stack by their offset from the frame pointer: size and value. They don't overlap.
    stack: BTreeMap<i32, (u8, Value)>,
}

impl Value {
    /// What is known of something that is either.
    pub(super) fn join(self, other: Value) -> Value {
        match (self, other) {
            (a, b) if a == b => a,
            (a, b) if a.is_address() && b.is_address() => Value::Pointer,
            _ => Value::Unknown,
        }
    }

    /// Whether it is an address, which is not null.
    pub(super) fn is_address(self) -> bool {
        matches!(self, Value::Pointer | Value::Frame(_) | Value::Data { .. })
    }
}

impl State {
    /// At the beginning of a function: registers 1 to 5.
    pub(super) fn at_entry(arguments: [Value; 5]) -> State {
        let mut registers = [Value::Unknown; REGISTERS];
        registers[1..=5].copy_from_slice(&arguments);
        State { registers, stack: BTreeMap::new() }
    }

    pub(super) fn get(&self, register: u8) -> Value {
        match register {
            FRAME => Value::Frame(0),
            register => {
                self.registers.get(usize::from(register)).copied().unwrap_or(Value::Unknown)
            }
        }
    }

    pub(super) fn set(&mut self, register: u8, value: Value) {
        if let Some(place) = self.registers.get_mut(usize::from(register)) {
            *place = value;
        }
    }

    /// Keeps what is true in another state too; whether that is less than before.
    pub(super) fn join(&mut self, other: &State) -> bool {
        let mut joined = self.clone();
        for (register, value) in joined.registers.iter_mut().zip(other.registers) {
            *register = register.join(value);
        }
        joined.stack.retain(|offset, place| other.stack.get(offset) == Some(place));
        let changed = joined != *self;
        *self = joined;
        changed
    }

    /// A store to the stack; others don't matter.
    pub(super) fn store(&mut self, instruction: &Instruction, value: Value) {
        let Value::Frame(base) = self.get(instruction.destination) else {
            return;
        };
        let (at, size) = (base + i32::from(instruction.offset), width(instruction.code));
        self.forget(at, size.into());
        let value = match value {
            // What is cut off of an address is not a number that is known.
            Value::Number(_) => value,
            whole if size == 8 => whole,
            _ => return,
        };
        self.stack.insert(at, (size, value));
    }

    /// An atomic operation: what it gives and where it writes is not followed.
    pub(super) fn exchange(&mut self, instruction: &Instruction) {
        if let Value::Frame(base) = self.get(instruction.destination) {
            self.forget(base + i32::from(instruction.offset), width(instruction.code).into());
        }
        for register in [0, instruction.source, instruction.destination] {
            if !self.get(register).is_address() {
                self.set(register, Value::Unknown);
            }
        }
    }

    /// What a place on the stack holds: a number, or what was stored there as a whole.
    pub(super) fn stored(&self, at: i32, size: u8) -> Value {
        let Some((&start, &(stored, value))) = self.stack.range(..=at).next_back() else {
            return Value::Unknown;
        };
        if (start, stored) == (at, size) && !matches!(value, Value::Number(_)) {
            return value;
        }
        let Value::Number(number) = value else {
            return Value::Unknown;
        };
        let skipped = at - start;
        if skipped + i32::from(size) > i32::from(stored) {
            return Value::Unknown;
        }
        Value::Number(cut(number >> (8 * skipped), size))
    }

    /// A helper is called: it may write what a register points to, as many bytes as the next register
    /// says, and its result is in register 0.
    pub(super) fn call_helper(&mut self) {
        for register in 1..=5 {
            if let Value::Frame(at) = self.get(register) {
                let bytes = match self.get(register + 1) {
                    Value::Number(bytes) if register < 5 && bytes <= STACK => bytes.max(1),
                    _ => 1,
                };
                self.forget(at, bytes as i32);
            }
        }
        for register in 0..=5 {
            self.set(register, Value::Unknown);
        }
    }

    /// Forgets what overlaps some bytes of the stack.
    fn forget(&mut self, at: i32, size: i32) {
        self.stack.retain(|&start, &mut (stored, _)| {
            start + i32::from(stored) <= at || at + size <= start
        });
    }
}

/// Bytes that a load or store moves.
pub(super) fn width(code: u8) -> u8 {
    match code & 0x18 {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => 8,
    }
}

/// The low bytes of a number.
fn cut(number: u64, size: u8) -> u64 {
    match size {
        8 => number,
        size => number & ((1 << (8 * size)) - 1),
    }
}
