//! How much stack a program's chains of calls take together.

use std::collections::{BTreeMap, BTreeSet};

use super::functions::Start;
use super::inventory::{StackChain, StackUse};

/// The kernel follows no more calls into each other (`MAX_CALL_FRAMES`).
const MAX_FRAMES: usize = 8;
/// A function takes at least this much, and a multiple of it: 16 where programs are compiled, 32
/// where they were interpreted and before Linux 6.8 (`round_up_stack_depth`, kernel/bpf/verifier.c).
const GRANULE: u32 = 16;

/// A program's functions.
pub(super) struct CallGraph<'n> {
    pub(super) functions: BTreeMap<Start, Node<'n>>,
}

/// A function of a program.
pub(super) struct Node<'n> {
    pub(super) name: &'n str,
    /// Bytes of stack that it is sure to use.
    pub(super) depth: u32,
    pub(super) tail_calls: bool,
    /// What it calls directly.
    pub(super) callees: BTreeSet<Start>,
}

/// The longest chains that begin at a function.
#[derive(Clone, Default)]
struct Chains {
    deepest: StackChain,
    before_tail_call: Option<StackChain>,
}

impl CallGraph<'_> {
    /// What the chains of calls that begin at `entry` take.
    pub(super) fn stack(&self, entry: Start) -> StackUse {
        let chains = self.chains(entry, 1, &mut BTreeMap::new());
        let tail_calls = self.functions.values().any(|function| function.tail_calls);
        StackUse { deepest: chains.deepest, before_tail_call: chains.before_tail_call, tail_calls }
    }

    fn chains(&self, start: Start, frames: usize, known: &mut BTreeMap<Start, Chains>) -> Chains {
        if let Some(known) = known.get(&start) {
            return known.clone();
        }
        let Some(node) = self.functions.get(&start).filter(|_| frames <= MAX_FRAMES) else {
            return Chains::default();
        };
        // Recursion is refused anyway; here it ends.
        known.insert(start, Chains::default());
        let own = StackChain {
            bytes: node.depth.max(1).next_multiple_of(GRANULE),
            functions: vec![node.name.to_owned()],
        };
        let mut chains = Chains { deepest: own.clone(), before_tail_call: None };
        for callee in &node.callees {
            let below = self.chains(*callee, frames + 1, known);
            chains.deepest = longer(chains.deepest, own.then(&below.deepest));
            let jumps = self.functions.get(callee).is_some_and(|callee| callee.tail_calls);
            let through = below.before_tail_call.map(|chain| own.then(&chain));
            for chain in jumps.then(|| own.clone()).into_iter().chain(through) {
                chains.before_tail_call = Some(match chains.before_tail_call.take() {
                    Some(other) => longer(other, chain),
                    None => chain,
                });
            }
        }
        known.insert(start, chains.clone());
        chains
    }
}

fn longer(one: StackChain, other: StackChain) -> StackChain {
    if other.bytes > one.bytes { other } else { one }
}

impl StackChain {
    fn then(&self, callee: &StackChain) -> StackChain {
        StackChain {
            bytes: self.bytes.saturating_add(callee.bytes),
            functions: self.functions.iter().chain(&callee.functions).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CallGraph, Node};
    use std::collections::BTreeMap;

    /// Functions as (depth, whether it tail-calls, what it calls), by their index.
    fn graph(functions: &[(u32, bool, &[u64])]) -> CallGraph<'static> {
        let names = ["a", "b", "c", "d"];
        let node = |(index, (depth, tail_calls, callees)): (usize, &(u32, bool, &[u64]))| {
            let callees = callees.iter().map(|&callee| (0, callee)).collect();
            let node = Node { name: names[index], depth: *depth, tail_calls: *tail_calls, callees };
            ((0, index as u64), node)
        };
        CallGraph { functions: functions.iter().enumerate().map(node).collect::<BTreeMap<_, _>>() }
    }

    #[test]
    fn takes_the_deepest_chain() {
        let stack =
            graph(&[(100, false, &[1, 2]), (8, false, &[]), (200, false, &[1])]).stack((0, 0));
        assert_eq!(stack.deepest.bytes, 112 + 208 + 16);
        assert_eq!(stack.deepest.functions, ["a", "c", "b"]);
        assert_eq!(stack.before_tail_call, None);
        assert!(!stack.tail_calls);
    }

    #[test]
    fn counts_what_lies_above_a_tail_call() {
        // The function that tail-calls takes its own frame with it.
        let stack = graph(&[(100, true, &[1]), (30, false, &[2]), (400, true, &[])]).stack((0, 0));
        let chain = stack.before_tail_call.expect("c tail-calls");
        assert_eq!((chain.bytes, chain.functions), (112 + 32, vec!["a".into(), "b".into()]));
        let alone = graph(&[(300, true, &[])]).stack((0, 0));
        assert_eq!(alone.before_tail_call, None);
        assert!(alone.tail_calls);
    }

    #[test]
    fn ends_in_recursion() {
        assert_eq!(graph(&[(10, false, &[0])]).stack((0, 0)).deepest.bytes, 16);
    }
}
