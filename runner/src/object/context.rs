//! What a program reads of its context: its functions followed from one into the other, with what each
//! hands on.

use std::collections::{BTreeMap, BTreeSet};

use super::code::Code;
use super::flow::{self, Call, Trace, Value};
use super::functions::Start;
use super::inventory::{ContextAccess, ContextTouch};

/// What following all functions of an object may cost: instructions, and places on the stack that are
/// known where ways meet.
pub(super) const STEPS_PER_OBJECT: usize = 1 << 20;
/// Ways of calling functions that are followed for one program.
const MAX_FOLLOWED: usize = 256;
/// Helpers that copy from an address in register 3: `bpf_probe_read` and its kin.
const COPYING: [u32; 4] = [4, 45, 113, 115];

/// A function, and what it was handed.
type Visit = (Start, [Value; 5]);

/// The functions of an object as the search needs them.
pub(super) struct Functions<'a, 'c> {
    pub(super) code: &'c BTreeMap<Start, Code<'a>>,
    /// Instructions that CO-RE changes.
    pub(super) relocated: BTreeMap<Start, BTreeSet<usize>>,
}

/// Follows a program from its first instruction, where register 1 holds the context. What costs more
/// than is left of `steps` is not known.
pub(super) fn of(
    functions: &Functions<'_, '_>,
    entry: Start,
    steps: &mut usize,
) -> Vec<ContextAccess> {
    let mut arguments = [Value::Runtime; 5];
    arguments[0] = Value::Context(0);
    let mut accesses = BTreeMap::new();
    // Whether the verifier is sure to look at the call; a certain one is followed though an uncertain
    // one was.
    let mut followed: BTreeMap<Visit, bool> = BTreeMap::from([((entry, arguments), true)]);
    let mut waiting = vec![((entry, arguments), true)];
    while let Some(((start, arguments), certain)) = waiting.pop() {
        let Some(code) = functions.code.get(&start) else { continue };
        let relocated = &functions.relocated[&start];
        let Some(trace) = flow::trace(&code.instructions, relocated, arguments, steps) else {
            return Vec::new();
        };
        for (access, sure) in context_accesses(&trace, code, relocated) {
            *accesses.entry(access).or_insert(false) |= sure && certain;
        }
        for call in &trace.calls {
            let Some(callee) = code.subprogram(call.instruction) else { continue };
            let visit = (callee, handed_on(call));
            let certain = certain && call.certain;
            let is_new = followed.get(&visit).is_none_or(|&before| certain && !before);
            if is_new && followed.len() < MAX_FOLLOWED {
                followed.insert(visit, certain);
                waiting.push((visit, certain));
            }
        }
    }
    accesses
        .into_iter()
        .map(|((offset, size, touch, relocated), certain)| ContextAccess {
            offset,
            size,
            touch,
            relocated,
            certain,
        })
        .collect()
}

/// What tells accesses apart.
type Key = (u32, u8, ContextTouch, bool);

fn context_accesses(
    trace: &Trace,
    code: &Code<'_>,
    relocated: &BTreeSet<usize>,
) -> Vec<(Key, bool)> {
    let mut found = Vec::new();
    for access in &trace.accesses {
        if let Value::Context(offset) = access.place
            && let Ok(offset) = u32::try_from(offset)
        {
            let touch = if access.writes { ContextTouch::Write } else { ContextTouch::Read };
            let relocated = relocated.contains(&access.instruction);
            found.push(((offset, access.size, touch, relocated), access.certain));
        }
    }
    for call in &trace.calls {
        let helper = code.helper(call.instruction);
        if helper.is_some_and(|helper| COPYING.contains(&helper))
            && let Value::Context(offset) = call.arguments[2]
            && let Ok(offset) = u32::try_from(offset)
        {
            found.push(((offset, 0, ContextTouch::Copy, false), call.certain));
        }
    }
    found
}

/// What a subprogram finds in its registers: the caller's stack is not its own.
fn handed_on(call: &Call) -> [Value; 5] {
    call.arguments.map(|value| match value {
        Value::Frame(_) => Value::Runtime,
        other => other,
    })
}
