//! A program's functions followed from one into the other, with what each hands on: what the program
//! does with its context and its maps, and how much stack its functions use.

use std::collections::BTreeMap;

use super::code::Code;
use super::flow::{self, Call, Trace, Value};
use super::functions::Start;
use super::inventory::{ContextAccess, ContextTouch, MapCall, MapUse};
use super::ordered_set::OrderedSet;

/// What following all functions of an object may cost: instructions, and places on the stack that are
/// known where ways meet.
pub(super) const STEPS_PER_OBJECT: usize = 1 << 20;
/// Ways of calling functions that are followed for one program.
const MAX_FOLLOWED: usize = 256;
/// Helpers that copy from an address in register 3: `bpf_probe_read` and its kin.
const COPYING: [u32; 4] = [4, 45, 113, 115];

/// A function, and what it was handed.
type Visit = (Start, [Value; 5]);

/// What is found out about one program.
#[derive(Default)]
pub(super) struct Followed {
    /// What it does with its context, ascending, each once.
    pub(super) context: Vec<ContextAccess>,
    /// What it does with its maps, in the order of being found, each once.
    pub(super) map_calls: Vec<MapCall>,
    /// Bytes of stack that each of its functions is sure to use.
    pub(super) depths: BTreeMap<Start, u32>,
}

/// The functions of an object as the search needs them.
pub(super) struct Functions<'a, 'c> {
    pub(super) code: &'c BTreeMap<Start, Code<'a>>,
    /// By instruction: whether CO-RE changes it.
    pub(super) relocated: BTreeMap<Start, Vec<bool>>,
}

/// What is gathered on the way.
#[derive(Default)]
struct Gathered {
    /// Accesses, and whether the verifier is sure to look at them.
    context: BTreeMap<(u32, u8, ContextTouch, bool), bool>,
    map_calls: OrderedSet<MapCall>,
    depths: BTreeMap<Start, u32>,
}

/// Follows a program from its first instruction, where register 1 holds the context. What costs more
/// than is left of `steps` is not known.
pub(super) fn follow(functions: &Functions<'_, '_>, entry: Start, steps: &mut usize) -> Followed {
    let mut arguments = [Value::Runtime; 5];
    arguments[0] = Value::Context(0);
    let mut gathered = Gathered::default();
    // Whether the verifier is sure to look at the call; a certain one is followed though an uncertain
    // one was.
    let mut followed: BTreeMap<Visit, bool> = BTreeMap::from([((entry, arguments), true)]);
    let mut waiting = vec![((entry, arguments), true)];
    while let Some(((start, arguments), certain)) = waiting.pop() {
        let Some(code) = functions.code.get(&start) else { continue };
        let relocated = &functions.relocated[&start];
        let Some(trace) = flow::trace(&code.instructions, relocated, arguments, steps) else {
            return Followed::default();
        };
        gathered.add_context(&trace, code, relocated, certain);
        gathered.add_map_calls(&trace, code);
        if certain {
            let depth = gathered.depths.entry(start).or_insert(0);
            *depth = depth_of(&trace).max(*depth);
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
    gathered.into_followed()
}

impl Gathered {
    fn add_context(&mut self, trace: &Trace, code: &Code<'_>, relocated: &[bool], certain: bool) {
        let mut add = |place, size, touch, relocated, sure: bool| {
            if let Value::Context(offset) = place
                && let Ok(offset) = u32::try_from(offset)
            {
                let access = self.context.entry((offset, size, touch, relocated)).or_insert(false);
                *access |= sure && certain;
            }
        };
        for one in &trace.accesses {
            let touch = if one.writes { ContextTouch::Write } else { ContextTouch::Read };
            add(one.place, one.size, touch, relocated[one.instruction], one.certain);
        }
        for call in &trace.calls {
            if code.helper(call.instruction).is_some_and(|helper| COPYING.contains(&helper)) {
                add(call.arguments[2], 0, ContextTouch::Copy, false, call.certain);
            }
        }
    }

    fn add_map_calls(&mut self, trace: &Trace, code: &Code<'_>) {
        for call in &trace.calls {
            if let Some(usage) = code.helper(call.instruction).and_then(MapUse::of_helper)
                && let Value::Address(load) = call.arguments[0]
                && let Some(map) = code.map(load as usize)
            {
                let pid_bytes = call.pid_bytes;
                self.map_calls.insert(MapCall { map: map.to_owned(), usage, pid_bytes });
            }
        }
    }

    fn into_followed(self) -> Followed {
        let context = self.context.into_iter();
        Followed {
            context: context
                .map(|((offset, size, touch, relocated), certain)| ContextAccess {
                    offset,
                    size,
                    touch,
                    relocated,
                    certain,
                })
                .collect(),
            map_calls: self.map_calls.into_vec(),
            depths: self.depths,
        }
    }
}

/// Bytes below the frame pointer that are sure to be touched, by instructions or through pointers that
/// are handed on (`update_stack_depth`, kernel/bpf/verifier.c).
fn depth_of(trace: &Trace) -> u32 {
    let touched = trace.accesses.iter().filter(|one| one.certain).map(|one| one.place);
    let handed = trace.calls.iter().filter(|one| one.certain).flat_map(|one| one.arguments);
    let depth = |value| match value {
        Value::Frame(offset) => u32::try_from(offset.checked_neg()?).ok(),
        _ => None,
    };
    touched.chain(handed).filter_map(depth).max().unwrap_or(0)
}

/// What a subprogram finds in its registers: the caller's stack is not its own, nor are its addresses.
fn handed_on(call: &Call) -> [Value; 5] {
    call.arguments.map(|value| match value {
        Value::Frame(_) => Value::Runtime,
        Value::Address(_) => Value::LoadTime,
        other => other,
    })
}
