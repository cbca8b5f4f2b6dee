//! Links an object's programs for one kernel: what `check` proves and what is loaded.
//!
//! A compiler leaves open where the kernel keeps its fields, at which address a map or a variable will
//! be, and where subprograms go. [`Linkable::link`] fills that in for the programs that are used and
//! leaves the others alone, so what they lack doesn't matter. Nothing is read here but the object: the
//! kernel's types and facts are handed in, and [`Linkable::needs`] says which. Maps stay names until
//! somebody has created them.

mod code;
mod core;
mod data;
mod error;
mod externs;
mod join;
mod kconfig;
mod linked;
mod missing;
mod patch;
mod request;
#[cfg(test)]
mod tests;
mod types;

pub use error::{CodePlace, LinkError, Problem, SourceLine};
pub use linked::{DataSection, FunctionInfo, LineInfo, Linked, LinkedProgram, Reference, Referent};
pub use missing::{Missing, POISON};
pub use request::{KernelFacts, Needs, Request};

use std::collections::{BTreeMap, BTreeSet};

use super::btf_ext::BtfExt;
use super::elf::Elf;
use super::error::ObjectError;
use super::functions::{self, Function, Start};
use super::map_places::MapPlaces;
use super::maps;
use crate::btf::Btf;
use code::{Code, Target};
use externs::Externs;
use join::Linker;

/// An object whose programs can be linked.
pub struct Linkable<'a> {
    elf: Elf<'a>,
    btf: Option<Btf>,
    ext: BtfExt,
    functions: BTreeMap<Start, Function<'a>>,
    maps: MapPlaces,
    externs: Externs,
}

impl<'a> Linkable<'a> {
    /// Reads an object file.
    ///
    /// # Errors
    /// If it isn't an eBPF object for little-endian machines, or is damaged.
    pub fn open(bytes: &'a [u8]) -> Result<Linkable<'a>, ObjectError> {
        let elf = Elf::read(bytes)?;
        let btf = match elf.section(".BTF") {
            Some(section) => Some(Btf::parse(section.bytes.to_vec())?),
            None => None,
        };
        let ext = BtfExt::of(&elf, btf.as_ref())?;
        let functions = functions::read(&elf);
        let maps = maps::places(&elf);
        let externs = Externs::read(&elf, btf.as_ref());
        Ok(Linkable { elf, btf, ext, functions, maps, externs })
    }

    /// Names of the programs that can be linked, by section and offset.
    pub fn programs(&self) -> impl Iterator<Item = &'a str> {
        self.functions.values().filter(|function| function.entry).map(|function| function.name)
    }

    /// The object's own types, as it holds them.
    pub fn types(&self) -> Option<&Btf> {
        self.btf.as_ref()
    }

    /// What has to be known of the kernel to link some programs.
    ///
    /// # Errors
    /// If a program doesn't exist or its code contradicts itself.
    pub fn needs(&self, programs: &[&str]) -> Result<Needs, LinkError> {
        let mut needs = Needs::default();
        let mut seen = BTreeSet::new();
        let mut waiting = Vec::new();
        for name in programs {
            waiting.push(self.find(name)?);
        }
        while let Some(start) = waiting.pop() {
            if !seen.insert(start) {
                continue;
            }
            let Some(function) = self.functions.get(&start) else {
                continue;
            };
            let code = Code::read(self, start, function)?;
            self.note_types(start, function, &mut needs);
            for (_, target) in code.targets {
                match target {
                    Target::Function(callee) => waiting.push(callee),
                    Target::Extern(symbol) => {
                        self.externs.note_need(&self.elf.symbols[symbol], &mut needs);
                    }
                    Target::Map(_) | Target::Data { .. } => {}
                }
            }
        }
        Ok(needs)
    }

    /// Notes the names of the kernel's types that a function's relocations ask for.
    fn note_types(&self, start: Start, function: &Function<'_>, needs: &mut Needs) {
        let Some(btf) = &self.btf else {
            return;
        };
        let section = self.elf.sections[start.0].name;
        for record in self.ext.core(section, start.1..function.end) {
            let name = btf.ty(record.ty).name();
            if core::asks_kernel(record) && !needs.types.contains(name) {
                needs.types.insert(name.to_owned());
            }
        }
    }

    /// Links programs.
    ///
    /// # Errors
    /// If one of them can't be linked for that kernel; see [`LinkError`].
    pub fn link(&self, request: &Request<'_>) -> Result<Linked, LinkError> {
        let mut linker = Linker::new(self, request);
        let mut programs = Vec::with_capacity(request.programs.len());
        for name in request.programs {
            let program = linker.program(name, self.find(name)?);
            programs.push(program.map_err(|error| error.in_program(name))?);
        }
        let kconfig = linker.kconfig()?;
        let mut data = data::sections(self, request.globals)?;
        data.extend(kconfig);
        let btf = self.btf.as_ref().map(|btf| types::write(self, btf, &request.features));
        Ok(Linked { programs, data, btf })
    }

    /// Where a program begins.
    fn find(&self, name: &str) -> Result<Start, LinkError> {
        let mut entries = self.functions.iter().filter(|(_, function)| function.entry);
        match entries.find(|(_, function)| function.name == name) {
            Some((&start, _)) => Ok(start),
            None => Err(LinkError::from(Problem::NoProgram {
                name: name.to_owned(),
                programs: self.programs().map(str::to_owned).collect(),
            })),
        }
    }
}
