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
pub mod reach;
mod request;
#[cfg(test)]
mod tests;
mod types;

pub use error::{CodePlace, LinkError, Problem, SourceLine};
pub use linked::{
    DataSection, FunctionInfo, LineInfo, Linked, LinkedEach, LinkedProgram, Reference, Referent,
};
pub use missing::{Missing, POISON};
pub use request::{KernelFacts, Needs, Request};

use std::collections::BTreeSet;

use super::error::ObjectError;
use super::functions::{Function, Start};
use super::parts::Parts;
use crate::btf::Btf;
use code::{Code, Target};
use externs::Externs;
use join::Linker;

/// An object whose programs can be linked.
pub struct Linkable<'a> {
    parts: Parts<'a>,
    externs: Externs,
}

impl<'a> Linkable<'a> {
    /// Reads an object file.
    ///
    /// # Errors
    /// If it isn't an eBPF object for little-endian machines, or is damaged.
    pub fn open(bytes: &'a [u8]) -> Result<Linkable<'a>, ObjectError> {
        let parts = Parts::read(bytes)?;
        let externs = Externs::read(&parts.elf, parts.btf.as_ref());
        Ok(Linkable { parts, externs })
    }

    /// Names of the programs that can be linked, by section and offset.
    pub fn programs(&self) -> impl Iterator<Item = &'a str> {
        self.parts
            .functions
            .values()
            .filter(|function| function.entry)
            .map(|function| function.name)
    }

    /// The object's own types, as it holds them.
    pub fn types(&self) -> Option<&Btf> {
        self.parts.btf.as_ref()
    }

    /// What has to be known of the kernel to link some programs. Of what can't be followed nothing is
    /// needed: linking says why it can't.
    pub fn needs(&self, programs: &[&str]) -> Needs {
        let mut needs = Needs::default();
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<Start> =
            programs.iter().filter_map(|name| self.find(name).ok()).collect();
        while let Some(start) = waiting.pop() {
            if !seen.insert(start) {
                continue;
            }
            let Some(function) = self.parts.functions.get(&start) else {
                continue;
            };
            let Ok(code) = Code::read(self, start, function) else {
                continue;
            };
            self.note_types(start, function, &mut needs);
            for (_, target) in code.targets {
                match target {
                    Target::Function(callee) => waiting.push(callee),
                    Target::Extern(symbol) => {
                        self.externs.note_need(&self.parts.elf.symbols[symbol], &mut needs);
                    }
                    Target::Map(_) | Target::Data { .. } => {}
                }
            }
        }
        needs
    }

    /// Notes the names of the kernel's types that a function's relocations ask for.
    fn note_types(&self, start: Start, function: &Function<'_>, needs: &mut Needs) {
        let Some(btf) = &self.parts.btf else {
            return;
        };
        let section = self.parts.elf.sections[start.0].name;
        for record in self.parts.ext.core(section, start.1..function.end) {
            let name = btf.ty(record.ty).name();
            if core::asks_kernel(btf, record) && !needs.types.contains(name) {
                needs.types.insert(name.to_owned());
            }
        }
    }

    /// Links programs, all or none.
    ///
    /// # Errors
    /// If one of them can't be linked for that kernel; see [`LinkError`].
    pub fn link(&self, request: &Request<'_>) -> Result<Linked, LinkError> {
        let LinkedEach { programs, data, btf } = self.link_each(request)?;
        let programs = programs.into_iter().map(|(_, program)| program);
        Ok(Linked { programs: programs.collect::<Result<_, _>>()?, data, btf })
    }

    /// Links programs, each for itself: one that can't be linked for that kernel doesn't keep the
    /// others from it.
    ///
    /// # Errors
    /// If what they have in common can't be had: the sections of variables.
    pub fn link_each(&self, request: &Request<'_>) -> Result<LinkedEach, LinkError> {
        let mut linker = Linker::new(self, request);
        let mut programs = Vec::with_capacity(request.programs.len());
        for &name in request.programs {
            let program = self.find(name).and_then(|start| {
                linker.program(name, start).map_err(|error| error.in_program(name))
            });
            programs.push((name.to_owned(), program));
        }
        let kconfig = linker.kconfig()?;
        let mut data = data::sections(self, request.globals)?;
        data.extend(kconfig);
        let btf = self.parts.btf.as_ref().map(|btf| types::write(self, btf, &request.features));
        Ok(LinkedEach { programs, data, btf })
    }

    /// Where a program begins.
    fn find(&self, name: &str) -> Result<Start, LinkError> {
        let mut entries = self.parts.functions.iter().filter(|(_, function)| function.entry);
        match entries.find(|(_, function)| function.name == name) {
            Some((&start, _)) => Ok(start),
            None => Err(LinkError::from(Problem::NoProgram {
                name: name.to_owned(),
                programs: self.programs().map(str::to_owned).collect(),
            })),
        }
    }
}
