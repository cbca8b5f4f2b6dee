//! Whether maps can be made as the objects and the probe file want them.

use crate::desired::MapDefinition;
use crate::model::{MapSetting, Model, Object};
use crate::object::{Map, MapType};
use crate::rules::checked;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};

/// Smallest page: a ring buffer's size must be a multiple of the page size of the machine it runs on.
const PAGE_SIZE: u32 = 4096;

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    same_names_are_alike(model, findings);
    for setting in &model.maps {
        override_is_legal(model, setting, findings);
        migration_is_possible(model, setting, findings);
    }
    sizes_are_given(model, findings);
    pins_are_ours(model, findings);
}

/// Maps of one name in several objects become one map, so each object must mean the same by it.
fn same_names_are_alike(model: &Model, findings: &mut Findings) {
    for (index, object) in model.objects.iter().enumerate() {
        for map in &object.file.inventory.maps {
            let Some(first) = model.find_map(&map.name).filter(|first| first.object < index) else {
                continue;
            };
            let differences = differences(model, model.map(first), map);
            if differences.is_empty() {
                continue;
            }
            let other = &model.objects[first.object];
            findings.push(
                Diagnostic::error(
                    Code::MapConflict,
                    object.alias.span,
                    format!("`{}` is not the same map in both objects", map.name),
                )
                .label(format!("in {}", object.file.origin))
                .other(other.alias.span, format!("in {}", other.file.origin))
                .note(format!(
                    "maps of one name are one map; these differ in {}",
                    differences.join(", ")
                ))
                .help("define it alike in both, or rename one of them"),
            );
        }
    }
}

fn is_sized(model: &Model, name: &str) -> bool {
    settings(model, name).any(|setting| setting.max_entries.is_some())
}

fn settings<'m>(model: &'m Model, name: &'m str) -> impl Iterator<Item = &'m MapSetting> {
    model.maps.iter().filter(move |setting| model.map(setting.map.value).name == name)
}

/// What differs and isn't set for both by the probe file.
fn differences(model: &Model, first: &Map, second: &Map) -> Vec<String> {
    let sized = is_sized(model, &first.name);
    let flagged = settings(model, &first.name).any(|setting| setting.flags.is_some());
    let mut differences = Vec::new();
    if first.map_type != second.map_type {
        differences.push(format!("type ({} and {})", first.map_type, second.map_type));
    }
    let numbers = [
        ("key size", first.key_size, second.key_size, true),
        ("value size", first.value_size, second.value_size, true),
        ("max_entries", first.max_entries, second.max_entries, !sized),
        ("flags", first.flags, second.flags, !flagged),
    ];
    for (what, first, second, counts) in numbers {
        if counts && first != second {
            differences.push(format!("{what} ({first} and {second})"));
        }
    }
    differences
}

/// Capacities that the kernel refuses (`array_map_alloc_check`, `ringbuf_map_alloc`, `htab_map_alloc_check`).
fn override_is_legal(model: &Model, setting: &MapSetting, findings: &mut Findings) {
    let Some(max_entries) = &setting.max_entries else { return };
    let map = model.map(setting.map.value);
    let wrong = match map.map_type {
        MapType::RINGBUF if !is_ring_size(max_entries.value) => {
            Some("a ring buffer's size in bytes is a power of two and a multiple of 4096")
        }
        _ if max_entries.value == 0 => Some("a map has at least one entry"),
        _ => None,
    };
    if let Some(rule) = wrong {
        findings.push(
            Diagnostic::error(
                Code::MapOverride,
                max_entries.span,
                format!("`{}` can't have max_entries {}", map.name, max_entries.value),
            )
            .label(rule)
            .note(format!("`{}` is a {} map", map.name, map.map_type)),
        );
    }
}

/// Entries can be copied only where user space can list and store them.
fn migration_is_possible(model: &Model, setting: &MapSetting, findings: &mut Findings) {
    let Some(migrate) = setting.migrate.as_ref().filter(|migrate| migrate.value) else { return };
    let map = model.map(setting.map.value);
    if map.map_type.has_copyable_entries() {
        return;
    }
    let message = format!("the entries of `{}` can't be copied", map.name);
    findings.push(
        Diagnostic::error(Code::MapOverride, migrate.span, message)
            .label(format!("a {} map has none that could be stored in another", map.map_type))
            .help("leave `migrate` out: `plan` says when data would be lost"),
    );
}

fn is_ring_size(bytes: u32) -> bool {
    bytes.is_power_of_two() && bytes.is_multiple_of(PAGE_SIZE)
}

/// Objects may leave a capacity to the loader; somebody has to give it.
fn sizes_are_given(model: &Model, findings: &mut Findings) {
    for map in checked::maps(model) {
        if map.max_entries > 0 || !has_capacity(map.map_type()) || is_sized(model, &map.name) {
            continue;
        }
        let Some(object) = object_of(model, &map) else { continue };
        findings.push(
            Diagnostic::error(
                Code::MapOverride,
                object.alias.span,
                format!("`{}` has no max_entries", map.name),
            )
            .note(format!(
                "{} leaves the capacity of `{}` to the loader",
                object.file.origin, map.name
            ))
            .help(format!("give it: `maps: {{ {}: {{ max_entries: 1024 }} }}`", map.name)),
        );
    }
}

/// Other loaders share maps that ask for it (`LIBBPF_PIN_BY_NAME`) with whoever pinned one of the same
/// name. Here every probe has its own, so that no probe finds another's programs or data.
fn pins_are_ours(model: &Model, findings: &mut Findings) {
    let made = checked::maps(model);
    for object in &model.objects {
        let asks = |map: &&Map| map.pin_by_name && made.iter().any(|made| made.name == map.name);
        for map in object.file.inventory.maps.iter().filter(asks) {
            findings.push(
                Diagnostic::warning(
                    Code::PinIgnored,
                    object.alias.span,
                    format!("`{}` is not shared with other probes", map.name),
                )
                .label("the object asks for a map that is pinned by its name")
                .note("each probe has maps of its own, pinned in the probe's directory")
                .help("to share a map, use its objects in one probe file"),
            );
        }
    }
}

fn object_of<'a>(model: &'a Model, map: &MapDefinition) -> Option<&'a Object> {
    model.objects.iter().find(|object| object.alias.value == map.object)
}

/// Storage maps have no capacity, and a perf event array's is the number of CPUs.
fn has_capacity(map_type: MapType) -> bool {
    map_type != MapType::PERF_EVENT_ARRAY && !map_type.is_storage()
}
