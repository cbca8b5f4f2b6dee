//! The inventory of an object: programs, maps, globals, as plain data.

use crate::btf::Layout;
use crate::object::Section;

/// Everything an object holds that a probe file can name.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The `license` section's text, if there is one.
    pub license: Option<String>,
    /// Entry programs (global functions in executable sections other than `.text`), in file order.
    pub programs: Vec<Program>,
    /// Maps of `.maps` and of the legacy `maps` section, in file order.
    pub maps: Vec<Map>,
    /// Variables of `.rodata*`, `.data*` and `.bss*`, in section and offset order.
    pub globals: Vec<Global>,
    /// Variables of `.kconfig` and `.ksyms`, by name.
    pub externs: Vec<String>,
    /// Whether the object carries BTF (`.BTF`).
    pub has_btf: bool,
    /// Structures of the object's BTF by tag, for record types that no map names.
    pub structs: Vec<(String, Layout)>,
}

/// An entry program.
#[derive(Clone, Debug)]
pub struct Program {
    /// The function's symbol.
    pub name: String,
    /// Its section, taken apart.
    pub section: Section,
    /// Number of instructions, without the subprograms it calls.
    pub instructions: usize,
    /// Names of the maps that it or a subprogram it calls refers to, each once, in order of use.
    pub maps: Vec<String>,
    /// Ids of the kernel helpers that it or its subprograms call, ascending.
    pub helpers: Vec<u32>,
    /// Its tail calls, in code order.
    pub tail_calls: Vec<TailCall>,
    /// Number of CO-RE relocations in it and its subprograms.
    pub core_relocations: usize,
}

/// A call of `bpf_tail_call`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailCall {
    /// The PROG_ARRAY, where the instructions before the call say which.
    pub map: Option<String>,
    /// The slot, where it is a constant.
    pub slot: Option<u32>,
}

/// A map's definition.
#[derive(Clone, Debug)]
pub struct Map {
    /// Its symbol.
    pub name: String,
    /// Its type.
    pub map_type: MapType,
    /// Key size in bytes; 0 where the type has no key.
    pub key_size: u32,
    /// Value size in bytes; 0 where the type has no value.
    pub value_size: u32,
    /// Capacity in entries (ring buffers: bytes); 0 if it is left to the loader.
    pub max_entries: u32,
    /// `map_flags`.
    pub flags: u32,
    /// The key's type, where BTF has one.
    pub key: Option<Layout>,
    /// The value's type, where BTF has one.
    pub value: Option<Layout>,
    /// Slots that the object itself fills (`__array(values, …)`): index and program.
    pub static_slots: Vec<(u32, String)>,
    /// Whether the object asks for pinning by name (`LIBBPF_PIN_BY_NAME`).
    pub pin_by_name: bool,
}

/// `enum bpf_map_type`, as the number the object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MapType(pub u32);

/// A variable that can be set before the object is loaded.
#[derive(Clone, Debug)]
pub struct Global {
    /// Its symbol.
    pub name: String,
    /// Its section: `.rodata`, `.data`, `.bss` or one of their `.suffix` forms.
    pub section: String,
    /// Offset in the section, in bytes.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// Its type, where BTF has one.
    pub layout: Option<Layout>,
    /// Its initial bytes.
    pub default: Vec<u8>,
}

impl MapType {
    /// `BPF_MAP_TYPE_HASH`.
    pub const HASH: MapType = MapType(1);
    /// `BPF_MAP_TYPE_ARRAY`.
    pub const ARRAY: MapType = MapType(2);
    /// `BPF_MAP_TYPE_PROG_ARRAY`.
    pub const PROG_ARRAY: MapType = MapType(3);
    /// `BPF_MAP_TYPE_PERF_EVENT_ARRAY`.
    pub const PERF_EVENT_ARRAY: MapType = MapType(4);
    /// `BPF_MAP_TYPE_PERCPU_HASH`.
    pub const PERCPU_HASH: MapType = MapType(5);
    /// `BPF_MAP_TYPE_PERCPU_ARRAY`.
    pub const PERCPU_ARRAY: MapType = MapType(6);
    /// `BPF_MAP_TYPE_LRU_HASH`.
    pub const LRU_HASH: MapType = MapType(9);
    /// `BPF_MAP_TYPE_LRU_PERCPU_HASH`.
    pub const LRU_PERCPU_HASH: MapType = MapType(10);
    /// `BPF_MAP_TYPE_RINGBUF`.
    pub const RINGBUF: MapType = MapType(27);

    /// Whether each CPU has a value of its own.
    pub fn is_per_cpu(self) -> bool {
        matches!(
            self,
            MapType::PERCPU_HASH | MapType::PERCPU_ARRAY | MapType::LRU_PERCPU_HASH | MapType(21)
        )
    }
}
