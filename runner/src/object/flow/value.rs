//! What a register or a place on the stack holds, as far as it is certain.

/// What a register or a place on the stack holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Value {
    /// The context's address and that many bytes.
    Context(i32),
    /// The frame pointer and that many bytes.
    Frame(i32),
    /// What the address load at that index of the code gives: of a map, a variable or a function.
    Address(u32),
    /// What `bpf_get_current_pid_tgid` gave, or a part of it.
    CurrentPid,
    /// Something else that is known when the program runs, and not before.
    Runtime,
    /// It may be a constant for the verifier, which then leaves out branches: a number, a variable in
    /// read-only memory, the result of a relocation.
    LoadTime,
}

impl Value {
    pub(super) fn join(self, other: Value) -> Value {
        match (self, other) {
            (one, other) if one == other => one,
            (Value::LoadTime | Value::Address(_), _) | (_, Value::LoadTime | Value::Address(_)) => {
                Value::LoadTime
            }
            _ => Value::Runtime,
        }
    }

    pub(super) fn plus(self, bytes: i32) -> Value {
        let sum = |offset: i32| offset.checked_add(bytes);
        match self {
            Value::Context(offset) => sum(offset).map_or(Value::Runtime, Value::Context),
            Value::Frame(offset) => sum(offset).map_or(Value::Runtime, Value::Frame),
            other => other.vague(),
        }
    }

    /// The value once it is no pointer any more.
    pub(super) fn vague(self) -> Value {
        match self {
            Value::LoadTime | Value::Address(_) => Value::LoadTime,
            Value::CurrentPid => Value::CurrentPid,
            Value::Runtime | Value::Context(_) | Value::Frame(_) => Value::Runtime,
        }
    }

    pub(super) fn is_frame(&self) -> bool {
        matches!(self, Value::Frame(_))
    }
}
