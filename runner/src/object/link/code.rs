//! One function as the compiler left it: its instructions, and what those refer to that have a
//! relocation or lead out of the function.

use super::error::{CodePlace, LinkError, Problem, SourceLine};
use super::{Linkable, data};
use crate::object::elf::{Place, Relocation};
use crate::object::functions::{Function, Start};
use crate::object::instruction::{Instruction, SLOT_SIZE};

/// A function's code.
pub(super) struct Code {
    name: String,
    start: Start,
    /// Where it ends in its section, in bytes.
    pub(super) end: u64,
    pub(super) instructions: Vec<Instruction>,
    /// What instructions refer to, ascending by instruction.
    pub(super) targets: Vec<(usize, Target)>,
}

/// What an instruction refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A function of the object that is called, or whose address is taken.
    Function(Start),
    Map(String),
    /// A byte of a section of variables.
    Data {
        section: usize,
        offset: u32,
    },
    /// Something that the kernel has, by the ELF symbol's index.
    Extern(usize),
}

impl Code {
    pub(super) fn read(
        object: &Linkable<'_>,
        start: Start,
        function: &Function<'_>,
    ) -> Result<Code, LinkError> {
        let section = &object.parts.elf.sections[start.0];
        let bytes = section.bytes.get(start.1 as usize..function.end as usize).unwrap_or_default();
        let mut code = Code {
            name: function.name.to_owned(),
            start,
            end: function.end,
            instructions: Instruction::decode(bytes),
            targets: Vec::new(),
        };
        let mut relocations = section.relocations_in(start.1, function.end).iter().peekable();
        let mut index = 0;
        while let Some(&instruction) = code.instructions.get(index) {
            let offset = start.1 + index as u64 * SLOT_SIZE;
            let end = offset + slots(instruction) as u64 * SLOT_SIZE;
            let relocation = relocations.next_if(|relocation| relocation.offset == offset).copied();
            if relocations.next_if(|relocation| relocation.offset < end).is_some() {
                let what = "it has several relocations, or one inside of it".to_owned();
                return Err(code.error(object, index, Problem::Instruction { what }));
            }
            let target = target(object, start, index, instruction, relocation)
                .map_err(|problem| code.error(object, index, problem))?;
            if let Some(target) = target {
                code.targets.push((index, target));
            }
            index += slots(instruction);
        }
        if index != code.instructions.len() {
            let what = "the function ends inside of it".to_owned();
            return Err(code.error(object, index - 2, Problem::Instruction { what }));
        }
        Ok(code)
    }

    /// Where one of its instructions is, for a message.
    pub(super) fn place(&self, object: &Linkable<'_>, instruction: usize) -> CodePlace {
        let section = object.parts.elf.sections[self.start.0].name;
        let offset = self.start.1 + instruction as u64 * SLOT_SIZE;
        let source = object.parts.btf.as_ref().zip(object.parts.ext.line_at(section, offset));
        CodePlace {
            function: self.name.clone(),
            instruction,
            source: source.map(|(btf, line)| SourceLine {
                file: btf.string(line.file).to_owned(),
                line: line.place >> 10,
                text: btf.string(line.text).trim().to_owned(),
            }),
        }
    }

    fn error(&self, object: &Linkable<'_>, instruction: usize, problem: Problem) -> LinkError {
        LinkError::at(self.place(object, instruction), problem)
    }
}

/// Slots that an instruction takes.
fn slots(instruction: Instruction) -> usize {
    if instruction.loads_64_bits() { 2 } else { 1 }
}

/// What an instruction refers to.
///
/// Calls count slots from the instruction after them, or with a relocation from the slot after the
/// symbol: global functions have −1 there, static ones are addressed by their section's symbol. Loads
/// of addresses count bytes from the symbol.
fn target(
    object: &Linkable<'_>,
    start: Start,
    index: usize,
    instruction: Instruction,
    relocation: Option<Relocation>,
) -> Result<Option<Target>, Problem> {
    let immediate = i64::from(instruction.immediate);
    let slots = (immediate + 1) * SLOT_SIZE.cast_signed();
    let Some(relocation) = relocation else {
        if !instruction.calls_subprogram() {
            return Ok(None);
        }
        let here = start.1 + index as u64 * SLOT_SIZE;
        return function(object, start.0, here.wrapping_add_signed(slots)).map(Some);
    };
    let symbol = &object.parts.elf.symbols[relocation.symbol];
    let target = |what| Problem::Target { symbol: symbol.name.to_owned(), what };
    let is_call = instruction.calls_number();
    if !is_call && !instruction.loads_64_bits() {
        let what = format!("operation {:#04x} can't refer to a symbol", instruction.code);
        return Err(Problem::Instruction { what });
    }
    let section = match symbol.place {
        Place::Undefined => return Ok(Some(Target::Extern(relocation.symbol))),
        Place::Nowhere => return Err(target("in no section of the object")),
        Place::Section(section) => section,
    };
    if object.parts.elf.sections[section].executable {
        let bytes = if is_call { slots } else { immediate };
        return function(object, section, symbol.value.wrapping_add_signed(bytes)).map(Some);
    }
    if is_call {
        return Err(target("called and is not a function"));
    }
    if let Some(map) = object.parts.maps.find(&object.parts.elf, relocation, instruction.immediate)
    {
        return Ok(Some(Target::Map(map.to_owned())));
    }
    if !data::holds_data(&object.parts.elf.sections[section]) {
        return Err(target("in a section that programs can't refer to"));
    }
    let offset = symbol.value.checked_add_signed(immediate);
    match offset.filter(|&offset| offset <= object.parts.elf.sections[section].size) {
        Some(offset) => Ok(Some(Target::Data {
            section,
            offset: u32::try_from(offset).map_err(|_| target("beyond 4 GiB of data"))?,
        })),
        None => Err(target("referred to outside of its section")),
    }
}

fn function(object: &Linkable<'_>, section: usize, offset: u64) -> Result<Target, Problem> {
    match object.parts.functions.contains_key(&(section, offset)) {
        true => Ok(Target::Function((section, offset))),
        false => Err(Problem::Target {
            symbol: String::new(),
            what: "code that is not a function's beginning",
        }),
    }
}
