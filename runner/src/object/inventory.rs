//! The inventory of an object: programs, maps, globals, as plain data.

use std::collections::HashSet;

use super::elf::{Elf, Place};
use super::error::ObjectError;
use super::map_type::MapType;
use super::parts::Parts;
use super::section::Section;
use super::variables::Variables;
use super::{globals, maps, programs};
use crate::btf::{Btf, Kind, Layout, TypeId};

/// What all layouts of an object may cost together: see [`Layout::within`]. All 9,609 structures of
/// a 6.18 kernel take 15.7 million; an object has those that its source touches.
const LAYOUT_BUDGET: usize = 16 << 20;
/// What the layout of a structure that no map names may cost: some 2,000 members.
const STRUCT_BUDGET: usize = 1 << 16;

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
    /// What it expects the kernel to have: variables of `.kconfig` and `.ksyms` and kernel functions,
    /// by name.
    pub externs: Vec<String>,
    /// Whether the object carries BTF (`.BTF`).
    pub has_btf: bool,
    /// Structures of the object's BTF by tag, for record types that no map names: the first of each
    /// tag, without those of thousands of members, which are the kernel's.
    pub structs: Vec<(String, Layout)>,
}

/// An entry program.
#[derive(Clone, Debug)]
pub struct Program {
    /// The function's symbol.
    pub name: String,
    /// Its section, taken apart.
    pub section: Section,
    /// Number of instruction slots (8 bytes) as the kernel counts them, without the subprograms it
    /// calls.
    pub instructions: usize,
    /// Names of the maps that it or a subprogram it calls refers to, each once, in order of use.
    pub maps: Vec<String>,
    /// Ids of the kernel helpers that it or its subprograms call, ascending.
    pub helpers: Vec<u32>,
    /// Its tail calls and its subprograms', each once, in code order.
    pub tail_calls: Vec<TailCall>,
    /// Number of CO-RE relocations in it and its subprograms.
    pub core_relocations: usize,
    /// What it and its subprograms are seen to do with the context, ascending by offset, each once.
    /// There may be more: the context's address is not followed through memory but the stack.
    pub context: Vec<ContextAccess>,
    /// What it and its subprograms are seen to do with maps by helpers, each once. There may be more:
    /// a map that was handed to a subprogram is not seen there.
    pub map_calls: Vec<MapCall>,
    /// Stack that it and its subprograms are sure to use.
    pub stack: StackUse,
}

/// A call of a helper that looks up, writes or deletes entries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MapCall {
    /// The map.
    pub map: String,
    /// What is done.
    pub usage: MapUse,
    /// Bytes at the beginning of the key that come from `bpf_get_current_pid_tgid` alone.
    pub pid_bytes: u32,
}

/// What is done with an entry of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapUse {
    /// `bpf_map_lookup_elem`.
    Lookup,
    /// `bpf_map_update_elem`.
    Update,
    /// `bpf_map_delete_elem`.
    Delete,
}

/// Stack that chains of calls are sure to use, as the kernel counts it where programs are compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackUse {
    /// The chain that uses most.
    pub deepest: StackChain,
    /// Of the chains that lead to a subprogram that tail-calls the one that uses most, without that
    /// subprogram.
    pub before_tail_call: Option<StackChain>,
    /// Whether the program or one of its subprograms tail-calls.
    pub tail_calls: bool,
}

/// Functions that call one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackChain {
    /// Bytes that they use together.
    pub bytes: u32,
    /// Their names; the program's first.
    pub functions: Vec<String>,
}

/// Bytes of the context that a program touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextAccess {
    /// Offset in the context, in bytes.
    pub offset: u32,
    /// Size in bytes; 0 where only a helper that copies knows it.
    pub size: u8,
    /// What is done.
    pub touch: ContextTouch,
    /// Whether CO-RE decides on the offset: this is the one of the types it was compiled with.
    pub relocated: bool,
    /// Whether the verifier is sure to look at it: it is not in a branch that a constant, a variable
    /// in read-only memory or a CO-RE question may close.
    pub certain: bool,
}

/// What is done with bytes of the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContextTouch {
    /// An instruction reads them.
    Read,
    /// An instruction writes them.
    Write,
    /// `bpf_probe_read` or one of its kin copies them.
    Copy,
}

impl MapUse {
    /// What a helper does with the map in register 1, if that is what it is for.
    pub(super) fn of_helper(id: u32) -> Option<MapUse> {
        match id {
            1 => Some(MapUse::Lookup),
            2 => Some(MapUse::Update),
            3 => Some(MapUse::Delete),
            _ => None,
        }
    }
}

impl Program {
    /// Where the context must at least end, in bytes: the end of what the verifier is sure to see being
    /// read or written (`max_ctx_offset`, kernel/bpf/verifier.c). What CO-RE decides on is left out.
    pub fn context_end(&self) -> u32 {
        self.context
            .iter()
            .filter(|one| one.certain && !one.relocated && one.touch != ContextTouch::Copy)
            .map(|one| one.offset.saturating_add(one.size.into()))
            .max()
            .unwrap_or(0)
    }
}

/// A call of `bpf_tail_call`; several of them where the map or the slot depends on the way that led
/// to the call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// The NUMA node that its memory is to be on.
    pub numa_node: Option<u32>,
    /// `map_extra`: what it means depends on the type.
    pub extra: u64,
    /// The key's type in the object's BTF; `void` where it has none.
    pub key_type: TypeId,
    /// The value's type in the object's BTF; `void` where it has none.
    pub value_type: TypeId,
    /// The key's type, where BTF has one.
    pub key: Option<Layout>,
    /// The value's type, where BTF has one.
    pub value: Option<Layout>,
    /// What the maps in a map of maps are like; under the outer map's name.
    pub inner: Option<Box<Map>>,
    /// Slots that the object itself fills (`__array(values, …)`): index and program.
    pub static_slots: Vec<(u32, String)>,
    /// Maps that the object itself puts into a map of maps: index, which is the key, and map.
    pub static_maps: Vec<(u32, String)>,
    /// Whether the object asks for pinning by name (`LIBBPF_PIN_BY_NAME`).
    pub pin_by_name: bool,
}

impl Map {
    /// Whether it holds entries that are data: not programs, queues of events or perf events.
    pub fn has_entries(&self) -> bool {
        let of_others = matches!(self.map_type, MapType::PROG_ARRAY | MapType::PERF_EVENT_ARRAY);
        self.key_size > 0 && !of_others
    }
}

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
    /// Its initial bytes, `size` of them.
    pub default: Vec<u8>,
}

impl Inventory {
    /// Reads an object file.
    ///
    /// # Errors
    /// If it isn't an eBPF object for little-endian machines, or is damaged; see [`ObjectError`].
    pub fn read(bytes: &[u8]) -> Result<Inventory, ObjectError> {
        let parts = Parts::read(bytes)?;
        let (elf, btf) = (&parts.elf, parts.btf.as_ref());
        let variables = btf.map(Variables::read).unwrap_or_default();
        let mut budget = LAYOUT_BUDGET;
        let maps = maps::read(elf, btf, &variables, &mut budget)?;
        let programs = programs::read(&parts)?;
        if programs.is_empty() && maps.is_empty() {
            return Err(ObjectError::NoPrograms);
        }
        Ok(Inventory {
            license: license(elf),
            programs,
            maps,
            globals: globals::read(elf, btf, &variables, &mut budget)?,
            externs: externs(elf),
            has_btf: btf.is_some(),
            structs: btf.map_or_else(Vec::new, |btf| structs(btf, &mut budget)),
        })
    }
}

fn license(elf: &Elf<'_>) -> Option<String> {
    let bytes = elf.section("license")?.bytes;
    let text = bytes.split(|&byte| byte == 0).next()?;
    Some(String::from_utf8_lossy(text).into_owned())
}

fn externs(elf: &Elf<'_>) -> Vec<String> {
    elf.symbols
        .iter()
        .filter(|symbol| symbol.place == Place::Undefined && !symbol.name.is_empty())
        .map(|symbol| symbol.name.to_owned())
        .collect()
}

fn structs(btf: &Btf, budget: &mut usize) -> Vec<(String, Layout)> {
    let mut seen = HashSet::new();
    let mut structs = Vec::new();
    for (id, ty) in btf.types() {
        if ty.kind() != Some(Kind::Struct) || ty.name().is_empty() || !seen.insert(ty.name()) {
            continue;
        }
        let mut own_budget = STRUCT_BUDGET.min(*budget);
        let before = own_budget;
        let layout = Layout::within(btf, id, &mut own_budget);
        *budget -= before - own_budget;
        if let Some(layout) = layout {
            structs.push((ty.name().to_owned(), layout));
        }
    }
    structs
}
