//! Puts programs together: each with the subprograms that it reaches behind it, everything that they
//! refer to resolved.

use std::collections::BTreeMap;

use super::code::{Code, Target};
use super::error::{LinkError, Problem};
use super::externs::{CONFIG_SECTION, Kernel, Resolved};
use super::linked::{DataSection, FunctionInfo, LineInfo, LinkedProgram, Reference, Referent};
use super::missing::{Missing, poison};
use super::request::Request;
use super::{Linkable, core, kconfig};
use crate::btf::core_relo::Resolver;
use crate::btf::{Kind, TypeId};
use crate::object::functions::Start;
use crate::object::instruction::{Instruction, SLOT_SIZE};

/// What an instruction's source register says that its immediate is (`BPF_PSEUDO_…`).
mod source {
    pub(super) const MAP: u8 = 1;
    pub(super) const MAP_VALUE: u8 = 2;
    pub(super) const KERNEL_TYPE: u8 = 3;
    pub(super) const FUNCTION: u8 = 4;
    /// Of calls: a function of the object.
    pub(super) const SUBPROGRAM: u8 = 1;
    /// Of calls: a function of the kernel.
    pub(super) const KERNEL_FUNCTION: u8 = 2;
}

/// Functions of one program; the kernel takes no more (`BPF_MAX_SUBPROGS`).
const MAX_FUNCTIONS: usize = 256;
/// Instructions of all programs together. One program may have a million; what is over this is the
/// work of somebody who wants memory used up.
const MAX_INSTRUCTIONS: usize = 1 << 22;

/// Links the programs of one object.
pub(super) struct Linker<'l> {
    object: &'l Linkable<'l>,
    globals: &'l [(String, Vec<u8>)],
    kernel: Kernel<'l>,
    resolver: Option<Resolver<'l>>,
    /// Functions that have been looked at: subprograms may be many programs'.
    functions: BTreeMap<Start, Ready>,
    /// Options of the configuration that programs read, with their values.
    config: BTreeMap<u32, Vec<u8>>,
    instructions: usize,
}

/// A function whose instructions are what this kernel needs, but for calls of other functions.
struct Ready {
    end: u64,
    instructions: Vec<Instruction>,
    /// Calls and addresses of functions, ascending.
    callees: Vec<(usize, Start)>,
    references: Vec<Reference>,
    missing: Vec<Missing>,
}

/// A program that is being put together.
struct Joined {
    program: LinkedProgram,
    /// Where each function begins in it.
    positions: BTreeMap<Start, usize>,
    /// Whether the object says all functions' types and all lines.
    has_functions: bool,
    has_lines: bool,
}

impl<'l> Linker<'l> {
    pub(super) fn new(object: &'l Linkable<'_>, request: &Request<'l>) -> Linker<'l> {
        let resolver = object.parts.btf.as_ref().map(|btf| Resolver::new(btf, request.kernel));
        Linker {
            object,
            globals: request.globals,
            kernel: Kernel { types: request.kernel, facts: request.facts },
            resolver,
            functions: BTreeMap::new(),
            config: BTreeMap::new(),
            instructions: 0,
        }
    }

    /// Links the program that begins at `start`.
    pub(super) fn program(&mut self, name: &str, start: Start) -> Result<LinkedProgram, LinkError> {
        let mut joined = Joined {
            program: LinkedProgram {
                name: name.to_owned(),
                section: self.object.parts.elf.sections[start.0].name.to_owned(),
                instructions: Vec::new(),
                references: Vec::new(),
                functions: Vec::new(),
                lines: Vec::new(),
                missing: Vec::new(),
            },
            positions: BTreeMap::new(),
            has_functions: true,
            has_lines: true,
        };
        self.add(start, &mut joined)?;
        let mut program = joined.program;
        if !joined.has_functions {
            program.functions.clear();
        }
        if !joined.has_functions || !joined.has_lines {
            program.lines.clear();
        }
        program.references.sort_by_key(|reference| reference.instruction);
        program.missing.sort_by_key(|missing| missing.instruction);
        Ok(program)
    }

    /// Adds a function behind those that are there, then those that it calls and that aren't there
    /// yet, each with its own, in the order of the calls. Returns where it begins.
    fn add(&mut self, start: Start, joined: &mut Joined) -> Result<usize, LinkError> {
        if !self.functions.contains_key(&start) {
            let ready = self.make_ready(start)?;
            self.functions.insert(start, ready);
        }
        let at = joined.program.instructions.len();
        joined.positions.insert(start, at);
        let callees = {
            let ready = &self.functions[&start];
            self.instructions += ready.instructions.len();
            if joined.positions.len() > MAX_FUNCTIONS {
                return Err(too_large("a program calls more than 256 functions"));
            }
            if self.instructions > MAX_INSTRUCTIONS {
                return Err(too_large("the programs have more than 4 million instructions"));
            }
            joined.take(self.object, start, ready);
            ready.callees.clone()
        };
        for (index, callee) in callees {
            let to = match joined.positions.get(&callee) {
                Some(&to) => to,
                None => self.add(callee, joined)?,
            };
            // Both are less than 2^22.
            joined.program.instructions[at + index].immediate = to as i32 - (at + index) as i32 - 1;
        }
        Ok(at)
    }

    /// Reads a function and puts in what this kernel needs.
    fn make_ready(&mut self, start: Start) -> Result<Ready, LinkError> {
        let object = self.object;
        // Targets have been found among the functions.
        let function = &object.parts.functions[&start];
        let mut code = Code::read(object, start, function)?;
        if code.instructions.is_empty() {
            let problem = Problem::Target {
                symbol: function.name.to_owned(),
                what: "a function without instructions",
            };
            return Err(problem.into());
        }
        let section = object.parts.elf.sections[start.0].name;
        if self.resolver.is_none() && !object.parts.ext.core(section, start.1..code.end).is_empty()
        {
            return Err(Problem::NoBtf.into());
        }
        let missing = core::apply(object, self.globals, self.resolver.as_mut(), start, &mut code)?;
        let targets = std::mem::take(&mut code.targets);
        let mut ready = Ready {
            end: code.end,
            instructions: Vec::new(),
            callees: Vec::new(),
            references: Vec::new(),
            missing,
        };
        for (index, target) in targets {
            self.refer(&mut code, &mut ready, index, target)
                .map_err(|problem| LinkError::at(code.place(object, index), problem))?;
        }
        ready.missing.sort_by_key(|missing| missing.instruction);
        ready.instructions = code.instructions;
        Ok(ready)
    }

    /// Makes an instruction refer to its target.
    fn refer(
        &mut self,
        code: &mut Code,
        ready: &mut Ready,
        index: usize,
        target: Target,
    ) -> Result<(), Problem> {
        let instruction = &mut code.instructions[index];
        let is_call = instruction.calls_number();
        let to = match target {
            Target::Function(callee) => {
                instruction.source = if is_call { source::SUBPROGRAM } else { source::FUNCTION };
                ready.callees.push((index, callee));
                return Ok(());
            }
            Target::Map(name) => {
                instruction.source = source::MAP;
                set_wide(code, index, 0, 0);
                Referent::Map(name)
            }
            Target::Data { section, offset } => {
                instruction.source = source::MAP_VALUE;
                set_wide(code, index, 0, offset);
                let section = self.object.parts.elf.sections[section].name.to_owned();
                Referent::Data { section, offset }
            }
            Target::Extern(symbol) => {
                let symbol = &self.object.parts.elf.symbols[symbol];
                let btf = self.object.parts.btf.as_ref().ok_or(Problem::NoBtf)?;
                let resolved = self.object.externs.resolve(symbol, btf, self.kernel)?;
                let name = symbol.name.to_owned();
                match (resolved, is_call) {
                    (Resolved::Type { id, module }, true) => {
                        instruction.source = source::KERNEL_FUNCTION;
                        instruction.offset = 0;
                        instruction.immediate = id.0.cast_signed();
                        Referent::KernelFunction { name, module }
                    }
                    (Resolved::Absent, true) => {
                        *instruction = poison();
                        let what = format!("function {name} is not in this kernel");
                        let place = code.place(self.object, index);
                        ready.missing.push(Missing { instruction: index, what, place });
                        return Ok(());
                    }
                    (_, true) => {
                        let what = "called and is not a function";
                        return Err(Problem::Target { symbol: name, what });
                    }
                    (Resolved::Type { id, module }, false) => {
                        instruction.source = source::KERNEL_TYPE;
                        set_wide(code, index, id.0, 0);
                        Referent::KernelAddress { name, module }
                    }
                    (Resolved::Config(variable), false) => {
                        self.note_config(&name, symbol.weak)?;
                        instruction.source = source::MAP_VALUE;
                        set_wide(code, index, 0, variable.offset);
                        let section = CONFIG_SECTION.to_owned();
                        Referent::Data { section, offset: variable.offset }
                    }
                    (Resolved::Address(address), false) => {
                        set_wide(code, index, address as u32, (address >> 32) as u32);
                        return Ok(());
                    }
                    (Resolved::Absent, false) => {
                        set_wide(code, index, 0, 0);
                        return Ok(());
                    }
                }
            }
        };
        ready.references.push(Reference { instruction: index, to });
        Ok(())
    }

    /// Looks up the value of an option that a program reads.
    fn note_config(&mut self, name: &str, weak: bool) -> Result<(), Problem> {
        let problem = |what: &str| Problem::Config { name: name.to_owned(), what: what.to_owned() };
        let Some(variable) = self.object.externs.config_variable(name) else {
            return Ok(());
        };
        let btf = self.object.parts.btf.as_ref().ok_or(Problem::NoBtf)?;
        let facts =
            self.kernel.facts.ok_or_else(|| problem("the kernel's configuration is not known"))?;
        match kconfig::value(btf, name, variable, facts)? {
            Some(bytes) => {
                self.config.insert(variable.offset, bytes);
                Ok(())
            }
            None if weak => Ok(()),
            None => Err(problem(
                "this kernel's configuration doesn't set it; declare it `__weak` if the program can \
                 do without it",
            )),
        }
    }

    /// The section of the configuration's options, if the programs read some.
    pub(super) fn kconfig(&self) -> Result<Option<DataSection>, LinkError> {
        let size = self.object.externs.config_size as usize;
        let is_used = self.functions.values().flat_map(|ready| &ready.references).any(|reference| {
            matches!(&reference.to, Referent::Data { section, .. } if section == CONFIG_SECTION)
        });
        if !is_used {
            return Ok(None);
        }
        let mut bytes = vec![0; size];
        for (&offset, value) in &self.config {
            let place =
                bytes.get_mut(offset as usize..).and_then(|rest| rest.get_mut(..value.len()));
            let place =
                place.ok_or_else(|| too_large("an option of the configuration is too long"))?;
            place.copy_from_slice(value);
        }
        let ty = self.object.section_type(CONFIG_SECTION);
        Ok(Some(DataSection { name: CONFIG_SECTION.to_owned(), bytes, read_only: true, ty }))
    }
}

impl Linkable<'_> {
    /// The type of a section of variables.
    pub(super) fn section_type(&self, name: &str) -> Option<TypeId> {
        self.parts.btf.as_ref()?.find(name, Kind::VariableSection)
    }
}

impl Joined {
    /// Adds a function's code and what is known of it.
    fn take(&mut self, object: &Linkable<'_>, start: Start, ready: &Ready) {
        let program = &mut self.program;
        let at = program.instructions.len();
        program.instructions.extend(&ready.instructions);
        program.references.extend(ready.references.iter().map(|reference| Reference {
            instruction: at + reference.instruction,
            to: reference.to.clone(),
        }));
        program.missing.extend(
            ready.missing.iter().map(|missing| Missing {
                instruction: at + missing.instruction,
                ..missing.clone()
            }),
        );

        let section = object.parts.elf.sections[start.0].name;
        let range = start.1..ready.end;
        let place = |offset: u32| at as u32 + ((u64::from(offset) - start.1) / SLOT_SIZE) as u32;
        let functions = object.parts.ext.functions(section, range.clone());
        let lines = object.parts.ext.lines(section, range);
        // The kernel wants both of every function, beginning with its first instruction, or of none.
        let begins = |offset: Option<u32>| offset.map(u64::from) == Some(start.1);
        self.has_functions &= begins(functions.first().map(|record| record.offset));
        self.has_lines &= begins(lines.first().map(|record| record.offset));
        program.functions.extend(
            functions
                .iter()
                .take(1)
                .map(|record| FunctionInfo { instruction: place(record.offset), ty: record.ty }),
        );
        program.lines.extend(lines.iter().map(|record| LineInfo {
            instruction: place(record.offset),
            file: record.file,
            text: record.text,
            place: record.place,
        }));
    }
}

/// Sets the immediates of a load of 64 bits, which has two slots.
fn set_wide(code: &mut Code, index: usize, low: u32, high: u32) {
    code.instructions[index].immediate = low.cast_signed();
    code.instructions[index + 1].immediate = high.cast_signed();
}

fn too_large(what: &'static str) -> LinkError {
    Problem::TooLarge { what }.into()
}
