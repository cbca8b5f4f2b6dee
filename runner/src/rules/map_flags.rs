//! Whether the kernel makes maps with the flags, and on the node, that the objects and the file ask
//! for.

use crate::desired::MapDefinition;
use crate::model::{MapSetting, Model, Object};
use crate::object::MapType;
use crate::rules::checked;
use crate::spec::MapFlag;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::At;
use crate::text::suggest::listed;

/// How many flags maps have, of all types together (`BPF_F_RB_OVERWRITE` of 6.19 is the last).
const KNOWN_FLAGS: u32 = 20;

/// What the kernel takes for maps of some types.
struct Legal {
    /// Flags that may be set.
    may: &'static [MapFlag],
    /// A flag that must be.
    must: Option<MapFlag>,
    /// Why the memory can't be on one node, if it can't.
    scattered: Option<&'static str>,
    /// The function that checks it.
    source: &'static str,
}

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    for map in checked::maps(model) {
        let Some(legal) = legal(map.map_type()) else {
            continue;
        };
        let settings = || {
            let all = model.maps.iter();
            all.filter(|setting| model.map(setting.map.value).name == map.name)
        };
        match settings().find_map(|setting| setting.flags.as_ref()) {
            Some(flags) => flags_of_file(&map, flags, &legal, findings),
            None => flags_of_object(model, &map, &legal, findings),
        }
        for setting in settings() {
            node_of_file(&map, setting, &legal, findings);
        }
    }
}

/// Flags that the file gives: each is judged where it stands.
fn flags_of_file(
    map: &MapDefinition,
    flags: &At<Vec<At<MapFlag>>>,
    legal: &Legal,
    findings: &mut Findings,
) {
    for flag in flags.value.iter().filter(|flag| !legal.may.contains(&flag.value)) {
        let message = format!("`{}` can't have the flag {}", map.name, flag.value.name());
        findings.push(
            legal
                .note(map, Diagnostic::error(Code::MapOverride, flag.span, message))
                .label(legal.takes()),
        );
    }
    let has = |wanted: MapFlag| flags.value.iter().find(|flag| flag.value == wanted);
    if let Some(must) = legal.must.filter(|&must| has(must).is_none()) {
        let message = format!("`{}` can't be without the flag {}", map.name, must.name());
        findings.push(
            legal
                .note(map, Diagnostic::error(Code::MapOverride, flags.span, message))
                .label(format!("add {}: these flags replace the object's", must.name())),
        );
    }
    // `bpf_map_flags_access_ok`
    if let (Some(read), Some(write)) = (has(MapFlag::RdonlyProg), has(MapFlag::WronlyProg)) {
        let message = format!("programs could neither read nor write `{}`", map.name);
        findings.push(
            Diagnostic::error(Code::MapOverride, write.span, message)
                .label("leave out one of the two")
                .other(read.span, "and this"),
        );
    }
}

/// Flags of the object's own, which the file can replace.
fn flags_of_object(model: &Model, map: &MapDefinition, legal: &Legal, findings: &mut Findings) {
    let named = |object: &&Object| object.alias.value == map.object;
    let Some(object) = model.objects.iter().find(named) else {
        return;
    };
    let Some(rule) = legal.broken_by(map.flags) else {
        return;
    };
    let message = match &MapFlag::names(map.flags)[..] {
        [] if map.flags != 0 => format!("`{}` can't have the flags {:#x}", map.name, map.flags),
        [] => format!("`{}` can't be without flags", map.name),
        names => format!("`{}` can't have the flags {}", map.name, names.join(" ")),
    };
    findings.push(
        legal
            .note(map, Diagnostic::error(Code::MapDefinition, object.alias.span, message))
            .label(rule)
            .help(format!(
                "change its definition in the object's source, or give it others here: \
                 `maps: {{ {}: {{ flags: [{}] }} }}`",
                map.name,
                legal.must.map_or("", MapFlag::name)
            )),
    );
}

fn node_of_file(map: &MapDefinition, setting: &MapSetting, legal: &Legal, findings: &mut Findings) {
    let Some(node) = &setting.numa_node else {
        return;
    };
    let has_own_lists = map.flags & MapFlag::NoCommonLru.bit() != 0;
    let lists = has_own_lists.then_some("with no_common_lru each CPU has entries of its own");
    let Some(reason) = legal.scattered.or(lists) else {
        return;
    };
    let message = format!("`{}` can't be on one NUMA node", map.name);
    findings.push(
        legal.note(map, Diagnostic::error(Code::MapOverride, node.span, message)).label(reason),
    );
}

impl Legal {
    /// The first rule that some flags break. Flags that a probe file can't give are the kernel's to judge, but
    /// for those that no kernel has.
    fn broken_by(&self, flags: u32) -> Option<String> {
        if let Some(must) = self.must.filter(|must| flags & must.bit() == 0) {
            return Some(format!("maps of its type must have `{}`", must.name()));
        }
        let wrong = MapFlag::ALL
            .into_iter()
            .any(|flag| flags & flag.bit() != 0 && !self.may.contains(&flag));
        if wrong || flags >> KNOWN_FLAGS != 0 {
            return Some(self.takes());
        }
        // `bpf_map_flags_access_ok`
        let nobody = MapFlag::RdonlyProg.bit() | MapFlag::WronlyProg.bit();
        (flags & nobody == nobody).then(|| "programs could neither read nor write it".to_owned())
    }

    /// Which flags it may be, in words.
    fn takes(&self) -> String {
        match self.may {
            [] => "maps of its type take no flags".to_owned(),
            may => {
                let names = may.iter().map(|flag| flag.name());
                format!("maps of its type take {}", listed(names, MapFlag::ALL.len()))
            }
        }
    }

    fn note(&self, map: &MapDefinition, diagnostic: Diagnostic) -> Diagnostic {
        diagnostic
            .note(format!("`{}` is a {} map", map.name, map.map_type()))
            .note(format!("the kernel's check: {}", self.source))
    }
}

/// What the kernel takes; none for types whose maps tracing programs hardly use: it decides itself.
fn legal(map_type: MapType) -> Option<Legal> {
    use MapFlag::{
        InnerMap, Mmapable, NoCommonLru, NoPrealloc, PreserveElems, RdonlyProg, StackBuildId,
        WronlyProg, ZeroSeed,
    };
    let hash = "htab_map_alloc_check (kernel/bpf/hashtab.c)";
    let array = "array_map_alloc_check (kernel/bpf/arraymap.c)";
    let descriptors = "fd_array_map_alloc_check (kernel/bpf/arraymap.c)";
    let storage = "bpf_local_storage_map_alloc_check (kernel/bpf/bpf_local_storage.c)";
    let cpus = Some("each CPU has a part of it");
    let owners = Some("its values lie with what they belong to");
    let (may, must, scattered, source): (&[MapFlag], _, _, _) = match map_type {
        MapType::HASH | MapType::HASH_OF_MAPS => {
            (&[NoPrealloc, ZeroSeed, RdonlyProg, WronlyProg], None, None, hash)
        }
        MapType::PERCPU_HASH => (&[NoPrealloc, ZeroSeed, RdonlyProg, WronlyProg], None, cpus, hash),
        MapType::LRU_HASH => (&[NoCommonLru, ZeroSeed, RdonlyProg, WronlyProg], None, None, hash),
        MapType::LRU_PERCPU_HASH => {
            (&[NoCommonLru, ZeroSeed, RdonlyProg, WronlyProg], None, cpus, hash)
        }
        MapType::ARRAY => (&[RdonlyProg, WronlyProg, Mmapable, InnerMap], None, None, array),
        MapType::PERCPU_ARRAY => (&[RdonlyProg, WronlyProg], None, cpus, array),
        MapType::PERF_EVENT_ARRAY => (&[PreserveElems], None, None, descriptors),
        MapType::PROG_ARRAY | MapType::ARRAY_OF_MAPS => (&[], None, None, descriptors),
        MapType::LPM_TRIE => {
            let source = "trie_alloc (kernel/bpf/lpm_trie.c)";
            (&[NoPrealloc, RdonlyProg, WronlyProg], Some(NoPrealloc), None, source)
        }
        MapType::RINGBUF | MapType::USER_RINGBUF => {
            (&[], None, None, "ringbuf_map_alloc (kernel/bpf/ringbuf.c)")
        }
        MapType::STACK_TRACE => {
            (&[StackBuildId], None, None, "stack_map_alloc (kernel/bpf/stackmap.c)")
        }
        MapType::QUEUE | MapType::STACK => {
            let source = "queue_stack_map_alloc_check (kernel/bpf/queue_stack_maps.c)";
            (&[RdonlyProg, WronlyProg], None, None, source)
        }
        // Of sockets, inodes, tasks and cgroups.
        MapType(24 | 28 | 29 | 32) => (&[NoPrealloc], Some(NoPrealloc), owners, storage),
        _ => return None,
    };
    Some(Legal { may, must, scattered, source })
}

#[cfg(test)]
mod tests {
    use super::legal;
    use crate::object::MapType;
    use crate::spec::MapFlag;

    #[test]
    fn flags_belong_to_types() {
        let task_storage = MapType(29);
        let preallocated = MapFlag::NoPrealloc.bit();
        let cases = [
            (MapType::HASH, preallocated, true),
            (MapType::HASH, MapFlag::NoCommonLru.bit(), false),
            (MapType::LRU_HASH, preallocated, false),
            (MapType::LRU_HASH, MapFlag::NoCommonLru.bit(), true),
            (MapType::ARRAY, MapFlag::Mmapable.bit(), true),
            (MapType::PERCPU_ARRAY, MapFlag::Mmapable.bit(), false),
            (MapType::PROG_ARRAY, MapFlag::RdonlyProg.bit(), false),
            (MapType::LPM_TRIE, 0, false),
            (MapType::LPM_TRIE, preallocated, true),
            (task_storage, 0, false),
            (task_storage, preallocated, true),
            // Flags without a name here, such as BPF_F_RDONLY, are left to the kernel.
            (MapType::HASH, 1 << 3, true),
            (MapType::HASH, 1 << 30, false),
            (MapType::HASH, MapFlag::RdonlyProg.bit() | MapFlag::WronlyProg.bit(), false),
        ];
        for (map_type, flags, good) in cases {
            let legal = legal(map_type).expect("the type is known");
            assert_eq!(legal.broken_by(flags).is_none(), good, "{map_type} with {flags:#x}");
        }
    }
}
