//! A probe as plain data: what should run, without the text it came from.
//!
//! It is what the kernel stage is given and what the state file keeps, so that a later run can
//! compare what it wants with what it left. It holds no positions and no type information.

mod argument;
mod hook;
mod parts;

use serde::{Deserialize, Serialize};

use crate::btf::Layout;
use crate::object::MapType;
use crate::spec::decoder;

pub use crate::spec::attach::{Event, OnMissing};
pub use argument::Argument;
pub use hook::{Details, Hook, HookKind, Mechanism, Rate};
pub use parts::{
    Generation, MapDefinition, ProgramUse, SectionDefinition, Variable, section_map_name,
};

/// What one probe file asks for, every name bound and every template filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// The probe's name: `[a-z][a-z0-9-]{0,62}`.
    pub probe: String,
    /// The probe file's path, from the root.
    pub file: String,
    /// What the probe is for, in its author's words.
    pub description: Option<String>,
    /// The objects, in the order of the file.
    pub objects: Vec<ObjectRef>,
    /// The programs in use, each once.
    pub programs: Vec<ProgramUse>,
    /// The maps that those need or the file names, each once.
    pub maps: Vec<MapDefinition>,
    /// Those of which the entries are copied when they have to be made anew.
    #[serde(default)]
    pub migrate: Vec<String>,
    /// The objects' sections of variables.
    pub sections: Vec<SectionDefinition>,
    /// Variables that get other values than their initial ones.
    pub globals: Vec<GlobalValue>,
    /// What to attach, in the order of the file.
    pub attach: Vec<Attachment>,
    /// PROG_ARRAYs of which all slots change at once. Their `slots` are those of a half.
    pub generations: Vec<Generation>,
    /// PROG_ARRAY slots to fill, ascending within a map.
    pub slots: Vec<Slot>,
    /// How to show the maps.
    pub views: Vec<View>,
}

/// An object file by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Its name within the probe; `main` where the file gives none.
    pub alias: String,
    /// Where it was found: a path from the root, or `built-in:NAME`.
    pub origin: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// A program by object and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProgramRef {
    /// Alias of the object.
    pub object: String,
    /// The function's symbol.
    pub name: String,
}

/// A global variable's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalValue {
    /// Alias of the object.
    pub object: String,
    /// The variable's symbol.
    pub name: String,
    /// What to store there.
    pub value: Value,
}

/// What is stored in a global variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// These bytes, in the variable's size and the machine's byte order.
    Bytes(Vec<u8>),
    /// The index that the network device of this name has on the machine when the probe is loaded,
    /// as an unsigned integer of `size` bytes.
    InterfaceIndex {
        /// The device's name.
        device: String,
        /// Size of the variable in bytes.
        size: u32,
    },
}

/// One entry of `attach`: the first of `alternatives` that the kernel takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// At least one hook; more than one for `first_of`.
    pub alternatives: Vec<Hook>,
    /// What to do when no alternative's target exists.
    pub on_missing: OnMissing,
}

/// One slot of a PROG_ARRAY.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The PROG_ARRAY's symbol.
    pub map: String,
    /// The index.
    pub index: u32,
    /// The program in it.
    pub program: ProgramRef,
}

/// Types that the file gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ViewLayout {
    /// Of key and value; queues have no key.
    Entries(Option<Layout>, Layout),
    /// Of the records of a ring buffer.
    Records(Layout),
}

/// How one map is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The map's symbol.
    pub map: String,
    /// For maps of records without a type (ring buffers): the structure's tag in the object's BTF.
    pub record: Option<String>,
    /// Types that the file gives, for maps whose object has none.
    #[serde(default)]
    pub layout: Option<ViewLayout>,
    /// Columns that are shown differently from their type's default, by field.
    pub columns: Vec<Column>,
    /// The column to sort by, as it is shown.
    pub sort: Option<Sort>,
    /// How many rows a table shows at most.
    pub top: Option<usize>,
    /// Every number in this map says how much is missing elsewhere: shown as a warning where not 0.
    pub loss: bool,
    /// For records: a template line instead of columns.
    pub line: Option<String>,
    /// Fields of the key by which entries are added up; the others aren't shown.
    #[serde(default)]
    pub group: Vec<String>,
    /// Each CPU's value has a row of its own.
    #[serde(default)]
    pub by_cpu: bool,
    /// What is drawn below the table.
    #[serde(default)]
    pub plot: Option<Plot>,
    /// Reading takes the entries out of the map.
    #[serde(default)]
    pub reset: bool,
    /// For records: how many of them are shown a second at most.
    #[serde(default)]
    pub limit: Option<u32>,
    /// For records: one of how many of them is shown.
    #[serde(default)]
    pub sample: Option<u32>,
}

/// What is drawn of a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plot {
    /// Bars: a row for each bucket.
    Histogram {
        /// The column of the bucket's number, by its shown name.
        bucket: String,
        /// The column of what is in it.
        value: String,
        /// What a bucket's number means.
        scale: Scale,
    },
    /// A field of colours.
    Heatmap {
        /// The column whose values go from left to right, by its shown name.
        x: String,
        /// The column whose values go from top to bottom.
        y: String,
        /// The column of the amounts.
        value: String,
    },
}

/// What the number of a histogram's bucket means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Bucket n holds what is at least 2ⁿ and less than 2ⁿ⁺¹; bucket 0 also holds 0.
    Log2,
    /// Bucket n holds what is at least n times this and less than n + 1 times.
    Linear(u64),
}

/// What a column's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// They only grow.
    Counter,
    /// They come and go.
    Gauge,
    /// An array of buckets.
    Histogram(Scale),
}

/// How one field is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The field of the key, of the value or of the record; `key` and `value` for scalars.
    pub field: String,
    /// The column's heading and JSON name; the field's own if there is none.
    pub name: Option<String>,
    /// How the raw value becomes text.
    pub decoder: Option<Decoder>,
    /// Whether the column is left out of tables and JSON.
    pub hide: bool,
    /// What its numbers are.
    #[serde(default)]
    pub kind: Option<Metric>,
    /// What they say, in a sentence.
    #[serde(default)]
    pub description: Option<String>,
}

/// How a raw value becomes text.
pub type Decoder = decoder::Decoder<Vec<(i128, String)>>;

/// An order of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// The column, by its shown name.
    pub column: String,
    /// Largest first.
    pub descending: bool,
}

impl Desired {
    /// A program in use.
    pub fn program(&self, program: &ProgramRef) -> Option<&ProgramUse> {
        self.programs.iter().find(|found| found.program == *program)
    }

    /// What a slot's handler is verified for, where its type wants that: the target of the hook whose
    /// program calls it, because the kernel lets only programs for the same target call each other;
    /// else what its own section says.
    pub fn handler_target(&self, slot: &Slot) -> Option<String> {
        let section = self.program(&slot.program)?.section();
        if !section.is_verified_for_target() {
            return None;
        }
        self.caller_target(&slot.map).or(section.target)
    }

    /// What the program that calls through a PROG_ARRAY is verified for, where its type wants that.
    pub fn caller_target(&self, map: &str) -> Option<String> {
        let hooks = self.attach.iter().flat_map(|attachment| &attachment.alternatives);
        hooks
            .filter(|hook| hook.kind.is_verified_for_target())
            .find(|hook| self.uses(&hook.program, map))
            .map(|hook| hook.target.clone())
    }

    /// How a PROG_ARRAY's slots change at once, if they do.
    pub fn generation(&self, map: &str) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.map == map)
    }

    /// How many slots a PROG_ARRAY has for its programs: all, or those of a half.
    pub fn half(&self, map: &str) -> u32 {
        let entries = self.map(map).map_or(0, |map| map.max_entries);
        if self.generation(map).is_some() { entries / 2 } else { entries }
    }

    /// Whether a program or a subprogram that it calls refers to a map.
    pub fn uses(&self, program: &ProgramRef, map: &str) -> bool {
        self.program(program).is_some_and(|program| program.uses(map))
    }

    /// The programs that are to be in a PROG_ARRAY or call through it, each once.
    pub fn users_of_array(&self, map: &str) -> Vec<&ProgramUse> {
        let handlers = self.slots.iter().filter(|slot| slot.map == map);
        let handlers: Vec<&ProgramRef> = handlers.map(|slot| &slot.program).collect();
        let programs = self.programs.iter();
        programs.filter(|used| used.uses(map) || handlers.contains(&&used.program)).collect()
    }

    /// The PROG_ARRAYs that a program calls through.
    pub fn arrays_of(&self, program: &ProgramRef) -> impl Iterator<Item = &str> {
        let used = self.program(program);
        let arrays = self.maps.iter().filter(|map| map.map_type() == MapType::PROG_ARRAY);
        arrays
            .map(|map| map.name.as_str())
            .filter(move |map| used.is_some_and(|used| used.uses(map)))
    }

    /// The section that holds a variable.
    pub fn section_of(&self, global: &GlobalValue) -> Option<&SectionDefinition> {
        let mut sections = self.sections.iter().filter(|section| section.object == global.object);
        sections.find(|section| section.variables.iter().any(|one| one.name == global.name))
    }

    /// A map.
    pub fn map(&self, name: &str) -> Option<&MapDefinition> {
        self.maps.iter().find(|map| map.name == name)
    }
}

impl View {
    /// A map as its types say.
    pub fn plain(map: &str) -> View {
        View { map: map.to_owned(), ..View::default() }
    }

    /// Whether it shows records as they come, and not entries.
    pub fn is_events(&self) -> bool {
        self.record.is_some() || matches!(self.layout, Some(ViewLayout::Records(_)))
    }
}

impl Metric {
    /// Its name in a probe file.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Counter => "counter",
            Metric::Gauge => "gauge",
            Metric::Histogram(_) => "histogram",
        }
    }

    /// What a field has to be for it.
    pub fn takes(self) -> &'static str {
        match self {
            Metric::Counter | Metric::Gauge => "a number",
            Metric::Histogram(_) => "an array of whole numbers",
        }
    }
}
