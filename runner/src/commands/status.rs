//! `probe-runner status`: what runs, as the kernel tells it.

use crate::commands::{Format, Outcome, applied, attached};
use crate::desired::ProgramRef;
use crate::kernel::observe;
use crate::live::{AttachmentRecord, LinkKeeper, Live, LiveProgram};
use crate::plan::drift;
use crate::read::sinks;
use crate::readout;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;

/// Shows the named probes, or every probe that is applied.
///
/// # Errors
/// A named probe isn't applied, or the kernel can't be asked.
pub fn run(names: &[String], format: Format, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let names = if names.is_empty() { observe::probes()? } else { names.to_vec() };
    let probes = names.iter().map(|name| applied::find(name)).collect::<Result<Vec<_>, _>>()?;
    match format {
        Format::Human => {
            if probes.is_empty() {
                writeln!(out, "no probe is applied")?;
            }
            for (index, live) in probes.iter().enumerate() {
                if index > 0 {
                    writeln!(out)?;
                }
                human(live, out)?;
            }
        }
        Format::Json => {
            let probes: Vec<Value> = probes.iter().map(document).collect();
            let document = json!({ "schema_version": 1, "probes": probes });
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)?;
        }
    }
    Ok(Outcome::Done)
}

/// `attached`, `degraded` where something differs from what was applied, `incomplete` where an apply
/// was interrupted.
fn state(live: &Live) -> &'static str {
    if live.record.is_none() || live.unfinished_replacement {
        "incomplete"
    } else if drift(live).is_empty() {
        "attached"
    } else {
        "degraded"
    }
}

fn human(live: &Live, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "probe/{} {}", live.probe, state(live))?;
    if let Some(record) = &live.record {
        writeln!(out, "  file      {}", record.desired.file)?;
        for object in &record.desired.objects {
            let digest = object.sha256.get(..12).unwrap_or(&object.sha256);
            writeln!(out, "  object    {} = {} (sha256 {digest}…)", object.alias, object.origin)?;
        }
    }
    for attachment in live.attachments() {
        match attached::line(attachment) {
            Some(line) => writeln!(out, "  attached  {line}")?,
            None => writeln!(out, "  left out  the kernel has no such target")?,
        }
        for reason in attached::reasons(attachment) {
            writeln!(out, "            {reason}")?;
        }
    }
    for program in &live.programs {
        writeln!(out, "  program   {}", program_line(program))?;
    }
    for map in &live.maps {
        writeln!(
            out,
            "  map       {} id {}, {}, max_entries {}",
            map.name, map.id, map.map_type, map.max_entries
        )?;
    }
    for (map, slots) in slots(live) {
        writeln!(out, "  slots     {map}: {slots}")?;
    }
    for line in swapped(live) {
        writeln!(out, "  swapped   {line}")?;
    }
    for reason in drift(live) {
        writeln!(out, "  drift     {reason}")?;
    }
    if state(live) != "attached" {
        writeln!(
            out,
            "  next      `probe-runner apply` its file again, or `probe-runner delete {}`",
            live.probe
        )?;
    }
    sinks::table::write_loss(out, &readout::losses(live))?;
    out.flush()?;
    attached::warn(&live.probe, live.attachments());
    Ok(())
}

fn program_line(program: &LiveProgram) -> String {
    let mut line = format!(
        "{}/{} id {}, tag {}, {}",
        program.program.object, program.program.name, program.id, program.tag, program.program_type
    );
    // The kernel counts runs only while statistics are switched on.
    if let Some(each) = program.run_time_ns.checked_div(program.run_count) {
        line.push_str(&format!(", {} runs, {each} ns each", program.run_count));
    }
    line
}

/// What was swapped since the probe's file was applied, and how it comes back.
fn swapped(live: &Live) -> Vec<String> {
    let Some(record) = &live.record else { return Vec::new() };
    let Some(swapped) = &record.swapped else { return Vec::new() };
    let name = |program: &ProgramRef| format!("{}/{}", program.object, program.name);
    let slots = swapped.slots(&record.desired).into_iter();
    let mut lines: Vec<String> = slots
        .map(|slot| {
            let file = slot.file.map_or_else(|| "nothing".to_owned(), name);
            format!("{} {}: {} instead of {file}", slot.map, slot.index, name(slot.now))
        })
        .collect();
    lines.push(format!(
        "`probe-runner swap {} --revert`, or `apply` of its file, puts the file's back",
        live.probe
    ));
    lines
}

/// Slots by map; neighbours with the same program are one range.
fn slots(live: &Live) -> BTreeMap<&str, String> {
    let mut ranges: BTreeMap<&str, Vec<(u32, u32, String)>> = BTreeMap::new();
    for slot in &live.slots {
        let program = slot.program.as_ref().map_or_else(
            || format!("program id {} (not of this probe)", slot.program_id),
            |program| format!("{}/{}", program.object, program.name),
        );
        let of_map = ranges.entry(slot.map.as_str()).or_default();
        match of_map.last_mut() {
            Some((_, last, name)) if *last + 1 == slot.index && *name == program => {
                *last = slot.index;
            }
            _ => of_map.push((slot.index, slot.index, program)),
        }
    }
    let text = |(first, last, program): (u32, u32, String)| {
        if first == last {
            format!("{first} {program}")
        } else {
            format!("{first}-{last} {program}")
        }
    };
    ranges
        .into_iter()
        .map(|(map, ranges)| (map, ranges.into_iter().map(text).collect::<Vec<_>>().join(", ")))
        .collect()
}

fn document(live: &Live) -> Value {
    let desired = live.record.as_ref().map(|record| &record.desired);
    json!({
        "probe": live.probe,
        "file": desired.map(|desired| &desired.file),
        "description": desired.and_then(|desired| desired.description.as_ref()),
        "state": state(live),
        "applied_at": live.record.as_ref().map(|record| record.applied_at),
        "objects": desired.map(|desired| &desired.objects),
        "attachments": live.attachments().iter().map(|one| attachment(live, one)).collect::<Vec<_>>(),
        "programs": live.programs.iter().map(program).collect::<Vec<_>>(),
        "maps": live.maps.iter().map(|map| json!({
            "name": map.name,
            "id": map.id,
            "type": map.map_type.to_string(),
            "key_size": map.key_size,
            "value_size": map.value_size,
            "max_entries": map.max_entries,
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

fn program(program: &LiveProgram) -> Value {
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
    })
}
