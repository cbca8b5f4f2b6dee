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
mod program;

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use crate::desired::{Desired, ProgramRef};
use crate::kernel::error::{Error, Phase};
use crate::kernel::load::data::Sections;
use crate::kernel::load::link::{LinkedObject, Wanted};
use crate::kernel::load::maps::{Maps, Owner};
use crate::kernel::load::program::Surroundings;
use crate::kernel::pins::{self, PinDir};
use crate::kernel::previous::Previous;
use crate::kernel::{globals, hints, privileges, sys};
use crate::live::{MapRecord, ProgramRecord};
use crate::object::numbers::{self, Numbers};
use crate::object::{Inventory, Section};

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
    previous: Option<Previous<'a>>,
    objects: Vec<Opened<'a>>,
    maps: Maps,
    sections: Vec<MapRecord>,
    loaded: Vec<ProgramRecord>,
}

struct Opened<'a> {
    file: ObjectFile<'a>,
    linked: LinkedObject,
    sections: Sections,
}

impl<'a> Loader<'a> {
    /// Opens every object of a probe: links its programs in use, creates and pins the maps, sets the
    /// variables. What stays of a probe that runs is taken over from it.
    pub fn open(
        desired: &'a Desired,
        objects: &[ObjectFile<'a>],
        pins: &'a PinDir,
        previous: Option<Previous<'a>>,
    ) -> Result<Loader<'a>, Error> {
        privileges::raise_locked_memory();
        let mut maps = Maps::adopt(previous.as_ref(), desired, pins)?;
        let mut section_records = Vec::new();
        let mut opened = Vec::new();
        for object in &desired.objects {
            let alias = &object.alias;
            let mut sections = Sections::adopt(previous.as_ref(), &desired.sections, alias, pins)?;
            let wanted = wanted(desired, alias, previous.as_ref())?;
            let file = objects.iter().find(|file| file.alias == alias);
            let makes_maps = (desired.maps.iter())
                .any(|map| map.object == *alias && maps.descriptor(&map.name).is_none());
            if let Some(file) = file.filter(|_| makes_maps || !wanted.programs.is_empty()) {
                let linked = LinkedObject::link(file.bytes, &format!("object {alias}"), &wanted)?;
                let types = linked.types.as_ref().map(AsFd::as_fd);
                let owner = Owner { object: alias, inventory: file.inventory, types };
                maps.make(&owner, desired, pins)?;
                sections.make(&linked.data, types, alias, file.inventory, pins)?;
                section_records.extend(sections.records(alias)?);
                opened.push(Opened { file: *file, linked, sections });
            } else {
                section_records.extend(sections.records(alias)?);
            }
        }
        let sections = section_records;
        Ok(Loader { desired, pins, previous, objects: opened, maps, sections, loaded: Vec::new() })
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
            .map_err(|error| hints::add_for_load(error, program, self.desired))
    }

    fn load_and_pin(
        &mut self,
        program: &ProgramRef,
        target: Option<&str>,
    ) -> Result<PathBuf, Error> {
        let what = name_of(program);
        let Some(used) = self.desired.program(program) else {
            return Err(Error::new(Phase::Load, what, "the object has no such program"));
        };
        let section = used.section();
        let Some(numbers) = numbers::numbers(&section) else {
            return Err(not_run(&section, &what));
        };
        let target = target.filter(|_| numbers.target.is_some());
        let copies = self.loaded.iter().filter(|loaded| loaded.program == *program);
        if let Some(loaded) = copies.clone().find(|l| l.target.as_deref() == target) {
            return Ok(self.pins.programs().join(&loaded.pin));
        }
        let pin = pins::program_pin(program, copies.count());
        let path = self.pins.programs().join(&pin);
        let kept = self
            .previous
            .and_then(|previous| Some((previous, previous.change.keep.program(program, target)?)));
        let id = match kept {
            Some((previous, kept)) => {
                previous.program(kept, &path)?;
                kept.id
            }
            None => {
                let fd = self.load_new(program, &numbers, target, &what)?;
                let failed = |error| Error::from_io(Phase::Pin, path.display().to_string(), &error);
                sys::obj_pin(fd.as_fd(), &path).map_err(failed)?;
                sys::prog_info(fd.as_fd()).map_err(failed)?.id
            }
        };
        let target = target.map(str::to_owned);
        self.loaded.push(ProgramRecord { program: program.clone(), target, pin, id });
        Ok(path)
    }

    fn load_new(
        &self,
        program: &ProgramRef,
        numbers: &Numbers,
        target: Option<&str>,
        what: &str,
    ) -> Result<OwnedFd, Error> {
        let mut objects = self.objects.iter();
        let Some(object) = objects.find(|object| object.file.alias == program.object) else {
            return Err(Error::new(Phase::Load, what, "its object is not at hand")
                .hint("apply the probe's file, which names it"));
        };
        let surroundings = Surroundings {
            maps: &self.maps,
            sections: &object.sections,
            types: object.linked.types.as_ref().map(AsFd::as_fd),
            license: object.file.inventory.license.as_deref().unwrap_or_default(),
        };
        let linked = object.linked.program(&program.name, what)?;
        program::load(linked, numbers, target, &surroundings, what)
    }

    /// Takes over the programs in use that stay and that nobody asked for: their links stay too, or they
    /// wait for their slot.
    pub fn adopt_rest(&mut self) -> Result<(), Error> {
        let Some(previous) = self.previous else { return Ok(()) };
        for kept in &previous.change.keep.programs {
            self.load(&kept.program, kept.target.as_deref())?;
        }
        Ok(())
    }

    /// The programs that are loaded.
    pub fn programs(&self) -> Vec<ProgramRecord> {
        self.loaded.clone()
    }

    /// The maps that are made, those of variables included, by name.
    pub fn maps(&self) -> Result<Vec<MapRecord>, Error> {
        let mut maps = self.maps.records()?;
        maps.extend(self.sections.iter().cloned());
        maps.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(maps)
    }

    /// How many programs are loaded: a mark for [`Loader::unload_since`].
    pub fn mark(&self) -> usize {
        self.loaded.len()
    }

    /// Removes the programs that were loaded after the mark was taken.
    pub fn unload_since(&mut self, mark: usize) -> Result<(), Error> {
        for loaded in self.loaded.drain(mark..).rev() {
            let path = self.pins.programs().join(&loaded.pin);
            std::fs::remove_file(&path).map_err(|error| {
                Error::from_io(Phase::Remove, path.display().to_string(), &error)
            })?;
        }
        Ok(())
    }
}

/// What errors call a program.
pub fn name_of(program: &ProgramRef) -> String {
    format!("program {} (object {})", program.name, program.object)
}

/// What a probe wants of an object: the programs that don't stay from before.
fn wanted<'a>(
    desired: &'a Desired,
    alias: &str,
    previous: Option<&Previous<'_>>,
) -> Result<Wanted<'a>, Error> {
    let used = desired.programs.iter().filter(|used| used.program.object == alias);
    let programs =
        used.filter(|used| previous.is_none_or(|previous| !previous.stays(&used.program, desired)));
    let hooks = desired.attach.iter().flat_map(|attachment| &attachment.alternatives);
    let targets = hooks.filter(|hook| hook.program.object == alias).filter_map(|hook| {
        let section = desired.program(&hook.program)?.section();
        let target = numbers::numbers(&section)?.target?;
        Some(format!("{}{}", target.prefix, hook.target))
    });
    let globals = desired.globals.iter().filter(|global| global.object == alias);
    Ok(Wanted {
        programs: programs.map(|used| used.program.name.as_str()).collect(),
        targets: targets.collect(),
        globals: globals
            .map(|global| Ok((global.name.clone(), globals::bytes_of(global)?)))
            .collect::<Result<_, Error>>()?,
    })
}

/// Why a section's programs are not run.
fn not_run(section: &Section, what: &str) -> Error {
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
