//! The status of a probe for programs.

use super::{Measured, Shown};
use crate::commands::attached;
use crate::live::{AttachmentRecord, LinkKeeper, Live, LiveProgram};
use crate::plan::{drift, state};
use crate::readout;
use serde_json::{Value, json};

/// Its JSON.
pub fn of(shown: &Shown) -> Value {
    let live = &shown.live;
    let desired = live.record.as_ref().map(|record| &record.desired);
    json!({
        "probe": live.probe,
        "file": desired.map(|desired| &desired.file),
        "description": desired.and_then(|desired| desired.description.as_ref()),
        "state": state(live),
        "unreadable": live.unreadable,
        "applied_at": live.record.as_ref().map(|record| record.applied_at),
        "objects": desired.map(|desired| &desired.objects),
        "attachments": live.attachments().iter().map(|one| attachment(live, one)).collect::<Vec<_>>(),
        "programs": live.programs.iter().map(|one| program(one, shown.measured.as_ref())).collect::<Vec<_>>(),
        "maps": live.maps.iter().map(|map| json!({
            "name": map.name,
            "id": map.id,
            "type": map.map_type.to_string(),
            "key_size": map.key_size,
            "value_size": map.value_size,
            "max_entries": map.max_entries,
            "entries": shown.fill.get(&map.name),
        })).collect::<Vec<_>>(),
        "slots": live.slots.iter().map(|slot| json!({
            "map": slot.map,
            "index": slot.index,
            "program": slot.program.as_ref().map(|program| &program.name),
            "object": slot.program.as_ref().map(|program| &program.object),
            "program_id": slot.program_id,
        })).collect::<Vec<_>>(),
        "swapped": live.record.as_ref().and_then(|record| {
            let swapped = record.swapped.as_ref()?;
            let slots = swapped.slots(&record.desired).into_iter().map(|slot| json!({
                "map": slot.map, "index": slot.index, "program": slot.now, "file": slot.file,
                "for_a_while": slot.is_temporary,
            }));
            Some(slots.collect::<Vec<_>>())
        }),
        "loss": readout::losses(live),
        "drift": drift(live).iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// The attachment with the ids of its links.
fn attachment(live: &Live, attachment: &AttachmentRecord) -> Value {
    let links: Vec<Value> = attachment
        .links
        .iter()
        .map(|link| {
            let id = match &link.keeper {
                LinkKeeper::Pin { name, .. } => {
                    live.links.iter().find(|live| live.pin == *name).map(|live| live.id)
                }
                LinkKeeper::Process => None,
            };
            json!({ "id": id, "program": link.program.name })
        })
        .collect();
    let mut document = attached::document(attachment);
    document["links"] = Value::from(links);
    document
}

fn program(program: &LiveProgram, measured: Option<&Measured>) -> Value {
    let runs = measured.and_then(|measured| measured.runs.get(&program.id));
    json!({
        "object": program.program.object,
        "name": program.program.name,
        "id": program.id,
        "tag": program.tag,
        "type": program.program_type,
        "loaded_at": program.loaded_at,
        "run_count": program.run_count,
        "run_time_ns": program.run_time_ns,
        "recursion_misses": program.recursion_misses,
        "measured": measured.zip(runs).map(|(measured, runs)| json!({
            "seconds": measured.time.as_secs_f64(),
            "runs": runs.count,
            "run_time_ns": runs.nanoseconds,
            "ns_per_run": runs.each(),
        })),
    })
}
