//! A probe whose every name is bound to what the objects hold. The rules look at it.
//!
//! It keeps the positions of what was written. Names that could not be bound were reported when the
//! model was made and are left out of it.

use crate::btf::Layout;
use crate::desired::{self, Argument, Decoder, Details, HookKind, Metric, OnMissing, Plot};
use crate::object::store::ObjectFile;
use crate::object::{Global, Map, Program};
use crate::read::{Columns, Value};
use crate::spec::MapFlag;
use crate::text::source::{At, SourceId};
use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// One probe.
#[derive(Debug)]
pub struct Model {
    /// The file it was written in.
    pub source: SourceId,
    /// The file's path, as the user named it.
    pub file: String,
    /// The probe's name.
    pub name: At<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Its objects, in the order of the file.
    pub objects: Vec<Object>,
    /// Variables that are set.
    pub globals: Vec<GlobalSetting>,
    /// Maps that are changed.
    pub maps: Vec<MapSetting>,
    /// What is attached.
    pub attach: Vec<Attachment>,
    /// Slots by PROG_ARRAY.
    pub tail_calls: Vec<Table>,
    /// Maps that are shown differently.
    pub views: Vec<View>,
    /// What is proven by running programs without attaching them.
    pub tests: Vec<Test>,
}

/// An object and its name in the probe.
#[derive(Debug)]
pub struct Object {
    /// `main` where the file gives none.
    pub alias: At<String>,
    /// The object.
    pub file: Arc<ObjectFile>,
}

/// A program by its place in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId {
    /// Index of the object.
    pub object: usize,
    /// Index of the program in the object's inventory.
    pub program: usize,
}

/// A map by its place in the model: maps of the same name are one map, this is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapId {
    /// Index of the object.
    pub object: usize,
    /// Index of the map in the object's inventory.
    pub map: usize,
}

/// A variable by its place in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalId {
    /// Index of the object.
    pub object: usize,
    /// Index of the variable in the object's inventory.
    pub global: usize,
}

/// A variable and the value it gets.
#[derive(Debug)]
pub struct GlobalSetting {
    /// Index of the object.
    pub object: usize,
    /// Index of the variable in the object's inventory.
    pub global: usize,
    /// What is stored.
    pub value: At<desired::Value>,
}

/// A map and what is changed of it.
#[derive(Debug)]
pub struct MapSetting {
    /// The map.
    pub map: At<MapId>,
    /// Its new capacity.
    pub max_entries: Option<At<u32>>,
    /// Its flags instead of the object's.
    pub flags: Option<At<Vec<At<MapFlag>>>>,
    /// The NUMA node that its memory is to be on.
    pub numa_node: Option<At<u32>>,
    /// Whether its entries are copied when it is made anew, and where that was written.
    pub migrate: Option<At<bool>>,
}

impl MapSetting {
    /// `map_flags` as the file wants them, if it says so.
    pub fn map_flags(&self) -> Option<u32> {
        let flags = self.flags.as_ref()?;
        Some(flags.value.iter().fold(0, |bits, flag| bits | flag.value.bit()))
    }
}

/// The first of some hooks that a kernel takes.
#[derive(Debug)]
pub struct Attachment {
    /// At least one.
    pub alternatives: Vec<Hook>,
    /// What to do if none of the targets exists.
    pub on_missing: OnMissing,
}

/// Programs at a place of the kernel.
#[derive(Debug)]
pub struct Hook {
    /// How they are attached, and where that was written.
    pub kind: At<HookKind>,
    /// A function, a tracepoint's or an event's name; empty where the offset says it all.
    pub target: At<String>,
    /// Bytes from the function's beginning.
    pub offset: u64,
    /// What the kind needs besides.
    pub details: Details,
    /// What the program gets with `bpf_get_attach_cookie`.
    pub cookie: Option<u64>,
    /// The program; the entry's of a pair.
    pub program: At<ProgramId>,
    /// The return's of a pair.
    pub return_program: Option<At<ProgramId>>,
}

/// A PROG_ARRAY and its slots.
#[derive(Debug)]
pub struct Table {
    /// The map.
    pub map: At<MapId>,
    /// The variable by which all slots change at once.
    pub generation: Option<At<GlobalId>>,
    /// The entries of the file.
    pub slots: Vec<SlotEntry>,
}

/// One entry of a table: one program in one slot or several.
#[derive(Debug)]
pub struct SlotEntry {
    /// How the slots were written.
    pub key: SlotKey,
    /// The slots' indices.
    pub indices: At<Vec<RangeInclusive<u32>>>,
    /// The handler.
    pub program: At<ProgramId>,
}

/// How slots are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKey {
    /// An index or a range.
    Numbers,
    /// System calls by name.
    Syscalls,
}

/// A slot that an object fills by itself (`__array(values, …)`) and the file leaves as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultSlot {
    /// The PROG_ARRAY's name.
    pub map: String,
    /// The index.
    pub index: u32,
    /// The handler, of the same object.
    pub program: ProgramId,
}

/// Types that the file gives, for a map whose object has none.
#[derive(Debug)]
pub enum ViewLayout {
    /// Of key and value; queues have no key.
    Entries {
        /// The key's.
        key: Option<At<Layout>>,
        /// The value's.
        value: At<Layout>,
    },
    /// Of the records of a ring buffer.
    Records(At<Layout>),
}

/// How a map is shown.
#[derive(Debug)]
pub struct View {
    /// The map.
    pub map: At<MapId>,
    /// The tag of the structure of its records.
    pub record: Option<At<String>>,
    /// Types that the file gives.
    pub layout: Option<ViewLayout>,
    /// Fields that are shown differently.
    pub columns: Vec<ColumnView>,
    /// The column to sort by, and whether the largest comes first.
    pub sort: Option<At<(String, bool)>>,
    /// Rows of a table.
    pub top: Option<At<u32>>,
    /// The numbers are losses.
    pub loss: bool,
    /// A line's template.
    pub line: Option<At<String>>,
    /// Fields of the key that entries are added up by.
    pub group: Vec<At<String>>,
    /// Each CPU's value has a row.
    pub by_cpu: bool,
    /// What is drawn.
    pub plot: Option<At<Plot>>,
    /// Reading takes the entries out.
    pub reset: Option<At<bool>>,
    /// Records a second.
    pub limit: Option<At<u32>>,
    /// For records: one of how many of them is shown.
    pub sample: Option<At<u32>>,
}

/// How a field is shown.
#[derive(Debug)]
pub struct ColumnView {
    /// The field.
    pub field: At<String>,
    /// Its heading.
    pub name: Option<String>,
    /// How it becomes text.
    pub decoder: Option<At<Decoder>>,
    /// Whether it is left out.
    pub hide: bool,
    /// What its numbers are.
    pub kind: Option<At<Metric>>,
    /// What they say.
    pub description: Option<String>,
}

/// A program's run without being attached, and what must come of it.
#[derive(Debug)]
pub struct Test {
    /// What is tested, in words.
    pub name: At<String>,
    /// The program.
    pub program: At<ProgramId>,
    /// The words of its context.
    pub args: Vec<At<Argument>>,
    /// How often it is run, and where that was written.
    pub repeat: At<u32>,
    /// The CPU that it runs on.
    pub cpu: Option<At<u32>>,
    /// What must hold afterwards, and where that was written.
    pub expect: At<Expectations>,
}

/// What must hold after a test.
#[derive(Debug)]
pub struct Expectations {
    /// What each run returns.
    pub returns: Option<At<u32>>,
    /// The entries of maps.
    pub maps: Vec<ExpectedRows>,
    /// The records of ring buffers.
    pub events: Vec<ExpectedRows>,
}

/// What one map must hold, or one ring buffer must have been sent.
#[derive(Debug)]
pub struct ExpectedRows {
    /// The map.
    pub map: At<MapId>,
    /// How its bytes are read: every field under its own name, decoded as under `read`.
    pub columns: Columns,
    /// The entries or records.
    pub rows: Vec<At<Vec<ExpectedField>>>,
}

/// A field and the value that it must have.
#[derive(Debug)]
pub struct ExpectedField {
    /// The field, as it is named in the columns.
    pub field: String,
    /// The value.
    pub value: Value,
    /// The value as it was written.
    pub written: String,
}

impl Model {
    /// The program of an id.
    pub fn program(&self, id: ProgramId) -> &Program {
        &self.objects[id.object].file.inventory.programs[id.program]
    }

    /// The map of an id.
    pub fn map(&self, id: MapId) -> &Map {
        &self.objects[id.object].file.inventory.maps[id.map]
    }

    /// The variable of a setting.
    pub fn global(&self, setting: &GlobalSetting) -> &Global {
        &self.objects[setting.object].file.inventory.globals[setting.global]
    }

    /// The first map of a name.
    pub fn find_map(&self, name: &str) -> Option<MapId> {
        self.objects.iter().enumerate().find_map(|(object, bound)| {
            let map = bound.file.inventory.maps.iter().position(|map| map.name == name)?;
            Some(MapId { object, map })
        })
    }

    /// A program's name as a user would write it: with the alias where several objects have it.
    pub fn program_name(&self, id: ProgramId) -> String {
        let name = &self.program(id).name;
        let count = self
            .objects
            .iter()
            .filter(|object| object.file.inventory.programs.iter().any(|p| p.name == *name))
            .count();
        if count > 1 {
            format!("{}/{name}", self.objects[id.object].alias.value)
        } else {
            name.clone()
        }
    }

    /// Every program that is attached or sits in a slot, once, where it is named first; one that no file
    /// names, where its object is.
    pub fn programs_in_use(&self) -> Vec<At<ProgramId>> {
        let attached = self.hooks().flat_map(Hook::programs);
        let entries = self.tail_calls.iter().flat_map(|table| &table.slots);
        let handlers = entries.map(|entry| entry.program.clone());
        let defaults = self
            .default_slots()
            .into_iter()
            .map(|slot| At::new(slot.program, self.objects[slot.program.object].alias.span));
        let mut seen = HashSet::new();
        attached.chain(handlers).chain(defaults).filter(|one| seen.insert(one.value)).collect()
    }

    /// The slots that the objects fill by themselves, of PROG_ARRAYs that programs in use call through.
    /// What the file says about a slot goes before.
    pub fn default_slots(&self) -> Vec<DefaultSlot> {
        let attached = self.hooks().flat_map(|hook| hook.programs().map(|program| program.value));
        self.default_slots_of(attached.collect())
    }

    /// The slots that the objects fill by themselves, of PROG_ARRAYs that these programs and the
    /// handlers of the file call through.
    pub fn default_slots_of(&self, callers: Vec<ProgramId>) -> Vec<DefaultSlot> {
        let mut used = callers;
        let entries = self.tail_calls.iter().flat_map(|table| &table.slots);
        used.extend(entries.map(|entry| entry.program.value));
        let mut slots: Vec<DefaultSlot> = Vec::new();
        // Handlers may call on, so the list grows while it is gone through.
        let mut next = 0;
        while let Some(&program) = used.get(next) {
            next += 1;
            for map in &self.program(program).maps {
                for slot in self.filled_by_objects(map) {
                    let is_new = !slots
                        .iter()
                        .any(|other| other.map == slot.map && other.index == slot.index);
                    if is_new && !self.sets_slot(map, slot.index) {
                        if !used.contains(&slot.program) {
                            used.push(slot.program);
                        }
                        slots.push(slot);
                    }
                }
            }
        }
        slots
    }

    fn filled_by_objects(&self, name: &str) -> Vec<DefaultSlot> {
        let mut slots = Vec::new();
        for (object, bound) in self.objects.iter().enumerate() {
            let inventory = &bound.file.inventory;
            for map in inventory.maps.iter().filter(|map| map.name == name) {
                slots.extend(map.static_slots.iter().filter_map(|(index, handler)| {
                    let program =
                        inventory.programs.iter().position(|program| program.name == *handler)?;
                    let program = ProgramId { object, program };
                    Some(DefaultSlot { map: name.to_owned(), index: *index, program })
                }));
            }
        }
        slots
    }

    fn sets_slot(&self, map: &str, index: u32) -> bool {
        let tables = self.tail_calls.iter().filter(|table| self.map(table.map.value).name == map);
        tables
            .flat_map(|table| &table.slots)
            .any(|slot| slot.indices.value.iter().any(|range| range.contains(&index)))
    }

    /// Every hook of every attachment.
    pub fn hooks(&self) -> impl Iterator<Item = &Hook> {
        self.attach.iter().flat_map(|attachment| &attachment.alternatives)
    }
}

impl Hook {
    /// The hook's programs: one, or a pair's two.
    pub fn programs(&self) -> impl Iterator<Item = At<ProgramId>> {
        std::iter::once(self.program.clone()).chain(self.return_program.clone())
    }
}
