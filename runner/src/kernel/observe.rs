//! What is there of a probe: pins and the kernel's infos about them, as [`Live`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::desired::{Generation, ProgramRef};
use crate::kernel::error::{Error, Phase};
use crate::kernel::maps::Map;
use crate::kernel::pins::{self, LinkName, PinDir};
use crate::kernel::state::{self, Recalled};
use crate::kernel::sys;
use crate::live::{Live, LiveLink, LiveMap, LiveProgram, LiveSlot, Record};
use crate::object::MapType;

/// The probes that are applied, by name: those that have pins or a state file.
pub fn probes() -> Result<Vec<String>, Error> {
    let mut probes = pins::pinned_probes()?;
    probes.extend(state::remembered_probes()?);
    probes.sort_unstable();
    probes.dedup();
    Ok(probes)
}

/// How often to look at a probe that somebody changes meanwhile, and how long to wait in between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// What is there of an applied probe; `None` if nothing is. While another process changes it, what was listed may be gone
/// before it is looked at, or be of two states: then it is looked at again.
pub fn observe(probe: &str) -> Result<Option<Live>, Error> {
    if !is_probe_name(probe) {
        return Ok(None);
    }
    for _ in 1..TRIES {
        let Ok(before) = moment(probe) else { break };
        let found = glance(probe);
        if moment(probe).is_ok_and(|after| after == before) {
            return found;
        }
        sleep(PAUSE);
    }
    glance(probe)
}

/// The same at the first look, for who compares moments before and after anyway.
pub fn glance(probe: &str) -> Result<Option<Live>, Error> {
    if !is_probe_name(probe) {
        return Ok(None);
    }
    let (record, unreadable) = match state::recall(probe)? {
        Recalled::Nothing => (None, None),
        Recalled::Record(record) => (Some(*record), None),
        Recalled::Unreadable(why) => (None, Some(why)),
    };
    let pins = PinDir::persistent(probe);
    let unfinished_replacement =
        PinDir::replacement(probe).exists()? || pins.has_unfinished_exchange()?;
    let is_remembered = record.is_some() || unreadable.is_some();
    if !is_remembered && !pins.exists()? && !unfinished_replacement {
        return Ok(None);
    }
    let mut live = observe_pins(probe, &pins.present()?, record)?;
    live.unfinished_replacement = unfinished_replacement;
    live.unreadable = unreadable;
    Ok(Some(live))
}

/// What changes when a probe is applied, changed or deleted: two readings with the same in between are of one state.
#[derive(Debug, PartialEq, Eq)]
pub struct Moment {
    pins: Option<u64>,
    names: Vec<Vec<String>>,
    state: Option<state::Stamp>,
}

/// What there is of a probe now.
pub fn moment(probe: &str) -> Result<Moment, Error> {
    let pins = PinDir::persistent(probe);
    let directories = [pins.links(), pins.programs(), pins.maps()];
    let names = directories.iter().map(|directory| {
        let mut names = pins.names(directory)?;
        names.sort_unstable();
        Ok(names)
    });
    Ok(Moment {
        names: names.collect::<Result<_, Error>>()?,
        pins: pins.inode(),
        state: state::stamp(probe),
    })
}

/// Whether a name can be a probe's, `[a-z][a-z0-9-]*`: nothing else becomes part of a path.
pub fn is_probe_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// What is in a directory of pins, a private one included.
pub fn observe_pins(probe: &str, pins: &PinDir, record: Option<Record>) -> Result<Live, Error> {
    let programs = programs(pins)?;
    let maps = maps(pins)?;
    let own: BTreeMap<u32, &ProgramRef> =
        programs.iter().map(|program| (program.id, &program.program)).collect();
    let generations = record.iter().flat_map(|record| &record.desired.generations);
    let mut bases = Vec::new();
    for generation in generations {
        bases.extend(base(pins, generation)?.map(|base| (generation.map.clone(), base)));
    }
    let mut slots = Vec::new();
    let mut unused_slots = Vec::new();
    for map in maps.iter().filter(|map| map.map_type == MapType::PROG_ARRAY) {
        let base = bases.iter().find(|(name, _)| *name == map.name).map(|(_, base)| *base);
        let size = if base.is_some() { map.max_entries / 2 } else { map.max_entries };
        for (place, program_id) in Map::open(pins, &map.name)?.slots()? {
            match place.checked_sub(base.unwrap_or(0)).filter(|index| *index < size) {
                Some(index) => slots.push(LiveSlot {
                    map: map.name.clone(),
                    index,
                    program_id,
                    program: own.get(&program_id).map(|program| (*program).clone()),
                }),
                None => unused_slots.push((map.name.clone(), place)),
            }
        }
    }
    Ok(Live {
        probe: probe.to_owned(),
        bases,
        record,
        unreadable: None,
        unfinished_replacement: false,
        links: links(pins)?,
        programs,
        maps,
        slots,
        unused_slots,
    })
}

/// Where the half of a PROG_ARRAY begins that is in use; `None` if the variable that says it is gone.
fn base(pins: &PinDir, generation: &Generation) -> Result<Option<u32>, Error> {
    let variables = generation.variables();
    if !pins.map(&variables).exists() {
        return Ok(None);
    }
    let section = Map::open(pins, &variables)?.lookup(&0u32.to_ne_bytes())?.unwrap_or_default();
    let bytes = section.get(generation.offset as usize..).and_then(<[u8]>::first_chunk);
    Ok(bytes.map(|bytes| u32::from_ne_bytes(*bytes)))
}

fn links(pins: &PinDir) -> Result<Vec<LiveLink>, Error> {
    let directory = pins.links();
    let mut links = Vec::new();
    for pin in pins.names(&directory)? {
        // A pin that somebody else put there is none of ours.
        let Some(name) = LinkName::parse(&pin) else {
            continue;
        };
        let info = look(&directory.join(&pin), |fd| sys::link_info(fd.as_fd()))?;
        links.push((
            name.order,
            LiveLink {
                pin,
                id: info.id,
                program_id: info.prog_id,
                program: name.program,
                missed: info.missed,
            },
        ));
    }
    links.sort_by_key(|(order, _)| *order);
    Ok(links.into_iter().map(|(_, link)| link).collect())
}

fn programs(pins: &PinDir) -> Result<Vec<LiveProgram>, Error> {
    let directory = pins.programs();
    let mut programs = Vec::new();
    for pin in pins.names(&directory)? {
        let Some(program) = pins::program_of_pin(&pin) else {
            continue;
        };
        let info = look(&directory.join(&pin), |fd| sys::prog_info(fd.as_fd()))?;
        programs.push(LiveProgram {
            pin,
            program,
            id: info.id,
            tag: hex(&info.tag),
            program_type: program_type_name(info.prog_type).to_owned(),
            loaded_at: info.load_time,
            run_count: info.run_cnt,
            run_time_ns: info.run_time_ns,
            recursion_misses: info.recursion_misses,
        });
    }
    programs.sort_by(|a, b| a.pin.cmp(&b.pin));
    Ok(programs)
}

fn maps(pins: &PinDir) -> Result<Vec<LiveMap>, Error> {
    let directory = pins.maps();
    let mut maps = Vec::new();
    for pin in pins.names(&directory)? {
        let info = look(&directory.join(&pin), |fd| sys::map_info(fd.as_fd()))?;
        maps.push(LiveMap {
            name: pins::map_name(&pin),
            id: info.id,
            map_type: MapType(info.map_type),
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
        });
    }
    maps.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(maps)
}

fn look<T>(path: &Path, ask: impl Fn(&OwnedFd) -> io::Result<T>) -> Result<T, Error> {
    sys::obj_get(path).and_then(|fd| ask(&fd)).map_err(|error| {
        let result = Error::from_io(Phase::Observe, path.display().to_string(), &error);
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => result.hint("run it as root"),
            _ => result,
        }
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `enum bpf_prog_type` as the kernel's documentation spells it.
fn program_type_name(number: u32) -> &'static str {
    match number {
        2 => "kprobe",
        5 => "tracepoint",
        7 => "perf_event",
        17 => "raw_tracepoint",
        26 => "tracing",
        28 => "ext",
        29 => "lsm",
        _ => "other",
    }
}
