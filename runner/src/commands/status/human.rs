//! The status of a probe for people.

use super::{Runs, Shown};
use crate::commands::attached;
use crate::desired::ProgramRef;
use crate::kernel::since_boot;
use crate::live::{Live, LiveMap, LiveProgram, SwappedSlot};
use crate::object::MapType;
use crate::plan::{drift, state};
use crate::read::sinks;
use crate::readout;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

/// Writes it, a line for each thing.
pub fn write(shown: &Shown, out: &mut impl Write) -> anyhow::Result<()> {
    let live = &shown.live;
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
        writeln!(out, "  program   {}", program_line(program, shown))?;
    }
    for map in &live.maps {
        writeln!(out, "  map       {}", map_line(map, shown))?;
    }
    for (map, slots) in slots(live) {
        writeln!(out, "  slots     {map}: {slots}")?;
    }
    for line in swapped(live) {
        writeln!(out, "  swapped   {line}")?;
    }
    if let Some(why) = &live.unreadable {
        writeln!(out, "  state     not understood: {why}")?;
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
    Ok(())
}

fn program_line(program: &LiveProgram, shown: &Shown) -> String {
    let mut line = format!(
        "{}/{} id {}, tag {}, {}",
        program.program.object, program.program.name, program.id, program.tag, program.program_type
    );
    if let Some(age) = since_boot().checked_sub(Duration::from_nanos(program.loaded_at)) {
        let age = humantime::format_duration(Duration::from_secs(age.as_secs()));
        line.push_str(&format!(", loaded {age} ago"));
    }
    let measured = shown.measured.as_ref();
    match measured.and_then(|measured| Some((measured, measured.runs.get(&program.id)?))) {
        Some((_, Runs { count: 0, .. })) if is_handler(program, &shown.live) => {
            line.push_str(", its runs count for whoever calls it");
        }
        Some((measured, runs)) => {
            let time = humantime::format_duration(measured.time);
            line.push_str(&format!(", {} runs in {time}", runs.count));
            if let Some(each) = runs.each() {
                line.push_str(&format!(", {each} ns each"));
            }
        }
        // The kernel counts runs only while somebody has switched statistics on.
        None => {
            if let Some(each) = program.run_time_ns.checked_div(program.run_count) {
                line.push_str(&format!(", {} runs, {each} ns each", program.run_count));
            }
        }
    }
    line
}

/// Whether a program sits in a slot: the kernel counts and times it with the one that was attached.
fn is_handler(program: &LiveProgram, live: &Live) -> bool {
    live.slots.iter().any(|slot| slot.program_id == program.id)
}

fn map_line(map: &LiveMap, shown: &Shown) -> String {
    let size = match (map.map_type, shown.fill.get(&map.name)) {
        (MapType::RINGBUF | MapType::USER_RINGBUF, _) => format!("{} bytes", map.max_entries),
        (_, Some(entries)) => {
            let percent = entries * 100 / u64::from(map.max_entries.max(1));
            format!("{entries} of {} entries ({percent} %)", map.max_entries)
        }
        (_, None) => format!("max_entries {}", map.max_entries),
    };
    format!("{} id {}, {}, {size}", map.name, map.id, map.map_type)
}

/// What was swapped since the probe's file was applied, and how it comes back. Neighbouring slots that were swapped alike
/// are one line.
fn swapped(live: &Live) -> Vec<String> {
    let Some(record) = &live.record else { return Vec::new() };
    let Some(swapped) = &record.swapped else { return Vec::new() };
    let name = |program: &ProgramRef| format!("{}/{}", program.object, program.name);
    let slots = swapped.slots(&record.desired);
    let alike = slots.chunk_by(|a, b| SwappedSlot { index: a.index + 1, ..*a } == *b);
    let mut lines: Vec<String> = alike
        .map(|run| {
            let (first, last) = (&run[0], &run[run.len() - 1]);
            let file = first.file.map_or_else(|| "nothing".to_owned(), name);
            let place = range(first.index, last.index);
            let how = if first.is_temporary { ", for a while" } else { "" };
            format!("{} {place}: {} instead of {file}{how}", first.map, name(first.now))
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
    let text =
        |(first, last, program): (u32, u32, String)| format!("{} {program}", range(first, last));
    ranges
        .into_iter()
        .map(|(map, ranges)| {
            let filled = live.slots.iter().filter(|slot| slot.map == map).count();
            let ranges: Vec<String> = ranges.into_iter().map(text).collect();
            (map, format!("{filled} of {} filled: {}", live.places(map), ranges.join(", ")))
        })
        .collect()
}

fn range(first: u32, last: u32) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}
