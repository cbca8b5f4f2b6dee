//! Objects into the kernel: maps and programs, pinned.
//!
//! aya's loader does it for now; nobody outside this file sees it. Whoever attaches gets the path of
//! a pinned program. A program is loaded only when it is asked for; all maps of an object are made
//! when the object is opened.
//!
//! Maps of the same name in a probe's objects are one map: the first object that has it creates and
//! pins it, the others find the pin, and a definition that differs is refused here because the
//! loader would take any map. Variables are never shared: each object has its own, even where names
//! are equal, and a value is set in the object that it names.

use std::path::PathBuf;
use std::sync::OnceLock;

use aya::programs::{Program, ProgramError};
use aya::{Btf, Ebpf, EbpfError, EbpfLoader};

use crate::desired::{Desired, GlobalValue, ProgramRef};
use crate::kernel::error::{Error, Phase};
use crate::kernel::maps::Map;
use crate::kernel::pins::{self, PinDir};
use crate::kernel::{cause, globals, hints, privileges, symbols};
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
    loaded: Vec<Loaded>,
}

struct Opened<'a> {
    file: ObjectFile<'a>,
    ebpf: Ebpf,
}

struct Loaded {
    program: ProgramRef,
    target: Option<String>,
    pin: PathBuf,
}

impl<'a> Loader<'a> {
    /// Opens every object of a probe: creates and pins the maps, sets the variables.
    pub fn open(
        desired: &'a Desired,
        objects: &[ObjectFile<'a>],
        pins: &'a PinDir,
    ) -> Result<Loader<'a>, Error> {
        privileges::raise_locked_memory();
        let mut opened = Vec::new();
        for file in objects {
            opened.push(Opened { file: *file, ebpf: open(desired, file, pins)? });
        }
        Ok(Loader { desired, pins, objects: opened, loaded: Vec::new() })
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
        let object = self.objects.iter_mut().find(|object| object.file.alias == program.object);
        let loadable = object.and_then(|object| object.ebpf.program_mut(&program.name));
        let Some(loadable) = loadable else {
            return Err(Error::new(Phase::Load, what, "the object has no such program"));
        };
        let target = target.filter(|_| needs_target(loadable));
        let copies = self.loaded.iter().filter(|loaded| loaded.program == *program);
        if let Some(loaded) = copies.clone().find(|l| l.target.as_deref() == target) {
            return Ok(loaded.pin.clone());
        }
        let pin = self.pins.programs().join(pins::program_pin(program, copies.count()));
        load(loadable, target, &what)?;
        loadable
            .pin(&pin)
            .map_err(|error| cause::of(Phase::Pin, pin.display().to_string(), &error))?;
        close(loadable).map_err(|error| cause::of(Phase::Load, what, &error))?;
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
            .filter(|program| self.uses(program, map));
        let slots = self.desired.slots.iter().filter(|slot| slot.map == map);
        let mut users: Vec<&ProgramRef> = callers.chain(slots.map(|slot| &slot.program)).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// Whether a program or a subprogram that it calls refers to a map.
    pub fn uses(&self, program: &ProgramRef, map: &str) -> bool {
        self.described(program).is_some_and(|program| program.maps.iter().any(|used| used == map))
    }

    /// The PROG_ARRAYs that a program calls through.
    fn arrays_of(&self, program: &ProgramRef) -> Vec<&str> {
        self.objects
            .iter()
            .filter(|object| object.file.alias == program.object)
            .flat_map(|object| &object.file.inventory.maps)
            .filter(|map| map.map_type == MapType::PROG_ARRAY && self.uses(program, &map.name))
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

/// Refuses what the loader can't do, before it fails in words that nobody understands.
fn check_loadable(file: &ObjectFile<'_>) -> Result<(), Error> {
    let what = format!("object {}", file.alias);
    if !file.inventory.externs.is_empty() {
        return Err(Error::new(
            Phase::Open,
            what,
            format!(
                "it wants variables or functions of the kernel, which this version can't give it: {}",
                file.inventory.externs.join(", ")
            ),
        )
        .hint("externs (`__kconfig`, `__ksym`) have to go: use a global variable or a helper"));
    }
    let filled = file.inventory.maps.iter().find(|map| !map.static_slots.is_empty());
    if let Some(map) = filled {
        return Err(Error::new(
            Phase::Open,
            what,
            format!("it fills slots of {} by itself, which this version can't do", map.name),
        )
        .hint("remove its `values` and name the slots under `tail_calls:` of the probe file"));
    }
    Ok(())
}

fn open(desired: &Desired, file: &ObjectFile<'_>, pins: &PinDir) -> Result<Ebpf, Error> {
    check_loadable(file)?;
    let globals: Vec<&GlobalValue> =
        desired.globals.iter().filter(|global| global.object == file.alias).collect();
    let values = globals
        .iter()
        .map(|global| globals::bytes_of(global))
        .collect::<Result<Vec<Vec<u8>>, Error>>()?;

    let mut loader = EbpfLoader::new();
    for (global, value) in globals.iter().zip(&values) {
        loader.override_global(&global.name, value.as_slice(), true);
    }
    for map in &desired.maps {
        loader.map_max_entries(&map.name, map.max_entries);
    }
    for map in &file.inventory.maps {
        check_shared(desired, map, pins)?;
        loader.map_pin_path(&map.name, pins.map(&map.name));
    }
    for global in &file.inventory.globals {
        loader.map_pin_path(&global.section, pins.section(file.alias, &global.section));
    }
    loader.load(file.bytes).map_err(|error| {
        let (phase, what) = match error {
            EbpfError::MapError(_) => (Phase::Map, format!("the maps of object {}", file.alias)),
            _ => (Phase::Open, format!("object {}", file.alias)),
        };
        hints::add(cause::of(phase, what, &error))
    })
}

/// Refuses a map that another object of the probe has made in another shape.
fn check_shared(desired: &Desired, map: &object::Map, pins: &PinDir) -> Result<(), Error> {
    let pin = pins.map(&map.name);
    if !pin.exists() {
        return Ok(());
    }
    let there = Map::open_pin(&pin, &map.name)?;
    let there = there.info();
    let overridden = desired.maps.iter().any(|other| other.name == map.name);
    let adjusts_size = matches!(map.map_type, MapType::RINGBUF | MapType::PERF_EVENT_ARRAY);
    let mut differences = Vec::new();
    let mut compare = |what: &str, defined: u32, existing: u32| {
        // 0 is left to the loader.
        if defined != 0 && defined != existing {
            differences.push(format!("{what} {existing} and {defined}"));
        }
    };
    compare("type", map.map_type.0, there.map_type);
    compare("key size", map.key_size, there.key_size);
    compare("value size", map.value_size, there.value_size);
    if !overridden && !adjusts_size {
        compare("max_entries", map.max_entries, there.max_entries);
    }
    if map.flags != there.flags {
        differences.push(format!("flags {:#x} and {:#x}", there.flags, map.flags));
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        Phase::Map,
        format!("map {}", map.name),
        format!("two objects define it differently: {}", differences.join(", ")),
    )
    .hint("maps of the same name are one map: rename one of them or define both alike"))
}

fn needs_target(program: &Program) -> bool {
    matches!(
        program,
        Program::FEntry(_)
            | Program::FExit(_)
            | Program::BtfTracePoint(_)
            | Program::Lsm(_)
            | Program::Iter(_)
    )
}

fn load(program: &mut Program, target: Option<&str>, what: &str) -> Result<(), Error> {
    let result = match (program, target) {
        (Program::KProbe(program), _) => program.load(),
        (Program::RawTracePoint(program), _) => program.load(),
        (Program::TracePoint(program), _) => program.load(),
        (Program::UProbe(program), _) => program.load(),
        (Program::PerfEvent(program), _) => program.load(),
        (Program::FEntry(program), Some(target)) => program.load(target, kernel_btf()?),
        (Program::FExit(program), Some(target)) => program.load(target, kernel_btf()?),
        (Program::BtfTracePoint(program), Some(target)) => program.load(target, kernel_btf()?),
        (Program::Lsm(program), Some(target)) => program.load(target, kernel_btf()?),
        (Program::Iter(program), Some(target)) => program.load(target, kernel_btf()?),
        (program, _) => {
            let program_type = program.prog_type();
            return Err(Error::new(
                Phase::Load,
                what,
                format!(
                    "it is not known what a program of type {program_type:?} is to be loaded for"
                ),
            )
            .hint("name its target in the section: SEC(\"fexit/FUNCTION\")"));
        }
    };
    result.map_err(|error| match target {
        Some(target) if cause::is_unknown_type(&error) => unknown_target(what, target, &error),
        _ => cause::of(Phase::Load, what, &error),
    })
}

/// Closes the loader's descriptor of a program whose pin keeps it, so that it can be loaded again:
/// for another target, or for the next alternative.
fn close(program: &mut Program) -> Result<(), ProgramError> {
    match program {
        Program::KProbe(program) => program.unload(),
        Program::RawTracePoint(program) => program.unload(),
        Program::TracePoint(program) => program.unload(),
        Program::UProbe(program) => program.unload(),
        Program::PerfEvent(program) => program.unload(),
        Program::FEntry(program) => program.unload(),
        Program::FExit(program) => program.unload(),
        Program::BtfTracePoint(program) => program.unload(),
        Program::Lsm(program) => program.unload(),
        Program::Iter(program) => program.unload(),
        _ => Ok(()),
    }
}

fn unknown_target(what: &str, target: &str, error: &ProgramError) -> Error {
    let error = error.to_string();
    let is_tracepoint = error.contains("btf_trace_");
    let mut result = Error::new(Phase::Load, what, "");
    result.target_missing = true;
    if is_tracepoint {
        result.detail = format!("the kernel's type information has no tracepoint {target}");
        result.hints = symbols::near_tracepoints(target);
    } else if error.contains("bpf_lsm_") {
        result.detail = format!("this kernel has no security hook {target}");
        result.hints =
            vec!["`security_{HOOK}` of the kernel's source is the hook `{HOOK}`".to_owned()];
    } else if error.contains("bpf_iter_") {
        result.detail = format!("this kernel has no iterator over {target}");
    } else {
        result.detail = format!("the kernel's type information has no function {target}");
        result.hints = symbols::near_functions(target);
    }
    result
}

/// The running kernel's types, parsed once a process and only when a program's target needs them.
fn kernel_btf() -> Result<&'static Btf, Error> {
    static KERNEL_BTF: OnceLock<Result<Btf, String>> = OnceLock::new();
    KERNEL_BTF
        .get_or_init(|| Btf::from_sys_fs().map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|error| {
            Error::new(Phase::Load, "the kernel's type information", error.as_str()).hint(
                "fentry, fexit and BTF tracepoints need a kernel built with CONFIG_DEBUG_INFO_BTF \
                 (/sys/kernel/btf/vmlinux)",
            )
        })
}
