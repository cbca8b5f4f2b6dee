//! What a probe takes out of its objects: the programs in use, the maps they need, the sections of
//! variables. Plans compare it, so that what is the same in two wishes can stay in the kernel.

use serde::{Deserialize, Serialize};

use crate::desired::ProgramRef;
use crate::object::{Global, Inventory, Map, MapType, Program, Section};

/// What the names of sections begin with that programs can't write.
const READ_ONLY: &str = ".rodata";

/// A program that is attached, in an alternative or in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramUse {
    /// Which it is.
    pub program: ProgramRef,
    /// Its section's name, which says its type.
    pub section: String,
    /// Names of the maps that it and its subprograms refer to.
    pub maps: Vec<String>,
}

/// A map as it is made: the object's definition with what the probe file changes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapDefinition {
    /// The map's symbol.
    pub name: String,
    /// Alias of the first object that has it, whose types it gets.
    pub object: String,
    /// `enum bpf_map_type`.
    pub map_type: u32,
    /// Key size in bytes; 0 where the type has no key.
    pub key_size: u32,
    /// Value size in bytes; 0 where the type has no value.
    pub value_size: u32,
    /// Capacity in entries (ring buffers: bytes), before the machine's rounding.
    pub max_entries: u32,
    /// `map_flags`.
    pub flags: u32,
    /// The NUMA node that its memory is to be on.
    pub numa_node: Option<u32>,
    /// `map_extra`.
    pub extra: u64,
    /// For a PROG_ARRAY: what its callers and handlers are, in words. The kernel never lets go of
    /// it, so another kind of program needs another array.
    pub owner: Option<String>,
}

/// A PROG_ARRAY of which all slots change at once: it has two halves, and a variable says where the
/// one in use begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// The PROG_ARRAY.
    pub map: String,
    /// Alias of the object that has the variable.
    pub object: String,
    /// The variable's section.
    pub section: String,
    /// Its offset there, in bytes; it has 4.
    pub offset: u32,
}

/// A section of variables that becomes a map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionDefinition {
    /// Alias of the object.
    pub object: String,
    /// `.rodata`, `.data`, `.bss` or one of their `.suffix` forms.
    pub name: String,
    /// Its variables, by offset.
    pub variables: Vec<Variable>,
}

/// A variable's place in its section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// The symbol.
    pub name: String,
    /// Offset in bytes.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// Its initial value, where it is a number that programs can change.
    pub initial: Option<Vec<u8>>,
}

impl ProgramUse {
    /// A program of an object.
    pub fn of(alias: &str, program: &Program) -> ProgramUse {
        ProgramUse {
            program: ProgramRef { object: alias.to_owned(), name: program.name.clone() },
            section: program.section.name.clone(),
            maps: program.maps.clone(),
        }
    }

    /// Its section, taken apart.
    pub fn section(&self) -> Section {
        Section::parse(&self.section)
    }

    /// Whether it or a subprogram refers to a map.
    pub fn uses(&self, map: &str) -> bool {
        self.maps.iter().any(|used| used == map)
    }
}

impl MapDefinition {
    /// A map as its object defines it.
    pub fn of(alias: &str, map: &Map) -> MapDefinition {
        MapDefinition {
            name: map.name.clone(),
            object: alias.to_owned(),
            map_type: map.map_type.0,
            key_size: map.key_size,
            value_size: map.value_size,
            max_entries: map.max_entries,
            flags: map.flags,
            numa_node: map.numa_node,
            extra: map.extra,
            owner: None,
        }
    }

    /// Its type.
    pub fn map_type(&self) -> MapType {
        MapType(self.map_type)
    }
}

impl Generation {
    /// The map that holds the variable: `OBJECT:.SECTION`.
    pub fn variables(&self) -> String {
        section_map_name(&self.object, &self.section)
    }
}

impl SectionDefinition {
    /// The sections of an object that hold variables, by name.
    pub fn all(alias: &str, inventory: &Inventory) -> Vec<SectionDefinition> {
        let mut sections: Vec<SectionDefinition> = Vec::new();
        for global in &inventory.globals {
            let found = sections.iter().position(|section| section.name == global.section);
            let index = found.unwrap_or_else(|| {
                let (object, name) = (alias.to_owned(), global.section.clone());
                sections.push(SectionDefinition { object, name, variables: Vec::new() });
                sections.len() - 1
            });
            sections[index].variables.push(variable(global));
        }
        sections
    }

    /// What its map is called: `OBJECT:.SECTION`.
    pub fn map_name(&self) -> String {
        section_map_name(&self.object, &self.name)
    }

    /// Whether another section's variables lie where this one's do.
    pub fn is_laid_out_as(&self, other: &SectionDefinition) -> bool {
        let places = |section: &SectionDefinition| -> Vec<(String, u32, u32)> {
            let variables = section.variables.iter();
            variables.map(|one| (one.name.clone(), one.offset, one.size)).collect()
        };
        self.object == other.object && self.name == other.name && places(self) == places(other)
    }

    /// Whether programs can't write it: its values are settled when it is made.
    pub fn is_read_only(&self) -> bool {
        self.name.starts_with(READ_ONLY)
    }
}

/// The name of the map that holds an object's section of variables: `main:.rodata`.
pub fn section_map_name(object: &str, section: &str) -> String {
    format!("{object}:{section}")
}

fn variable(global: &Global) -> Variable {
    let changes = !global.section.starts_with(READ_ONLY) && global.size <= 8;
    Variable {
        name: global.name.clone(),
        offset: global.offset,
        size: global.size,
        initial: changes.then(|| global.default.clone()),
    }
}
