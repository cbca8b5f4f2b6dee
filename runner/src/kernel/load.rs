//! Objects into the kernel: maps and programs, pinned.
//!
//! An object's programs in use are linked for this kernel when the object is opened, and its maps are
//! made; a program is loaded when it is asked for. Whoever attaches gets the path of a pinned program.
//!
//! Maps of the same name in a probe's objects are one map (`maps`). Variables are never shared: each
//! object has its own (`data`), even where names are equal, and a value is set in the object that it
//! names.

mod data;
mod link;
mod maps;
mod numbers;
mod program;

use std::os::fd::AsFd;
use std::path::PathBuf;

use crate::desired::{Desired, ProgramRef};
use crate::kernel::error::{Error, Phase};
use crate::kernel::load::data::Sections;
use crate::kernel::load::link::{LinkedObject, Wanted};
use crate::kernel::load::maps::{Maps, Owner};
use crate::kernel::load::program::Surroundings;
use crate::kernel::pins::{self, PinDir};
use crate::kernel::{globals, hints, privileges, sys};
use crate::object::{self, Inventory, MapType};

/// An object's bytes and what they hold.
#[derive(Clone, Copy, Debug)]
pub struct ObjectFile<'a> {
    /// Its name within the probe.
    pub alias: &'a str,
    /// The ELF file.
    pub bytes: &'a [u8],
    /// The inventory of those bytes.
    pub inventory: &'a Inventory,
}

/// A probe's objects, opened: their maps exist, their programs can be loaded.
pub struct Loader<'a> {
    desired: &'a Desired,
    pins: &'a PinDir,
    objects: Vec<Opened<'a>>,
    maps: Maps,
    loaded: Vec<Loaded>,
}

struct Opened<'a> {
    file: ObjectFile<'a>,
    linked: LinkedObject,
    sections: Sections,
}

struct Loaded {
    program: ProgramRef,
    target: Option<String>,
    pin: PathBuf,
}

impl<'a> Loader<'a> {
    /// Opens every object of a probe: links its programs in use, creates and pins the maps, sets the
    /// variables.
    pub fn open(
        desired: &'a Desired,
        objects: &[ObjectFile<'a>],
        pins: &'a PinDir,
    ) -> Result<Loader<'a>, Error> {
        privileges::raise_locked_memory();
        let mut maps = Maps::default();
        let mut opened = Vec::new();
        for file in objects {
            let what = format!("object {}", file.alias);
            let linked = LinkedObject::link(file.bytes, &what, &wanted(desired, file)?)?;
            let types = linked.types.as_ref().map(AsFd::as_fd);
            let owner = Owner { object: file.alias, inventory: file.inventory, types };
            maps.make(&owner, desired, pins)?;
            let sections = Sections::make(&linked.data, types, file.alias, file.inventory, pins)?;
            opened.push(Opened { file: *file, linked, sections });
        }
        Ok(Loader { desired, pins, objects: opened, maps, loaded: Vec::new() })
    }

    /// What a person should know besides: types that the kernel didn't take.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        self.objects.iter().filter_map(|object| {
            let reason = object.linked.refused_types.as_ref()?;
            Some(format!(
                "this kernel doesn't take the types of object {}, so its maps are shown as plain \
                 bytes: {reason}",
                object.file.alias
            ))
        })
    }

    /// Loads a program and pins it; `target` is the function or tracepoint that programs of the
    /// types `fentry`, `fexit` and BTF tracepoint are verified for. A program that is there already
    /// is not loaded again.
    pub fn load(&mut self, program: &ProgramRef, target: Option<&str>) -> Result<PathBuf, Error> {
        self.load_and_pin(program, target)
            .map_err(|error| hints::add_for_load(error, &self.arrays_of(program), self))
    }

    fn load_and_pin(
        &mut self,
        program: &ProgramRef,
        target: Option<&str>,
    ) -> Result<PathBuf, Error> {
        let what = name_of(program);
        let object = self.objects.iter().find(|object| object.file.alias == program.object);
        let (Some(object), Some(described)) = (object, self.described(program)) else {
            return Err(Error::new(Phase::Load, what, "the object has no such program"));
        };
        let Some(numbers) = numbers::numbers(&described.section) else {
            return Err(not_run(&described.section, &what));
        };
        let target = target.filter(|_| numbers.target.is_some());
        let copies = self.loaded.iter().filter(|loaded| loaded.program == *program);
        if let Some(loaded) = copies.clone().find(|l| l.target.as_deref() == target) {
            return Ok(loaded.pin.clone());
        }
        let pin = self.pins.programs().join(pins::program_pin(program, copies.count()));
        let linked = object.linked.program(&program.name, &what)?;
        let surroundings = Surroundings {
            maps: &self.maps,
            sections: &object.sections,
            types: object.linked.types.as_ref().map(AsFd::as_fd),
            license: object.file.inventory.license.as_deref().unwrap_or_default(),
        };
        let fd = program::load(linked, &numbers, target, &surroundings, &what)?;
        sys::obj_pin(fd.as_fd(), &pin)
            .map_err(|error| Error::from_io(Phase::Pin, pin.display().to_string(), &error))?;
        self.loaded.push(Loaded {
            program: program.clone(),
            target: target.map(str::to_owned),
            pin: pin.clone(),
        });
        Ok(pin)
    }

    /// How many programs are loaded: a mark for [`Loader::unload_since`].
    pub fn mark(&self) -> usize {
        self.loaded.len()
    }

    /// Removes the programs that were loaded after the mark was taken.
    pub fn unload_since(&mut self, mark: usize) -> Result<(), Error> {
        for loaded in self.loaded.drain(mark..).rev() {
            std::fs::remove_file(&loaded.pin).map_err(|error| {
                Error::from_io(Phase::Remove, loaded.pin.display().to_string(), &error)
            })?;
        }
        Ok(())
    }

    /// The programs that are to be in a PROG_ARRAY or call through it, each once.
    pub fn users_of_array(&self, map: &str) -> Vec<&ProgramRef> {
        let hooks = self.desired.attach.iter().flat_map(|attachment| &attachment.alternatives);
        let callers = hooks
            .flat_map(|hook| [Some(&hook.program), hook.return_program.as_ref()])
            .flatten()
            .filter(|program| self.desired.uses(program, map));
        let slots = self.desired.slots.iter().filter(|slot| slot.map == map);
        let mut users: Vec<&ProgramRef> = callers.chain(slots.map(|slot| &slot.program)).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// The PROG_ARRAYs that a program calls through.
    fn arrays_of(&self, program: &ProgramRef) -> Vec<&str> {
        self.objects
            .iter()
            .filter(|object| object.file.alias == program.object)
            .flat_map(|object| &object.file.inventory.maps)
            .filter(|map| {
                map.map_type == MapType::PROG_ARRAY && self.desired.uses(program, &map.name)
            })
            .map(|map| map.name.as_str())
            .collect()
    }

    /// The inventory's entry of a program.
    pub fn described(&self, program: &ProgramRef) -> Option<&object::Program> {
        self.objects
            .iter()
            .find(|object| object.file.alias == program.object)?
            .file
            .inventory
            .programs
            .iter()
            .find(|candidate| candidate.name == program.name)
    }
}

/// What errors call a program.
pub fn name_of(program: &ProgramRef) -> String {
    format!("program {} (object {})", program.name, program.object)
}

/// What a probe wants of an object.
fn wanted<'a>(desired: &'a Desired, file: &ObjectFile<'_>) -> Result<Wanted<'a>, Error> {
    let programs = desired.programs.iter().map(|used| &used.program);
    let programs = programs.filter(|program| program.object == file.alias);
    let hooks = desired.attach.iter().flat_map(|attachment| &attachment.alternatives);
    let targets = hooks.filter(|hook| hook.program.object == file.alias).filter_map(|hook| {
        let mut programs = file.inventory.programs.iter();
        let program = programs.find(|program| program.name == hook.program.name)?;
        let target = numbers::numbers(&program.section)?.target?;
        Some(format!("{}{}", target.prefix, hook.target))
    });
    let globals = desired.globals.iter().filter(|global| global.object == file.alias);
    Ok(Wanted {
        programs: programs.map(|program| program.name.as_str()).collect(),
        targets: targets.collect(),
        globals: globals
            .map(|global| Ok((global.name.clone(), globals::bytes_of(global)?)))
            .collect::<Result<_, Error>>()?,
    })
}

/// Why a section's programs are not run.
fn not_run(section: &object::Section, what: &str) -> Error {
    let name = &section.name;
    match section.program_type {
        Some(program_type) => Error::new(
            Phase::Load,
            what,
            format!("programs of SEC(\"{name}\") ({program_type}) are not for tracing"),
        ),
        None => Error::new(Phase::Load, what, format!("SEC(\"{name}\") says no program type"))
            .hint("name what it is for in the section: SEC(\"kprobe\"), SEC(\"raw_tp/NAME\"), …"),
    }
}
