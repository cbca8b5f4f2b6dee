//! What one function's instructions use: maps, helpers, tail calls, other functions.

use std::collections::BTreeSet;

use super::elf::{Elf, Place, Relocation};
use super::functions::Start;
use super::instruction::{Instruction, SLOT_SIZE};
use super::inventory::TailCall;
use super::map_places::MapPlaces;
use super::ordered_set::OrderedSet;
use super::tail_call::{
    INDEX_REGISTER, MAP_REGISTER, TAIL_CALL_HELPER, Value, predecessors, values_before,
};

/// Maps, and slots, of one tail call that are told apart; compilers join few.
const MAX_PAIRED: usize = 64;

/// What a function's own instructions say, not what those of the functions it calls do.
#[derive(Default)]
pub(super) struct Uses {
    /// Its size in instruction slots of 8 bytes, which is how the kernel counts.
    pub(super) instructions: usize,
    /// Maps in order of use.
    pub(super) maps: OrderedSet<String>,
    pub(super) helpers: BTreeSet<u32>,
    /// In code order.
    pub(super) tail_calls: OrderedSet<TailCall>,
    /// Functions that it calls or whose address it takes, in code order.
    pub(super) callees: OrderedSet<Start>,
    /// Functions that it calls, without those that helpers call back.
    pub(super) called: BTreeSet<Start>,
}

/// A function's instructions with what their relocations refer to.
pub(super) struct Code<'a> {
    elf: &'a Elf<'a>,
    maps: &'a MapPlaces,
    start: Start,
    pub(super) instructions: Vec<Instruction>,
    relocations: &'a [Relocation],
}

impl Uses {
    /// How many things are used.
    pub(super) fn count(&self) -> usize {
        self.maps.len() + self.helpers.len() + self.tail_calls.len() + self.callees.len()
    }
}

impl<'a> Code<'a> {
    /// The instructions from `start` up to the offset `end`, which lies in the section.
    pub(super) fn read(elf: &'a Elf<'a>, maps: &'a MapPlaces, start: Start, end: u64) -> Code<'a> {
        let (section, begin) = start;
        let section = &elf.sections[section];
        let bytes = section.bytes.get(begin as usize..end as usize);
        Code {
            elf,
            maps,
            start,
            instructions: Instruction::decode(bytes.unwrap_or_default()),
            relocations: section.relocations_in(begin, end),
        }
    }
}

impl Code<'_> {
    /// What the instructions use. `steps` is what searches for tail calls' arguments may cost.
    pub(super) fn uses(&self, steps: &mut usize) -> Uses {
        let mut uses = Uses { instructions: self.instructions.len(), ..Uses::default() };
        let mut flow = None;
        for (index, instruction) in self.instructions.iter().enumerate() {
            if instruction.loads_64_bits() {
                if let Some(map) = self.map(index) {
                    uses.maps.insert(map.to_owned());
                } else if let Some(function) = self.function_address(index) {
                    uses.callees.insert(function);
                }
            } else if let Some(function) = self.subprogram(index) {
                uses.callees.insert(function);
                uses.called.insert(function);
            } else if let Some(helper) = self.helper(index) {
                uses.helpers.insert(helper);
                if helper == TAIL_CALL_HELPER {
                    let flow = flow.get_or_insert_with(|| predecessors(&self.instructions));
                    for call in self.tail_calls(flow, index, steps) {
                        uses.tail_calls.insert(call);
                    }
                }
            }
        }
        uses
    }

    fn relocation(&self, index: usize) -> Option<Relocation> {
        let offset = self.start.1 + index as u64 * SLOT_SIZE;
        let found = self.relocations.binary_search_by_key(&offset, |relocation| relocation.offset);
        Some(self.relocations[found.ok()?])
    }

    /// The map whose address an instruction loads.
    pub(super) fn map(&self, index: usize) -> Option<&str> {
        let addend = self.instructions[index].immediate;
        self.maps.find(self.elf, self.relocation(index)?, addend)
    }

    /// The function whose address an instruction loads, for a helper that calls it back.
    fn function_address(&self, index: usize) -> Option<Start> {
        let (section, value) = self.code_symbol(self.relocation(index)?)?;
        let addend = self.instructions[index].immediate.into();
        Some((section, value.wrapping_add_signed(addend)))
    }

    /// The helper that an instruction calls.
    pub(super) fn helper(&self, index: usize) -> Option<u32> {
        self.instructions[index].helper().filter(|_| self.relocation(index).is_none())
    }

    /// The function of the object that an instruction calls.
    ///
    /// The immediate counts slots from the instruction after the call, or, with a relocation, from
    /// the slot after the symbol: global functions have −1 there, static ones are addressed by their
    /// section's symbol.
    pub(super) fn subprogram(&self, index: usize) -> Option<Start> {
        if !self.instructions[index].calls_subprogram() {
            return None;
        }
        let slots = i64::from(self.instructions[index].immediate) + 1;
        let (section, base) = match self.relocation(index) {
            Some(relocation) => self.code_symbol(relocation)?,
            None => (self.start.0, self.start.1 + index as u64 * SLOT_SIZE),
        };
        let bytes = slots * SLOT_SIZE.cast_signed();
        Some((section, base.wrapping_add_signed(bytes)))
    }

    /// A symbol's place, if it is in a section of instructions.
    fn code_symbol(&self, relocation: Relocation) -> Option<Start> {
        let symbol = &self.elf.symbols[relocation.symbol];
        match symbol.place {
            Place::Section(section) if self.elf.sections[section].executable => {
                Some((section, symbol.value))
            }
            _ => None,
        }
    }

    /// The maps and slots that a tail call may name: more than one pair where ways meet before it.
    fn tail_calls(&self, flow: &[Vec<usize>], call: usize, steps: &mut usize) -> Vec<TailCall> {
        let mut values = |register| {
            let values = values_before(&self.instructions, flow, call, register, steps);
            match values.len() {
                0..=MAX_PAIRED => values,
                _ => BTreeSet::from([Value::Unknown]),
            }
        };
        let slots = values(INDEX_REGISTER);
        let maps = values(MAP_REGISTER);
        let mut calls = Vec::with_capacity(slots.len() * maps.len());
        for slot in slots {
            let slot = match slot {
                // The kernel takes the register's lower half.
                Value::Constant(index) => Some(index as u32),
                Value::Load(_) | Value::Unknown => None,
            };
            for map in &maps {
                let map = match *map {
                    Value::Load(index) => self.map(index).map(str::to_owned),
                    Value::Constant(_) | Value::Unknown => None,
                };
                calls.push(TailCall { map, slot });
            }
        }
        calls
    }
}
