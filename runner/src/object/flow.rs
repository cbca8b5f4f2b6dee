//! What a function's registers and stack hold, as far as it is certain: pointers to the context and
//! to the stack, followed through moves, constant arithmetic and the stack.
//!
//! It follows one function, from what its arguments are to which memory it touches and what it hands
//! to calls. It goes the way of the verifier (`do_check`, kernel/bpf/verifier.c) with far fewer kinds
//! of values, and where ways with different values meet it knows nothing. So what it finds is there,
//! and there may be more.

mod places;
mod state;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use super::instruction::Instruction;
use state::{State, memory};

pub(super) use value::Value;

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

/// A function, and what is known where ways meet or part in it.
struct Flow<'a> {
    code: &'a [Instruction],
    relocated: &'a [bool],
    /// By instruction: whether a block begins there.
    starts: Vec<bool>,
    /// What is known at the beginning of each block that a way leads to: a block is entered at its
    /// first instruction alone and left at its last.
    blocks: BTreeMap<usize, State>,
}

/// Follows a function from its arguments, registers 1 to 5. `relocated` says of each instruction whether
/// CO-RE changes it, `steps` is how much may still be looked at: `None` if it was not enough.
pub(super) fn trace(
    code: &[Instruction],
    relocated: &[bool],
    arguments: [Value; 5],
    steps: &mut usize,
) -> Option<Trace> {
    spend(code.len(), steps)?;
    let mut starts = vec![false; code.len()];
    block_starts(code).for_each(|start| starts[start] = true);
    let mut flow = Flow { code, relocated, starts, blocks: BTreeMap::new() };
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
        if self.code.is_empty() {
            return Some(());
        }
        let mut waiting = BTreeMap::from([(0, entry)]);
        while let Some((start, state)) = waiting.pop_first() {
            let known = self.blocks.get(&start);
            let joined = known.map_or_else(|| state.clone(), |known| known.join(&state));
            if known == Some(&joined) {
                continue;
            }
            self.blocks.insert(start, joined.clone());
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
            state.run(at, instruction, self.relocated[at]);
            let next = at + if instruction.loads_64_bits() { 2 } else { 1 };
            let ends = instruction.ends_flow() || instruction.jump().is_some();
            if ends || self.starts.get(next).is_none_or(|&starts| starts) {
                return (state, at);
            }
            at = next;
        }
    }

    fn trace(&self) -> Trace {
        let mut trace = Trace::default();
        let mut undecided = BTreeMap::new();
        for (&start, known) in &self.blocks {
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
