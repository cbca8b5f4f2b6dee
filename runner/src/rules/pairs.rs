//! Programs at a function's entry and at its return: what each may read there, and how the two hand on
//! what the entry saw.

use crate::desired::HookKind;
use crate::model::{Hook, Model, ProgramId};
use crate::object::{ContextTouch, Map, MapType, MapUse, Program};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::At;
use std::collections::HashSet;

/// Offsets in `struct pt_regs` of x86-64 that hold arguments at a function's entry (di, si, cx, r8, r9)
/// and nothing of use at its return. `dx` holds the third, and the upper half of a 16-byte result.
const X86_ARGUMENTS: [(u32, &str); 5] = [
    (112, "the first argument"),
    (104, "the second argument"),
    (88, "the fourth argument"),
    (72, "the fifth argument"),
    (64, "the sixth argument"),
];
/// The same in `struct user_pt_regs` of arm64: x2 and x3. `x1` may be half of a 16-byte result. In a
/// program for x86-64 these are r13 and r12.
const ARM64_ARGUMENTS: [(u32, &str); 2] = [(16, "the third argument"), (24, "the fourth argument")];
/// `ax` of x86-64, where a function's result is. On arm64 result and first argument share a register.
const X86_RESULT: u32 = 80;
/// `ip` of x86-64 and `pc` of arm64: who reads it looks at registers as such, to unwind a stack.
const INSTRUCTION_POINTERS: [u32; 2] = [128, 256];

/// Functions that run in softirqs, on top of whatever task was interrupted: the receiving side of the
/// network stack (net/core/dev.c, net/ipv4, net/ipv6), timers and block completion.
const IN_SOFTIRQ: [&str; 16] = [
    "get_rps_cpu",
    "__netif_receive_skb*",
    "netif_receive_skb*",
    "napi_*",
    "__napi_*",
    "net_rx_action",
    "net_tx_action",
    "process_backlog",
    "enqueue_to_backlog",
    "ip_rcv*",
    "ipv6_rcv",
    "tcp_v4_rcv",
    "tcp_v6_rcv",
    "udp_rcv",
    "udpv6_rcv",
    "run_timer_softirq",
];

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    let mut seen = HashSet::new();
    for (program, hook) in at_return(model) {
        if seen.insert(program.value) {
            arguments_are_gone(model, &program, hook, findings);
        }
    }
    seen.clear();
    for (program, hook) in at_entry(model) {
        if hook.offset == 0 && seen.insert(program.value) {
            result_is_not_there(model, &program, hook, findings);
        }
    }
    for pair in pairs(model) {
        calls_in_flight(model, &pair, findings);
    }
}

/// A program at the entry and one at the return of the same function.
struct Pair<'a> {
    entry: At<ProgramId>,
    back: At<ProgramId>,
    function: &'a str,
}

fn at_entry(model: &Model) -> impl Iterator<Item = (At<ProgramId>, &Hook)> {
    let kinds = [HookKind::Kprobe, HookKind::KprobePair, HookKind::KprobeMulti];
    let hooks = model.hooks().filter(move |hook| kinds.contains(&hook.kind.value));
    hooks.map(|hook| (hook.program.clone(), hook))
}

fn at_return(model: &Model) -> impl Iterator<Item = (At<ProgramId>, &Hook)> {
    model.hooks().filter_map(|hook| match hook.kind.value {
        HookKind::Kretprobe | HookKind::KretprobeMulti => Some((hook.program.clone(), hook)),
        HookKind::KprobePair => Some((hook.return_program.clone()?, hook)),
        _ => None,
    })
}

/// Pairs that are declared as one, and kprobes and kretprobes of one function.
fn pairs(model: &Model) -> Vec<Pair<'_>> {
    let mut pairs = Vec::new();
    for (entry, hook) in at_entry(model) {
        let function = hook.target.value.as_str();
        if let Some(back) = hook.return_program.clone() {
            pairs.push(Pair { entry, back, function });
            continue;
        }
        let returns = at_return(model).filter(|(_, other)| {
            other.kind.value == HookKind::Kretprobe && other.target.value == function
        });
        let is_function = hook.kind.value == HookKind::Kprobe && hook.offset == 0;
        for (back, _) in returns.filter(|_| is_function) {
            pairs.push(Pair { entry: entry.clone(), back, function });
        }
    }
    pairs
}

/// Bytes of the registers that a program is sure to read.
fn reads(program: &Program) -> impl Iterator<Item = u32> {
    let context = program.context.iter();
    context.filter(|one| one.certain && one.touch != ContextTouch::Write).map(|one| one.offset)
}

fn unwinds(program: &Program) -> bool {
    reads(program).any(|offset| INSTRUCTION_POINTERS.contains(&offset))
}

/// When a function returns, the registers that held its arguments hold something else.
fn arguments_are_gone(model: &Model, id: &At<ProgramId>, hook: &Hook, findings: &mut Findings) {
    let program = model.program(id.value);
    if !program.section.prefix.starts_with("kretprobe") {
        // Another mistake, reported by another rule.
        return;
    }
    let known = X86_ARGUMENTS.into_iter().chain(ARM64_ARGUMENTS);
    let read: Vec<(u32, &str)> =
        known.filter(|(register, _)| reads(program).any(|offset| offset == *register)).collect();
    let Some((offset, what)) = read.first().filter(|_| !unwinds(program)) else { return };
    let name = model.program_name(id.value);
    let diagnostic = Diagnostic::warning(
        Code::ReturnReadsArguments,
        id.span,
        format!("`{name}` reads arguments after the function has returned"),
    )
    .label(format!("reads byte {offset} of its registers, {what} at the entry"))
    .note("at a return, the registers of the arguments hold whatever the function left there");
    findings.push(match hook.kind.value {
        HookKind::KprobePair => diagnostic
            .other(hook.program.span, "this program sees them")
            .help("store them there in a map and look them up here, or use `fexit`, which sees arguments and result"),
        _ => diagnostic.help(
            "store them in a map from a program at the entry, or use `fexit`, which sees arguments and result",
        ),
    });
}

/// When a function begins, there is no result yet.
fn result_is_not_there(model: &Model, id: &At<ProgramId>, hook: &Hook, findings: &mut Findings) {
    let program = model.program(id.value);
    let is_entry = program.section.prefix.starts_with("kprobe");
    if !is_entry || !reads(program).any(|offset| offset == X86_RESULT) || unwinds(program) {
        return;
    }
    let diagnostic = Diagnostic::warning(
        Code::EntryReadsResult,
        id.span,
        format!("`{}` reads a result before there is one", model.program_name(id.value)),
    )
    .label(format!("reads byte {X86_RESULT} of its registers, the result at the return"))
    .note("when a function begins, that register holds whatever its caller left there");
    findings.push(match &hook.return_program {
        Some(back) => {
            diagnostic.other(back.span, "this program sees it").help("read the result there")
        }
        None => diagnostic.help("attach it as `kretprobe`"),
    });
}

/// What the entry stores for the return to find.
fn calls_in_flight(model: &Model, pair: &Pair<'_>, findings: &mut Findings) {
    let entry = model.program(pair.entry.value);
    let back = model.program(pair.back.value);
    let mut seen = HashSet::new();
    for call in entry.map_calls.iter().filter(|call| call.usage == MapUse::Update) {
        let Some(map) = model.find_map(&call.map).map(|id| model.map(id)) else { continue };
        let used = |usage| uses(back, &map.name, usage);
        if !map.map_type.is_hash()
            || !used(MapUse::Lookup)
            || used(MapUse::Update)
            || !seen.insert(&call.map)
        {
            continue;
        }
        if call.pid_bytes > 0 && call.pid_bytes >= map.key_size {
            key_is_unique(model, pair, map, findings);
        }
        entries_go_away(model, pair, map, findings);
    }
}

fn uses(program: &Program, map: &str, usage: MapUse) -> bool {
    program.map_calls.iter().any(|call| call.map == map && call.usage == usage)
}

/// In a softirq the current task is the one that was interrupted: any, and on idle CPUs the one with
/// pid 0, on all of them at once.
fn key_is_unique(model: &Model, pair: &Pair<'_>, map: &Map, findings: &mut Findings) {
    let name = &map.name;
    if !runs_in_softirq(pair.function) {
        return;
    }
    findings.push(
        Diagnostic::warning(
            Code::InFlightKey,
            pair.entry.span,
            format!("calls of {} overwrite each other in `{name}`", pair.function),
        )
        .label(format!("`{}` stores under the current pid", model.program_name(pair.entry.value)))
        .other(pair.back.span, "looks it up here")
        .note(format!(
            "{} runs in softirqs, where the current task is whichever was interrupted; on idle CPUs it is \
             pid 0, on all of them",
            pair.function
        ))
        .help("use as key what belongs to the call: a pointer among its arguments, or the stack pointer; or use `fexit`, which needs no map"),
    );
}

/// Returns may be missed, and a hash that is full takes no new entry.
fn entries_go_away(model: &Model, pair: &Pair<'_>, map: &Map, findings: &mut Findings) {
    let name = &map.name;
    let evicts = matches!(map.map_type, MapType::LRU_HASH | MapType::LRU_PERCPU_HASH);
    // Whatever program does it: what mutex_lock stores, mutex_unlock may take away.
    let mut programs = model.programs_in_use().into_iter();
    if evicts || programs.any(|id| uses(model.program(id.value), name, MapUse::Delete)) {
        return;
    }
    findings.push(
        Diagnostic::warning(
            Code::InFlightLeak,
            pair.back.span,
            format!("`{name}` fills up with calls that have returned"),
        )
        .label(format!("`{}` looks them up and leaves them there", model.program_name(pair.back.value)))
        .other(pair.entry.span, "stores them")
        .note(format!(
            "`{name}` is a {} map of {} entries: when it is full, new calls are not seen",
            map.map_type, map.max_entries
        ))
        .help("delete the entry with `bpf_map_delete_elem` on every way out, and make the map an LRU_HASH, since the kernel may miss returns"),
    );
}

fn runs_in_softirq(function: &str) -> bool {
    IN_SOFTIRQ.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => function.starts_with(prefix),
        None => function == *pattern,
    })
}
