//! Programs: the entry functions with what they use, themselves and through what they call.

use std::collections::{BTreeMap, BTreeSet};

use super::code::{Code, Uses};
use super::elf::Elf;
use super::error::ObjectError;
use super::follow::{self, Functions, follow};
use super::functions::{Function, Start};
use super::instruction::SLOT_SIZE;
use super::inventory::{Program, StackUse};
use super::ordered_set::OrderedSet;
use super::parts::Parts;
use super::section::Section;
use super::stack::{CallGraph, Node};
use super::tail_call::STEPS_PER_OBJECT;

/// Functions that are looked at for one program. The kernel takes no more (`BPF_MAX_SUBPROGS`).
const MAX_REACHED: usize = 256;
/// Uses that are gathered for all programs together. Programs may share subprograms with many uses,
/// so hostile files could ask for the square of their size.
const MAX_USES: usize = 1 << 20;

/// The programs by section, then by offset.
pub(super) fn read(parts: &Parts<'_>) -> Result<Vec<Program>, ObjectError> {
    let Parts { elf, ext, functions, maps, .. } = parts;
    let code: BTreeMap<Start, Code<'_>> = functions
        .iter()
        .map(|(&start, function)| (start, Code::read(elf, maps, start, function.end)))
        .collect();
    let mut steps = STEPS_PER_OBJECT;
    let uses: BTreeMap<Start, Uses> =
        code.iter().map(|(&start, code)| (start, code.uses(&mut steps))).collect();
    let core = |start: Start| {
        let end = functions.get(&start).map_or(start.1, |function| function.end);
        ext.core(elf.sections[start.0].name, start.1..end)
    };
    let relocated = |(&start, code): (&Start, &Code<'_>)| {
        let mut relocated = vec![false; code.instructions.len()];
        for record in core(start) {
            let index = (u64::from(record.offset) - start.1) / SLOT_SIZE;
            if let Some(relocated) = relocated.get_mut(index as usize) {
                *relocated = true;
            }
        }
        (start, relocated)
    };
    let functions_to_follow =
        Functions { code: &code, relocated: code.iter().map(relocated).collect() };
    let mut follow_steps = follow::STEPS_PER_OBJECT;
    let mut gathered = 0;
    let mut programs = Vec::new();
    for (&start, function) in functions.iter().filter(|(_, function)| function.entry) {
        let reached = reached(&uses, start);
        gathered += reached.iter().map(|start| uses[start].count()).sum::<usize>();
        if gathered > MAX_USES {
            return Err(ObjectError::TooLarge {
                what: "its programs use each other's code too often to follow",
            });
        }
        let followed = follow(&functions_to_follow, start, &mut follow_steps);
        let graph = call_graph(functions, &uses, &reached, &followed.depths);
        let mut program = program(elf, &uses, function, &reached);
        program.core_relocations = reached.iter().map(|&start| core(start).len()).sum();
        program.stack = graph.stack(start);
        program.context = followed.context;
        program.map_calls = followed.map_calls;
        programs.push(program);
    }
    Ok(programs)
}

fn call_graph<'n>(
    functions: &BTreeMap<Start, Function<'n>>,
    uses: &BTreeMap<Start, Uses>,
    reached: &[Start],
    depths: &BTreeMap<Start, u32>,
) -> CallGraph<'n> {
    let node = |start: &Start| Node {
        name: functions[start].name,
        depth: depths.get(start).copied().unwrap_or(0),
        tail_calls: !uses[start].tail_calls.is_empty(),
        callees: uses[start].called.clone(),
    };
    CallGraph { functions: reached.iter().map(|start| (*start, node(start))).collect() }
}

/// Puts together what a program and the functions it calls use; `reached` begins with its own.
fn program(
    elf: &Elf<'_>,
    uses: &BTreeMap<Start, Uses>,
    function: &Function<'_>,
    reached: &[Start],
) -> Program {
    let mut maps = OrderedSet::default();
    let mut tail_calls = OrderedSet::default();
    let mut helpers = BTreeSet::new();
    for start in reached {
        let uses = &uses[start];
        uses.maps.iter().for_each(|map| maps.insert(map.clone()));
        uses.tail_calls.iter().for_each(|call| tail_calls.insert(call.clone()));
        helpers.extend(&uses.helpers);
    }
    let own = reached[0];
    Program {
        name: function.name.to_owned(),
        section: Section::parse(elf.sections[own.0].name),
        instructions: uses[&own].instructions,
        maps: maps.into_vec(),
        helpers: helpers.into_iter().collect(),
        tail_calls: tail_calls.into_vec(),
        core_relocations: 0,
        context: Vec::new(),
        map_calls: Vec::new(),
        stack: StackUse::default(),
    }
}

/// The function at `start` and all that it calls, each once, in the order of the calls.
fn reached(uses: &BTreeMap<Start, Uses>, start: Start) -> Vec<Start> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::from([start]);
    let mut waiting = vec![start];
    while let Some(start) = waiting.pop() {
        let Some(function) = uses.get(&start) else {
            continue;
        };
        order.push(start);
        for &callee in function.callees.iter().rev() {
            if seen.len() < MAX_REACHED && seen.insert(callee) {
                waiting.push(callee);
            }
        }
    }
    order
}
