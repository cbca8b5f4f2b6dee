//! How far tail calls lead: the kernel lets a run make 33 of them (`MAX_TAIL_CALL_CNT`,
//! include/linux/bpf.h), then they fall through.
//!
//! Only calls of constant slots are followed; where a program computes the slot, anything may follow.

use super::{Array, calls_into, prog_arrays, users};
use crate::model::{Model, ProgramId};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::Span;
use std::collections::{BTreeMap, BTreeSet};

/// Tail calls of one run.
const MAX_TAIL_CALLS: usize = 33;

/// A tail call that is sure to lead to one program.
#[derive(Clone, Debug)]
struct Step {
    to: ProgramId,
    /// The array and the slot.
    through: (String, u32),
}

type Graph = BTreeMap<ProgramId, Vec<Step>>;

/// Applies these rules.
pub fn check(model: &Model, findings: &mut Findings) {
    let graph = graph(model);
    let mut spans: BTreeMap<ProgramId, Span> = BTreeMap::new();
    for user in users(model) {
        spans.entry(user.program.value).or_insert(user.program.span);
    }
    let cycles = cycles(&graph);
    for cycle in &cycles {
        report_cycle(model, cycle, &spans, findings);
    }
    if cycles.is_empty() {
        report_longest(model, &graph, &spans, findings);
    }
}

fn graph(model: &Model) -> Graph {
    let mut graph = Graph::new();
    for map in prog_arrays(model) {
        let array = Array::of(model, map);
        for user in &array.callers {
            let from = user.program.value;
            for slot in calls_into(model.program(from), array.name).flatten() {
                let Some(handler) = array.handler(slot) else { continue };
                let steps = graph.entry(from).or_default();
                if !steps.iter().any(|step| step.to == handler.value) {
                    let through = (array.name.to_owned(), slot);
                    steps.push(Step { to: handler.value, through });
                }
            }
        }
    }
    graph
}

/// Ways that lead back to where they began, each program in one of them at most.
fn cycles(graph: &Graph) -> Vec<Vec<(ProgramId, &Step)>> {
    let mut cycles = Vec::new();
    let mut done: BTreeSet<ProgramId> = BTreeSet::new();
    for &start in graph.keys() {
        // The way from `start`, with the next step to try at each program of it.
        let mut way: Vec<(ProgramId, usize)> = vec![(start, 0)];
        while let Some(&(program, next)) = way.last() {
            let step = graph.get(&program).and_then(|steps| steps.get(next));
            let Some(step) = step.filter(|_| !done.contains(&program)) else {
                done.insert(program);
                way.pop();
                continue;
            };
            if let Some(last) = way.last_mut() {
                last.1 += 1;
            }
            match way.iter().position(|&(known, _)| known == step.to) {
                Some(first) => {
                    let steps = way[first..].iter();
                    let steps =
                        steps.map(|&(program, tried)| (program, &graph[&program][tried - 1]));
                    cycles.push(steps.collect());
                }
                None => way.push((step.to, 0)),
            }
        }
    }
    cycles
}

fn report_cycle(
    model: &Model,
    cycle: &[(ProgramId, &Step)],
    spans: &BTreeMap<ProgramId, Span>,
    findings: &mut Findings,
) {
    let Some(&(first, step)) = cycle.first() else { return };
    let name = model.program_name(first);
    let message = match cycle.len() {
        1 => format!("`{name}` tail-calls itself"),
        _ => {
            let others: Vec<String> =
                cycle[1..].iter().map(|&(id, _)| format!("`{}`", model.program_name(id))).collect();
            format!("`{name}` tail-calls itself through {}", others.join(", "))
        }
    };
    let (array, slot) = &step.through;
    findings.push(
        Diagnostic::warning(
            Code::TailCallCycle,
            spans.get(&first).copied().unwrap_or_default(),
            message,
        )
        .label(format!("calls slot {slot} of `{array}`"))
        .note(format!(
            "the kernel ends a run's tail calls after {MAX_TAIL_CALLS}: the next falls through"
        ))
        .help("make sure that the program ends by itself before that"),
    );
}

/// Reports a chain that is too long, from the attached program that begins it.
fn report_longest(
    model: &Model,
    graph: &Graph,
    spans: &BTreeMap<ProgramId, Span>,
    findings: &mut Findings,
) {
    let mut lengths: BTreeMap<ProgramId, usize> = BTreeMap::new();
    for hook in model.hooks() {
        for program in hook.programs() {
            let length = length(graph, program.value, &mut lengths);
            if length <= MAX_TAIL_CALLS {
                continue;
            }
            let span = spans.get(&program.value).copied().unwrap_or(program.span);
            findings.push(
                Diagnostic::warning(
                    Code::TailCallDepth,
                    span,
                    format!(
                        "`{}` begins a chain of {length} tail calls",
                        model.program_name(program.value)
                    ),
                )
                .label("its last handlers never run")
                .note(format!(
                    "the kernel ends a run's tail calls after {MAX_TAIL_CALLS}: the next falls through"
                ))
                .help("let handlers do more than one step, or attach several programs"),
            );
            return;
        }
    }
}

/// Tail calls of the longest chain from a program on; the graph has no cycles.
fn length(graph: &Graph, from: ProgramId, known: &mut BTreeMap<ProgramId, usize>) -> usize {
    let mut waiting = vec![from];
    while let Some(&program) = waiting.last() {
        let steps = graph.get(&program).map_or(&[][..], Vec::as_slice);
        let unknown = steps.iter().find(|step| !known.contains_key(&step.to));
        match unknown {
            Some(step) => waiting.push(step.to),
            None => {
                let longest = steps.iter().map(|step| known[&step.to] + 1).max().unwrap_or(0);
                known.insert(program, longest);
                waiting.pop();
            }
        }
    }
    known[&from]
}
