//! What works and had better be otherwise. `check` tells it; `apply` and `run` don't, since it changes
//! nothing about what they do.

use crate::btf::Layout;
use crate::desired::HookKind;
use crate::model::{Model, SlotEntry, SlotKey, Table};
use crate::object::{Global, Map, MapType, helper_name};
use crate::rules::checked;
use crate::syscall_table;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::Span;
use crate::text::suggest::listed;

/// `bpf_map_delete_elem`.
const DELETE: u32 = 3;

/// Helpers that are kept for old programs, and what to call now (include/uapi/linux/bpf.h).
const DEPRECATED: [(u32, &str); 3] = [
    (4, "bpf_probe_read_kernel or bpf_probe_read_user (5.5)"),
    (45, "bpf_probe_read_kernel_str or bpf_probe_read_user_str (5.5)"),
    (22, "bpf_perf_event_read_value (4.15)"),
];

/// Applies every lint.
pub fn check(model: &Model, findings: &mut Findings) {
    is_described(model, findings);
    helpers_are_current(model, findings);
    keys_are_bounded(model, findings);
    counters_can_be_read(model, findings);
    for table in &model.tail_calls {
        slots_are_portable(model, table, findings);
    }
}

/// A probe on a machine should say what it is there for.
fn is_described(model: &Model, findings: &mut Findings) {
    let text = model.description.as_deref().unwrap_or_default();
    if !text.trim().is_empty() {
        return;
    }
    findings.push(
        Diagnostic::warning(
            Code::MissingDescription,
            model.name.span,
            format!("`{}` doesn't say what it is for", model.name.value),
        )
        .help("add a sentence: `description: Counts …`"),
    );
}

/// `bpf_probe_read` and its like guess the address space, which is wrong on some machines and missing
/// on others (CONFIG_ARCH_HAS_NON_OVERLAPPING_ADDRESS_SPACE).
fn helpers_are_current(model: &Model, findings: &mut Findings) {
    for id in model.programs_in_use() {
        let program = model.program(id.value);
        let helpers = DEPRECATED.iter().filter(|(helper, _)| program.helpers.contains(helper));
        for (helper, instead) in helpers {
            let helper = helper_name(*helper).unwrap_or_default();
            findings.push(
                Diagnostic::warning(
                    Code::DeprecatedHelper,
                    id.span,
                    format!("`{}` calls the deprecated {helper}", model.program_name(id.value)),
                )
                .help(format!("call {instead} in its source")),
            );
        }
    }
}

/// A hash that is keyed by what comes over the network and only grows is full when somebody wants it
/// to be; then nothing new is counted. Kept narrow: the key has a field called like an address or a
/// port, and no program that uses the map deletes anything.
fn keys_are_bounded(model: &Model, findings: &mut Findings) {
    for made in checked::maps(model) {
        if !matches!(made.map_type(), MapType::HASH | MapType::PERCPU_HASH) {
            continue;
        }
        let Some(id) = model.find_map(&made.name) else { continue };
        let Some(field) = model.map(id).key.as_ref().and_then(network_field) else { continue };
        let used = model.programs_in_use();
        let mut users = used
            .iter()
            .map(|id| model.program(id.value))
            .filter(|one| one.maps.contains(&made.name));
        let deletes = users.clone().any(|program| program.helpers.contains(&DELETE));
        if deletes || users.next().is_none() {
            continue;
        }
        let object = &model.objects[id.object];
        findings.push(
            Diagnostic::warning(
                Code::UnboundedMap,
                view_of(model, &made.name).unwrap_or(object.alias.span),
                format!("others can fill `{}`", made.name),
            )
            .label(format!(
                "its key has `{field}`, nothing is ever deleted, and after {} keys new ones are lost",
                made.max_entries
            ))
            .note(format!("`{}` is a {} map of {}", made.name, made.map_type(), object.file.origin))
            .help("make it an LRU hash in its source, or delete keys that are done with"),
        );
    }
}

fn view_of(model: &Model, map: &str) -> Option<Span> {
    let view = model.views.iter().find(|view| model.map(view.map.value).name == map)?;
    Some(view.map.span)
}

/// The first field of a key whose value comes over the network, by its name.
fn network_field(key: &Layout) -> Option<&str> {
    let Layout::Struct { fields, .. } = key else { return None };
    fields.iter().find_map(|field| {
        let mut words = field.name.split('_');
        let is_network = words.any(|word| {
            matches!(word, "ip" | "ip4" | "ip6" | "ipv4" | "ipv6")
                || ["addr", "port"].iter().any(|end| {
                    word.strip_suffix(end).is_some_and(|start| {
                        matches!(
                            start,
                            "" | "s" | "d" | "src" | "dst" | "l" | "r" | "local" | "remote"
                        )
                    })
                })
        });
        if is_network { Some(field.name.as_str()) } else { network_field(&field.layout) }
    })
}

/// A variable that programs count in is in no table: only maps can be shown. Kept narrow: a whole
/// number in .bss or .data that is called like a count and that the file doesn't set.
fn counters_can_be_read(model: &Model, findings: &mut Findings) {
    let used = model.programs_in_use();
    for (index, object) in model.objects.iter().enumerate() {
        if !used.iter().any(|program| program.value.object == index) {
            continue;
        }
        for (position, global) in object.file.inventory.globals.iter().enumerate() {
            let is_set = model
                .globals
                .iter()
                .any(|setting| setting.object == index && setting.global == position);
            if is_set || !is_counter(global) {
                continue;
            }
            findings.push(
                Diagnostic::warning(
                    Code::CounterInGlobal,
                    object.alias.span,
                    format!("`{}` counts where nothing shows it", global.name),
                )
                .label(format!("a variable in {} of this object", global.section))
                .help("count in a map (a per-CPU array): `read` shows maps"),
            );
        }
    }
}

fn is_counter(global: &Global) -> bool {
    let is_writable = global.section.starts_with(".bss") || global.section.starts_with(".data");
    let is_number = matches!(&global.layout, Some(Layout::Scalar(_))) && global.size == 8;
    let words = ["count", "counter", "dropped", "drops", "lost", "missed", "hits"];
    is_writable && is_number && global.name.split('_').any(|word| words.contains(&word))
}

/// A table that is called by system calls' numbers means other calls on another architecture.
fn slots_are_portable(model: &Model, table: &Table, findings: &mut Findings) {
    let map = model.map(table.map.value);
    if !by_syscall(model, map) {
        return;
    }
    let numbered: Vec<(&SlotEntry, Vec<&str>)> = table
        .slots
        .iter()
        .filter(|slot| slot.key == SlotKey::Numbers)
        .map(|slot| (slot, calls(slot)))
        .filter(|(_, calls)| !calls.is_empty())
        .collect();
    let Some(((first, calls), others)) = numbered.split_first() else { return };
    let arch = std::env::consts::ARCH;
    let mut diagnostic = Diagnostic::warning(
        Code::SyscallNumber,
        first.indices.span,
        format!("the numbers of system calls are those of {arch}"),
    )
    .label(format!("{} there", listed(calls.iter().copied(), 6)));
    for (slot, calls) in others {
        let label = format!("{} there", listed(calls.iter().copied(), 6));
        diagnostic = diagnostic.other(slot.indices.span, label);
    }
    let program = model.program_name(first.program.value);
    findings.push(
        diagnostic
            .help(format!("a name means the same everywhere: `syscall:{}: {program}`", calls[0])),
    );
}

/// The system calls that a slot's numbers are; those without one are left out.
fn calls(slot: &SlotEntry) -> Vec<&'static str> {
    let ranges = &slot.indices.value;
    syscall_table::all()
        .filter(|(number, _)| ranges.iter().any(|range| range.contains(number)))
        .map(|(_, name)| name)
        .collect()
}

/// Whether a table's caller is attached where every system call begins or ends, which is what a
/// dispatcher by number looks like.
fn by_syscall(model: &Model, table: &Map) -> bool {
    model.hooks().any(|hook| {
        let at_syscalls = match hook.kind.value {
            HookKind::RawTracepoint | HookKind::BtfTracepoint => {
                matches!(hook.target.value.as_str(), "sys_enter" | "sys_exit")
            }
            HookKind::Tracepoint => {
                matches!(
                    hook.target.value.as_str(),
                    "raw_syscalls/sys_enter" | "raw_syscalls/sys_exit"
                )
            }
            _ => false,
        };
        let program = model.program(hook.program.value);
        // A constant slot is no system call's number.
        let jumps = program.tail_calls.iter().any(|call| {
            call.slot.is_none() && call.map.as_ref().is_none_or(|map| *map == table.name)
        });
        at_syscalls && jumps && program.maps.contains(&table.name)
    })
}
