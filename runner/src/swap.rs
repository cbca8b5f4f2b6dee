//! Another program for some slots of a probe that runs, without its file.
//!
//! Pure: from what runs and what is asked for comes a wish, which is planned and executed like any other.
//! Whatever would not work is told here, before the kernel is asked. The programs that the file puts into
//! the slots stay loaded, so that they can come back at once.

mod temporary;

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;

use crate::desired::{
    Desired, MapDefinition, ObjectRef, ProgramRef, ProgramUse, SectionDefinition, Slot,
};
use crate::live::{Replaced, Temporary};
use crate::object::{Inventory, MapType};
use crate::rules;
use crate::text::suggest::{listed, nearest};

/// How many names a message lists.
const LISTED: usize = 12;

/// An object that programs are taken from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its name in the probe, and its file.
    pub object: &'a ObjectRef,
    /// What it holds.
    pub inventory: &'a Inventory,
}

/// What is asked for: slots of one PROG_ARRAY.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The PROG_ARRAY.
    pub map: &'a str,
    /// Slots, and the program for them: `program` or `alias/program`.
    pub slots: &'a [(Vec<RangeInclusive<u32>>, String)],
    /// If it is for a while, when it was asked for, which tells it from others.
    pub temporary: Option<u64>,
}

/// What there is to be after a swap, or after the end of one.
#[derive(Debug)]
pub struct Swap {
    /// What is to run.
    pub wish: Desired,
    /// Swaps for a while that aren't over then.
    pub temporary: Vec<Temporary>,
}

/// Why slots can't be swapped.
#[derive(Debug)]
pub struct SwapError {
    message: String,
    hints: Vec<String>,
}

/// What makes the slots hold what is asked for. `file` is what the probe's file asks for, `now` what runs: the same, or with
/// slots that were swapped before, some of them for a while (`temporary`).
///
/// # Errors
/// See [`SwapError`].
pub fn swapped(
    file: &Desired,
    now: &Desired,
    temporary: &[Temporary],
    request: &Request<'_>,
    sources: &[Source<'_>],
) -> Result<Swap, SwapError> {
    let array = array(now, request.map)?;
    let mut swap = Swap { wish: now.clone(), temporary: temporary.to_vec() };
    let mut replaced = Vec::new();
    for (ranges, name) in request.slots {
        let source = find(now, sources, name)?;
        let used = used(now, sources, &source, array)?;
        take_in(&mut swap.wish, sources, &used)?;
        for index in ranges.iter().flat_map(Clone::clone) {
            check_index(now, array, index)?;
            let program = Some(used.program.clone());
            let before = put(&mut swap.wish, &array.name, index, program);
            replaced.push(Replaced { map: array.name.clone(), index, before });
        }
    }
    match request.temporary {
        Some(at) => temporary::begin(&mut swap.temporary, at, replaced),
        None => temporary::settle(&mut swap.temporary, &replaced),
    }
    swap.drop_unused(file);
    Ok(swap)
}

/// What makes the slots of a swap for a while hold again what they held before it; `None` if there is no such swap.
pub fn taken_back(file: &Desired, now: &Desired, temporary: &[Temporary], at: u64) -> Option<Swap> {
    let mut swap = Swap { wish: now.clone(), temporary: temporary.to_vec() };
    for Replaced { map, index, before } in temporary::end(&mut swap.temporary, at)? {
        put(&mut swap.wish, &map, index, before);
    }
    swap.drop_unused(file);
    Some(swap)
}

/// Puts a program into a slot, or empties it; what it held.
fn put(
    wish: &mut Desired,
    map: &str,
    index: u32,
    program: Option<ProgramRef>,
) -> Option<ProgramRef> {
    let position = wish.slots.iter().position(|slot| slot.map == map && slot.index == index);
    let before = position.map(|position| wish.slots.swap_remove(position).program);
    wish.slots.extend(program.map(|program| Slot { map: map.to_owned(), index, program }));
    before
}

fn array<'a>(now: &'a Desired, name: &str) -> Result<&'a MapDefinition, SwapError> {
    let arrays = || {
        let maps = now.maps.iter().filter(|map| map.map_type() == MapType::PROG_ARRAY);
        maps.map(|map| map.name.as_str())
    };
    match now.map(name) {
        Some(map) if map.map_type() == MapType::PROG_ARRAY => Ok(map),
        Some(map) => {
            Err(SwapError::new(format!("{name} has no slots: it is a {}", map.map_type()))
                .hint(format!("PROG_ARRAYs of this probe: {}", listed(arrays(), LISTED))))
        }
        None => Err(SwapError::new(format!("the probe has no map {name}"))
            .meant(nearest(name, arrays()))
            .hint(format!("its PROG_ARRAYs: {}", listed(arrays(), LISTED)))),
    }
}

fn check_index(now: &Desired, array: &MapDefinition, index: u32) -> Result<(), SwapError> {
    let slots = now.half(&array.name);
    if index < slots {
        return Ok(());
    }
    Err(SwapError::new(format!("slot {index} is not in {}: it has {slots}", array.name)).hint(
        format!(
            "raise it in the file: `maps: {{ {}: {{ max_entries: {} }} }}`",
            array.name,
            index.saturating_add(1)
        ),
    ))
}

/// The program of a name, in use or among those of the objects at hand.
fn find(now: &Desired, sources: &[Source<'_>], name: &str) -> Result<ProgramRef, SwapError> {
    let (alias, program) = match name.split_once('/') {
        Some((alias, program)) => (Some(alias), program),
        None => (None, name),
    };
    let all = || {
        let used = now.programs.iter().map(|used| used.program.clone());
        let held = sources.iter().flat_map(|source| {
            source.inventory.programs.iter().map(|program| ProgramRef {
                object: source.object.alias.clone(),
                name: program.name.clone(),
            })
        });
        used.chain(held)
    };
    let mut found: Vec<ProgramRef> = all()
        .filter(|one| one.name == program && alias.is_none_or(|alias| alias == one.object))
        .collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let mut names: Vec<String> =
                all().map(|program| format!("{}/{}", program.object, program.name)).collect();
            names.sort_unstable();
            names.dedup();
            let full = names.iter().map(String::as_str);
            let bare = names.iter().filter_map(|name| Some(name.split_once('/')?.1));
            Err(SwapError::new(format!("there is no program {name}"))
                .meant(nearest(name, full.clone()).or_else(|| nearest(program, bare)))
                .hint(format!("programs there are: {}", listed(full, LISTED)))
                .hint("another object's: `--object ALIAS=FILE`, and `SLOT=ALIAS/PROGRAM`"))
        }
        several => {
            let names: Vec<String> =
                several.iter().map(|one| format!("{}/{}", one.object, one.name)).collect();
            Err(SwapError::new(format!("several objects have a program {program}"))
                .hint(format!("say which: {}", names.join(", "))))
        }
    }
}

/// What a program needs, if it can sit in the array (`__bpf_prog_map_compatible`, kernel/bpf/core.c).
fn used(
    now: &Desired,
    sources: &[Source<'_>],
    program: &ProgramRef,
    array: &MapDefinition,
) -> Result<ProgramUse, SwapError> {
    let used = match now.program(program) {
        Some(used) => used.clone(),
        None => {
            let source = sources.iter().find(|source| source.object.alias == program.object);
            let held = source.and_then(|source| {
                source.inventory.programs.iter().find(|held| held.name == program.name)
            });
            let Some(held) = held else {
                return Err(SwapError::new(format!("there is no program {}", program.name)));
            };
            ProgramUse::of(&program.object, held)
        }
    };
    let section = used.section();
    let target = now.caller_target(&array.name).or_else(|| section.target.clone());
    let kind = rules::kind(&section, target.as_deref());
    match &array.owner {
        Some(owner) if *owner != kind => Err(SwapError::new(format!(
            "{}/{} can't sit in {}: it is {kind}, the array is for {owner}",
            program.object, program.name, array.name
        ))
        .hint(format!(
            "it was compiled as SEC(\"{}\"); use a handler of the array's kind",
            section.name
        ))),
        _ => Ok(used),
    }
}

/// Adds a program with its object, and the maps and variables that it needs.
fn take_in(wish: &mut Desired, sources: &[Source<'_>], used: &ProgramUse) -> Result<(), SwapError> {
    if wish.program(&used.program).is_some() {
        return Ok(());
    }
    let alias = &used.program.object;
    let Some(source) = sources.iter().find(|source| source.object.alias == *alias) else {
        return Err(SwapError::new(format!("object {alias} is not at hand"))
            .hint(format!("name its file: `--object {alias}=FILE`")));
    };
    if !wish.objects.iter().any(|object| object.alias == *alias) {
        wish.objects.push(source.object.clone());
        wish.sections.extend(SectionDefinition::all(alias, source.inventory));
    }
    for name in &used.maps {
        let Some(map) = source.inventory.maps.iter().find(|map| map.name == *name) else {
            continue;
        };
        let own = MapDefinition::of(alias, map);
        match wish.map(name) {
            Some(there) if !alike(there, &own) => {
                return Err(SwapError::new(format!(
                    "{alias}/{} means another map by {name}: key {} and value {} bytes, the probe's has {} and {}",
                    used.program.name, own.key_size, own.value_size, there.key_size, there.value_size
                ))
                .hint("maps of one name are one map: compile the handler with the probe's definition"));
            }
            Some(_) => {}
            None => wish.maps.push(own),
        }
    }
    wish.programs.push(used.clone());
    Ok(())
}

/// Whether two definitions are of one map; its capacity is the probe's business.
fn alike(there: &MapDefinition, own: &MapDefinition) -> bool {
    (there.map_type, there.key_size, there.value_size)
        == (own.map_type, own.key_size, own.value_size)
}

impl Swap {
    /// Takes out what only slots needed that were swapped before, and puts the slots in order.
    fn drop_unused(&mut self, file: &Desired) {
        let Swap { wish, temporary } = self;
        let (slots, temporary) = (wish.slots.clone(), &*temporary);
        wish.programs.retain(|used| {
            let mut comes_back = temporary.iter().flat_map(|temporary| &temporary.slots);
            file.program(&used.program).is_some()
                || slots.iter().any(|slot| slot.program == used.program)
                || comes_back.any(|slot| slot.before.as_ref() == Some(&used.program))
        });
        let programs = wish.programs.clone();
        wish.maps.retain(|map| {
            file.map(&map.name).is_some() || programs.iter().any(|used| used.uses(&map.name))
        });
        let is_used = |alias: &str| {
            file.objects.iter().any(|object| object.alias == alias)
                || programs.iter().any(|used| used.program.object == alias)
        };
        wish.objects.retain(|object| is_used(&object.alias));
        wish.sections.retain(|section| is_used(&section.object));
        wish.slots.sort_by(|a, b| (&a.map, a.index).cmp(&(&b.map, b.index)));
    }
}

impl SwapError {
    fn new(message: impl Into<String>) -> SwapError {
        SwapError { message: message.into(), hints: Vec::new() }
    }

    fn hint(mut self, hint: impl Into<String>) -> SwapError {
        self.hints.push(hint.into());
        self
    }

    fn meant(self, name: Option<&str>) -> SwapError {
        match name {
            Some(name) => self.hint(format!("did you mean {name}?")),
            None => self,
        }
    }
}

impl fmt::Display for SwapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

impl Error for SwapError {}
