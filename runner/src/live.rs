//! What runs, as plain data: what the state file remembers and what the kernel was seen to hold.
//!
//! Planning is a pure function of these types, so a test can write them by hand. Nothing here talks
//! to the kernel or to a file.

use serde::{Deserialize, Serialize};

use crate::desired::{Desired, Hook, ProgramRef};
use crate::object::MapType;

/// What the kernel can't keep: which file and objects the pins came from, and what was chosen.
///
/// It is written when everything else is done; where it is missing, an `apply` was interrupted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this shape: [`Record::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What was asked for.
    pub desired: Desired,
    /// What became of each of its attachments, in the same order.
    pub attachments: Vec<AttachmentRecord>,
    /// Its programs, as they were loaded.
    pub programs: Vec<ProgramRecord>,
    /// Its maps, those of variables included.
    pub maps: Vec<MapRecord>,
    /// When it was applied, in seconds since 1970.
    pub applied_at: u64,
    /// What the file asks for, where slots were swapped since.
    pub swapped: Option<Swapped>,
}

/// That slots hold something else than the file says, because somebody swapped them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swapped {
    /// What the file asks for.
    pub file: Box<Desired>,
    /// Swaps for a while that aren't over, in the order in which they were made.
    #[serde(default)]
    pub temporary: Vec<Temporary>,
}

/// A swap for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Temporary {
    /// When it was asked for, in nanoseconds since 1970: tells one from another.
    pub at: u64,
    /// Its slots.
    pub slots: Vec<Replaced>,
}

/// A slot that is to hold again what it held before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The PROG_ARRAY.
    pub map: String,
    /// The index.
    pub index: u32,
    /// What it held; `None` if it was empty.
    pub before: Option<ProgramRef>,
}

impl Replaced {
    /// Whether it is this slot.
    pub fn is(&self, map: &str, index: u32) -> bool {
        self.map == map && self.index == index
    }
}

/// What became of one attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentRecord {
    /// The alternative that the kernel took; `None` if the attachment was left out, as its
    /// `on_missing` allows.
    pub chosen: Option<Hook>,
    /// Its links, in the order in which they were attached.
    pub links: Vec<LinkRecord>,
    /// The alternatives before it, or all of them where none was taken, and why.
    pub passed_over: Vec<PassedOver>,
}

/// One link of an attachment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// The program that it runs.
    pub program: ProgramRef,
    /// Where it is kept.
    pub keeper: LinkKeeper,
}

/// What keeps a link alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKeeper {
    /// A pin below the probe's `links` directory.
    Pin {
        /// The pin's name.
        name: String,
        /// The link's id.
        id: u32,
    },
    /// The process itself: kernels before 5.15 have no links for perf events.
    Process,
}

/// A program that was loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramRecord {
    /// Which it is.
    pub program: ProgramRef,
    /// What it was verified for, where its type wants that.
    pub target: Option<String>,
    /// Its pin below the probe's `programs` directory.
    pub pin: String,
    /// Its id.
    pub id: u32,
}

/// A map that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapRecord {
    /// Its symbol; `OBJECT:.SECTION` for an object's variables.
    pub name: String,
    /// Its id.
    pub id: u32,
}

/// An alternative that the kernel didn't take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// The alternative.
    pub hook: Hook,
    /// Why, in one sentence.
    pub reason: String,
}

/// What is there of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The probe's name.
    pub probe: String,
    /// What the state file says; `None` if there are pins without one, which an interrupted
    /// `apply` leaves behind.
    pub record: Option<Record>,
    /// Why the state file isn't understood, if there is one that isn't; there is no record then.
    pub unreadable: Option<String>,
    /// Whether pins of a replacement that was never finished lie beside the probe's own.
    pub unfinished_replacement: bool,
    /// Its links, in the order in which they were attached.
    pub links: Vec<LiveLink>,
    /// Its programs, by object and name.
    pub programs: Vec<LiveProgram>,
    /// Its maps, by name.
    pub maps: Vec<LiveMap>,
    /// The occupied slots of its PROG_ARRAYs that are in use.
    pub slots: Vec<LiveSlot>,
    /// Occupied slots of the halves that are not in use, as indices of the array itself.
    pub unused_slots: Vec<(String, u32)>,
    /// For PROG_ARRAYs of which all slots change at once: where the half in use begins.
    pub bases: Vec<(String, u32)>,
}

/// A pinned link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveLink {
    /// The pin's name.
    pub pin: String,
    /// The link's id.
    pub id: u32,
    /// Id of the program that it runs.
    pub program_id: u32,
    /// The program, as the pin's name says.
    pub program: ProgramRef,
    /// For kprobes and kretprobes, on kernels that tell (6.7 and later): hits that were not served.
    pub missed: Option<u64>,
}

/// A pinned program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveProgram {
    /// The pin's name.
    pub pin: String,
    /// Which program it is.
    pub program: ProgramRef,
    /// Its id.
    pub id: u32,
    /// The kernel's digest of its instructions, in hexadecimal.
    pub tag: String,
    /// Its type, as the kernel's documentation spells it: `tracing`, `kprobe`, ….
    pub program_type: String,
    /// When it was loaded, in nanoseconds of the boot-time clock.
    pub loaded_at: u64,
    /// How often it ran while `bpf_stats_enabled` was on; tail-called programs count for their caller.
    pub run_count: u64,
    /// How long it ran in all while `bpf_stats_enabled` was on, in nanoseconds.
    pub run_time_ns: u64,
    /// Events that the kernel skipped because the program was already running on the CPU; `None`
    /// on kernels that don't tell (before 5.12).
    pub recursion_misses: Option<u64>,
}

/// A pinned map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveMap {
    /// The map's symbol; `OBJECT:.SECTION` for an object's variables.
    pub name: String,
    /// Its id.
    pub id: u32,
    /// Its type.
    pub map_type: MapType,
    /// Key size in bytes.
    pub key_size: u32,
    /// Value size in bytes; of one CPU's value for per-CPU maps.
    pub value_size: u32,
    /// Capacity in entries (ring buffers: bytes).
    pub max_entries: u32,
}

/// An occupied slot of a PROG_ARRAY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSlot {
    /// The PROG_ARRAY.
    pub map: String,
    /// The index, counted from where the half in use begins.
    pub index: u32,
    /// Id of the program in it.
    pub program_id: u32,
    /// The program, if it is one of the probe's own.
    pub program: Option<ProgramRef>,
}

/// Something that makes the probe's numbers too small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// Which counter says so: `recursion_misses` or `missed`.
    pub what: &'static str,
    /// The program.
    pub place: String,
    /// How many; never 0.
    pub count: u64,
    /// What that means to whoever reads the numbers.
    pub meaning: &'static str,
}

impl Record {
    /// The version that this program reads and writes.
    pub const SCHEMA_VERSION: u32 = 2;
}

impl AttachmentRecord {
    /// The ids of its pinned links.
    pub fn link_ids(&self) -> impl Iterator<Item = u32> {
        self.links.iter().filter_map(|link| match &link.keeper {
            LinkKeeper::Pin { id, .. } => Some(*id),
            LinkKeeper::Process => None,
        })
    }
}

impl Swapped {
    /// The slots that differ from the file: what they hold now (nothing for those that are empty), and
    /// what the file says.
    pub fn slots<'a>(&'a self, now: &'a Desired) -> Vec<SwappedSlot<'a>> {
        let before = |map: &str, index: u32| {
            let mut slots = self.file.slots.iter();
            slots.find(|slot| slot.map == map && slot.index == index).map(|slot| &slot.program)
        };
        now.slots
            .iter()
            .map(|slot| SwappedSlot {
                map: &slot.map,
                index: slot.index,
                now: &slot.program,
                file: before(&slot.map, slot.index),
                is_temporary: self
                    .temporary
                    .iter()
                    .flat_map(|temporary| &temporary.slots)
                    .any(|own| own.is(&slot.map, slot.index)),
            })
            .filter(|slot| slot.file != Some(slot.now))
            .collect()
    }
}

/// One slot that was swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwappedSlot<'a> {
    /// The PROG_ARRAY.
    pub map: &'a str,
    /// The index.
    pub index: u32,
    /// What it holds.
    pub now: &'a ProgramRef,
    /// What the file says it holds; `None` if it is to be empty.
    pub file: Option<&'a ProgramRef>,
    /// Whether it comes back by itself.
    pub is_temporary: bool,
}

impl Live {
    /// The counters of the kernel that are not zero and say that events were lost.
    pub fn misses(&self) -> Vec<Miss> {
        let skipped = self.programs.iter().map(|program| Miss {
            what: "recursion_misses",
            place: program.program.name.clone(),
            count: program.recursion_misses.unwrap_or(0),
            meaning: "events that the kernel skipped because the program, or one of its kind, was \
                      already running on that CPU",
        });
        let unserved = self.links.iter().map(|link| Miss {
            what: "missed",
            place: link.program.name.clone(),
            count: link.missed.unwrap_or(0),
            meaning: "calls of the function that the kprobe or kretprobe did not serve",
        });
        skipped.chain(unserved).filter(|miss| miss.count > 0).collect()
    }

    /// How many slots a PROG_ARRAY has for its programs: of one with two halves those of a half.
    pub fn places(&self, map: &str) -> u32 {
        let size = self.maps.iter().find(|one| one.name == map).map_or(0, |one| one.max_entries);
        if self.bases.iter().any(|(name, _)| name == map) { size / 2 } else { size }
    }

    /// Where the part of a PROG_ARRAY begins that is in use: 0 but for those with two halves.
    pub fn base(&self, map: &str) -> u32 {
        self.bases.iter().find(|(name, _)| name == map).map_or(0, |(_, base)| *base)
    }

    /// The attachments that the state file tells of; none without one.
    pub fn attachments(&self) -> &[AttachmentRecord] {
        self.record.as_ref().map_or(&[], |record| &record.attachments)
    }
}
