//! Whether the kernel makes maps of such sizes: the checks of each map type's `map_alloc_check`, but for
//! those of flags, which are `map_flags`' business.
//!
//! Looked at is what will be made: maps that are needed, with what the probe file changes of them.
//! What depends on a machine's memory is not judged here.

use crate::desired::MapDefinition;
use crate::model::{Model, Object};
use crate::object::MapType;
use crate::rules::checked;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings, Severity};

const CGROUP_ARRAY: MapType = MapType(8);
const CGROUP_STORAGE: MapType = MapType(19);
const PERCPU_CGROUP_STORAGE: MapType = MapType::PERCPU_CGROUP_STORAGE;
const BLOOM_FILTER: MapType = MapType(30);

/// `BPF_F_STACK_BUILD_ID`.
const STACK_BUILD_ID: u32 = 1 << 5;

/// `PCPU_MIN_UNIT_SIZE`, include/linux/percpu.h: a CPU's part of an allocation can't be larger.
const LARGEST_PER_CPU_VALUE: u32 = 32 << 10;
/// `KMALLOC_MAX_SIZE` with pages of 4 KiB, include/linux/slab.h, less what an element has besides.
const LARGEST_ELEMENT: u64 = (4 << 20) - 64;
/// `htab_map_alloc`: a power of two of buckets of 16 bytes, less than 4 GiB of them.
const MOST_HASH_ENTRIES: u32 = 1 << 27;
/// `PERF_MAX_STACK_DEPTH`, the default of the sysctl `kernel.perf_event_max_stack`.
const STACK_DEPTH: u32 = 127;

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    for map in checked::maps(model) {
        let Some(refusal) = refusal(&map) else { continue };
        report(model, &map, &refusal, findings);
    }
}

/// What is wrong with a map, and how it should be.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    /// The attribute as a probe file or a source names it.
    attribute: &'static str,
    value: u32,
    rule: String,
    /// A warning where a machine may be set up to take it.
    severity: Severity,
}

fn report(model: &Model, map: &MapDefinition, refusal: &Refusal, findings: &mut Findings) {
    let Refusal { attribute, value, rule, severity } = refusal;
    let named = |object: &&Object| object.alias.value == map.object;
    let Some(object) = model.objects.iter().find(named) else { return };
    let set_here = model
        .maps
        .iter()
        .filter(|setting| model.map(setting.map.value).name == map.name)
        .find_map(|setting| setting.max_entries.as_ref())
        .filter(|_| *attribute == "max_entries");
    let message = format!("`{}` can't have {attribute} {value}", map.name);
    let note = format!("`{}` is a {} map of {}", map.name, map.map_type(), object.file.origin);
    let diagnostic = match set_here {
        Some(set) => Diagnostic::error(Code::MapOverride, set.span, message)
            .label(rule)
            .help("write another number, or leave it out to keep the object's"),
        None => Diagnostic::error(Code::MapDefinition, object.alias.span, message)
            .label(rule)
            .help(format!("change the definition of `{}` in the object's source", map.name)),
    };
    findings.push(Diagnostic { severity: *severity, ..diagnostic.note(note) });
}

/// The first reason for which the kernel refuses a map (EINVAL, E2BIG or ENOTSUPP).
fn refusal(map: &MapDefinition) -> Option<Refusal> {
    let sizes: &[fn(&MapDefinition) -> Option<Refusal>] = match map.map_type() {
        MapType::ARRAY => &[index_key, some_value],
        MapType::PERCPU_ARRAY => &[index_key, some_value, per_cpu_value],
        MapType::PROG_ARRAY | MapType::PERF_EVENT_ARRAY | CGROUP_ARRAY => {
            &[index_key, descriptor_value]
        }
        MapType::ARRAY_OF_MAPS => &[index_key, descriptor_value],
        MapType::HASH_OF_MAPS => &[some_key, descriptor_value, hash_entries],
        MapType::HASH => &[some_key, some_value, hash_element, hash_entries],
        MapType::PERCPU_HASH => &[some_key, some_value, per_cpu_value, hash_entries],
        MapType::LRU_HASH => &[some_key, some_value, hash_element, hash_entries],
        MapType::LRU_PERCPU_HASH => &[some_key, some_value, per_cpu_value, hash_entries],
        MapType::LPM_TRIE => &[prefix_key, some_value],
        MapType::STACK_TRACE => &[index_key, stack_value, stack_depth],
        MapType::QUEUE | MapType::STACK => &[no_key, some_value],
        BLOOM_FILTER => &[no_key, some_value],
        MapType::RINGBUF | MapType::USER_RINGBUF => &[no_key, no_value],
        CGROUP_STORAGE | PERCPU_CGROUP_STORAGE => &[no_entries, some_value],
        other if other.is_storage() => &[index_key, some_value, no_entries],
        _ => &[],
    };
    sizes.iter().find_map(|rule| rule(map))
}

fn unless(holds: bool, attribute: &'static str, value: u32, rule: &str) -> Option<Refusal> {
    let severity = Severity::Error;
    (!holds).then(|| Refusal { attribute, value, rule: rule.to_owned(), severity })
}

/// `array_map_alloc_check`, kernel/bpf/arraymap.c; `stack_map_alloc`, kernel/bpf/stackmap.c.
fn index_key(map: &MapDefinition) -> Option<Refusal> {
    unless(map.key_size == 4, "key_size", map.key_size, "its keys are indices of 4 bytes")
}

/// `array_map_alloc_check`, `htab_map_alloc_check`.
fn some_value(map: &MapDefinition) -> Option<Refusal> {
    unless(map.value_size > 0, "value_size", 0, "its values have at least one byte")
}

/// `htab_map_alloc_check`, kernel/bpf/hashtab.c.
fn some_key(map: &MapDefinition) -> Option<Refusal> {
    unless(map.key_size > 0, "key_size", 0, "its keys have at least one byte")
}

/// `fd_array_map_alloc_check`, `fd_htab_map_alloc_check`: what is stored is a descriptor.
fn descriptor_value(map: &MapDefinition) -> Option<Refusal> {
    unless(map.value_size == 4, "value_size", map.value_size, "its values are 4 bytes: descriptors")
}

/// `array_map_alloc_check`, `htab_map_alloc_check` (since 6.9 by name; before, the allocation fails).
fn per_cpu_value(map: &MapDefinition) -> Option<Refusal> {
    let rounded = u64::from(map.value_size).next_multiple_of(8);
    let rule = format!("a value of one CPU has at most {LARGEST_PER_CPU_VALUE} bytes");
    unless(rounded <= LARGEST_PER_CPU_VALUE.into(), "value_size", map.value_size, &rule)
}

/// `htab_map_alloc_check`: an element is one allocation.
fn hash_element(map: &MapDefinition) -> Option<Refusal> {
    let element = u64::from(map.key_size) + u64::from(map.value_size);
    unless(
        element < LARGEST_ELEMENT,
        "value_size",
        map.value_size,
        "a key and its value have less than 4 MiB together",
    )
}

/// `htab_map_alloc`: "avoid overflow when computing the number of buckets".
fn hash_entries(map: &MapDefinition) -> Option<Refusal> {
    let rule = format!("a hash has at most {MOST_HASH_ENTRIES} entries");
    unless(map.max_entries <= MOST_HASH_ENTRIES, "max_entries", map.max_entries, &rule)
}

/// `trie_alloc`: a prefix's length in 4 bytes, then 1 to 256 bytes of it.
fn prefix_key(map: &MapDefinition) -> Option<Refusal> {
    let rule = "its keys have 5 to 260 bytes: a prefix's length and the prefix";
    unless((5..=260).contains(&map.key_size), "key_size", map.key_size, rule)
}

/// `stack_map_alloc`: an instruction pointer takes 8 bytes, one with a build ID 32.
fn stack_value(map: &MapDefinition) -> Option<Refusal> {
    let frame = if map.flags & STACK_BUILD_ID == 0 { 8 } else { 32 };
    let is_whole = map.value_size > 0 && map.value_size.is_multiple_of(frame);
    let rule = format!("a stack is {frame} bytes for each of its frames");
    unless(is_whole, "value_size", map.value_size, &rule)
}

/// `stack_map_alloc`: deeper stacks take a raised sysctl.
fn stack_depth(map: &MapDefinition) -> Option<Refusal> {
    let frame = if map.flags & STACK_BUILD_ID == 0 { 8 } else { 32 };
    let rule =
        format!("more than {STACK_DEPTH} frames take a raised sysctl kernel.perf_event_max_stack");
    unless(map.value_size / frame <= STACK_DEPTH, "value_size", map.value_size, &rule)
        .map(|refusal| Refusal { severity: Severity::Warning, ..refusal })
}

/// `queue_stack_map_alloc_check`, `bloom_map_alloc`, `ringbuf_map_alloc`.
fn no_key(map: &MapDefinition) -> Option<Refusal> {
    unless(map.key_size == 0, "key_size", map.key_size, "such a map has no keys")
}

/// `ringbuf_map_alloc`, kernel/bpf/ringbuf.c.
fn no_value(map: &MapDefinition) -> Option<Refusal> {
    unless(map.value_size == 0, "value_size", map.value_size, "records have sizes of their own")
}

/// `bpf_local_storage_map_alloc_check`, `cgroup_storage_map_alloc`.
fn no_entries(map: &MapDefinition) -> Option<Refusal> {
    let rule = "values belong to tasks, files, sockets or cgroups, as many as there are";
    unless(map.max_entries == 0, "max_entries", map.max_entries, rule)
}

#[cfg(test)]
mod tests {
    use super::refusal;
    use crate::desired::MapDefinition;
    use crate::object::MapType;

    fn map(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapDefinition {
        MapDefinition {
            name: "m".into(),
            object: "main".into(),
            map_type: map_type.0,
            key_size,
            value_size,
            max_entries,
            flags: 0,
            numa_node: None,
            extra: 0,
            owner: None,
        }
    }

    #[test]
    fn each_type_has_its_sizes() {
        let task_storage = MapType(29);
        let cases = [
            (map(MapType::ARRAY, 4, 8, 1), None),
            (map(MapType::ARRAY, 8, 8, 1), Some("key_size")),
            (map(MapType::PERCPU_ARRAY, 4, 32 << 10, 1), None),
            (map(MapType::PERCPU_ARRAY, 4, (32 << 10) + 1, 1), Some("value_size")),
            (map(MapType::PERCPU_HASH, 4, (32 << 10) + 1, 1), Some("value_size")),
            (map(MapType::PROG_ARRAY, 4, 4, 10), None),
            (map(MapType::PROG_ARRAY, 4, 8, 10), Some("value_size")),
            (map(MapType::HASH, 16, 8, 1 << 27), None),
            (map(MapType::HASH, 16, 8, (1 << 27) + 1), Some("max_entries")),
            (map(MapType::HASH, 16, 4 << 20, 1), Some("value_size")),
            (map(MapType::STACK_TRACE, 4, 127 * 8, 64), None),
            (map(MapType::STACK_TRACE, 4, 128 * 8, 64), Some("value_size")),
            (map(MapType::STACK_TRACE, 4, 12, 64), Some("value_size")),
            (map(MapType::QUEUE, 4, 8, 64), Some("key_size")),
            (map(MapType::LPM_TRIE, 8, 8, 64), None),
            (map(MapType::LPM_TRIE, 4, 8, 64), Some("key_size")),
            (map(MapType::RINGBUF, 0, 0, 4096), None),
            (map(MapType::RINGBUF, 0, 8, 4096), Some("value_size")),
            (map(task_storage, 4, 8, 100), Some("max_entries")),
        ];
        for (map, wrong) in cases {
            let got = refusal(&map).map(|refusal| refusal.attribute);
            assert_eq!(got, wrong, "{map:?}");
        }
    }
}
