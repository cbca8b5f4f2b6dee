//! A probe as plain data: what should run, without the text it came from.
//!
//! It is what the kernel stage is given and what the state file keeps, so that a later run can
//! compare what it wants with what it left. It holds no positions and no type information.

mod argument;
mod hook;
mod parts;

use serde::{Deserialize, Serialize};

use crate::object::MapType;

pub use crate::spec::attach::{Event, OnMissing};
pub use argument::Argument;
pub use hook::{Details, Hook, HookKind, Rate};
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

/// How one map is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The map's symbol.
    pub map: String,
    /// For maps of records without a type (ring buffers): the structure's tag in the object's BTF.
    pub record: Option<String>,
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
}

/// How one field is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The field of the key, of the value or of the record; `key` and `value` for scalars.
    pub field: String,
    /// The column's heading and JSON name; the field's own if there is none.
    pub name: Option<String>,
    /// How the raw value becomes text.
    pub decoder: Option<Decoder>,
    /// Whether the column is left out of tables and JSON.
    pub hide: bool,
}

/// How a raw value becomes text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decoder {
    /// A network device's name from its index.
    Ifname,
    /// An IPv4 or IPv6 address from 4 or 16 bytes; a v4-mapped one is shown as IPv4.
    Ip,
    /// A port number in host order.
    Port,
    /// A MAC address from 6 bytes.
    Mac,
    /// A system call's name on this machine's architecture.
    Syscall,
    /// An error number's name, of either sign.
    Errno,
    /// A signal's name.
    Signal,
    /// A process from its id, as `name[id]`; `[id]` once it has ended.
    Process,
    /// A user's name from its id.
    User,
    /// A group's name from its id.
    Group,
    /// Nanoseconds as a duration.
    Duration,
    /// Nanoseconds of the monotonic clock (`bpf_ktime_get_ns`) as a time of day.
    Time,
    /// A number of bytes with a binary unit.
    Bytes,
    /// Hexadecimal.
    Hex,
    /// Text up to the first NUL.
    String,
    /// `true` or `false`.
    Bool,
    /// Fixed names for numbers.
    Static(Vec<(i128, String)>),
}

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
        View {
            map: map.to_owned(),
            record: None,
            columns: Vec::new(),
            sort: None,
            top: None,
            loss: false,
            line: None,
        }
    }
}

impl Decoder {
    /// The decoder's name in a probe file.
    pub fn name(&self) -> &'static str {
        match self {
            Decoder::Ifname => "ifname",
            Decoder::Ip => "ip",
            Decoder::Port => "port",
            Decoder::Mac => "mac",
            Decoder::Syscall => "syscall",
            Decoder::Errno => "errno",
            Decoder::Signal => "signal",
            Decoder::Process => "process",
            Decoder::User => "user",
            Decoder::Group => "group",
            Decoder::Duration => "duration",
            Decoder::Time => "time",
            Decoder::Bytes => "bytes",
            Decoder::Hex => "hex",
            Decoder::String => "string",
            Decoder::Bool => "bool",
            Decoder::Static(_) => "static",
        }
    }
}
