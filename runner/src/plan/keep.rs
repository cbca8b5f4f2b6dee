//! What of a probe that runs can stay when another is asked for.
//!
//! Something stays if it was made from the same definition and the kernel still holds it: what the
//! state file says was made must be there under the same id. Whatever rests on something that goes,
//! goes too: a program on its maps and its read-only variables, a link on its program.

use crate::desired::{
    Attachment, Desired, GlobalValue, MapDefinition, ProgramRef, ProgramUse, SectionDefinition,
};
use crate::live::{LinkKeeper, Live, ProgramRecord, Record};

/// What stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Maps by name, those of variables included.
    pub maps: Vec<String>,
    /// Programs, as they were loaded.
    pub programs: Vec<ProgramRecord>,
    /// For each attachment that is asked for: which of those that are there it is, if it stays.
    pub attachments: Vec<Option<usize>>,
}

impl Keep {
    /// Whether a map stays.
    pub fn has_map(&self, name: &str) -> bool {
        self.maps.iter().any(|kept| kept == name)
    }

    /// A program that stays, as it was loaded for a target.
    pub fn program(&self, program: &ProgramRef, target: Option<&str>) -> Option<&ProgramRecord> {
        self.programs
            .iter()
            .find(|kept| kept.program == *program && kept.target.as_deref() == target)
    }

    /// Whether a program stays, whatever it was loaded for.
    pub fn has_program(&self, program: &ProgramRef) -> bool {
        self.programs.iter().any(|kept| kept.program == *program)
    }
}

/// What can stay of what the record tells of and the kernel still has.
pub fn keep(desired: &Desired, record: &Record, live: &Live) -> Keep {
    let before = Before { desired, record, live };
    let mut keep = Keep::default();
    let maps = desired.maps.iter().filter(|map| before.has_map(map));
    keep.maps.extend(maps.map(|map| map.name.clone()));
    let sections = desired.sections.iter().filter(|section| before.has_section(section));
    keep.maps.extend(sections.map(SectionDefinition::map_name));
    let programs = record.programs.iter().filter(|program| before.has_program(program, &keep));
    keep.programs = programs.cloned().collect();
    for wanted in &desired.attach {
        let index = before.attachment(wanted, &keep);
        keep.attachments.push(index);
    }
    keep
}

/// The maps that don't stay and whose entries are to be copied: those that the file names, as far as the
/// kernel still has the old one and the new one takes the same keys and values.
pub fn migrations(desired: &Desired, record: &Record, live: &Live, keep: &Keep) -> Vec<String> {
    let before = Before { desired, record, live };
    let takes_the_same = |name: &String| {
        let (Some(new), Some(old)) = (desired.map(name), record.desired.map(name)) else {
            return false;
        };
        let sizes = |map: &MapDefinition| (map.key_size, map.value_size);
        sizes(new) == sizes(old)
            && new.map_type().is_per_cpu() == old.map_type().is_per_cpu()
            && new.map_type().has_copyable_entries()
            && old.map_type().has_copyable_entries()
    };
    let wanted = desired.migrate.iter();
    wanted
        .filter(|name| !keep.has_map(name) && before.is_pinned(name) && takes_the_same(name))
        .cloned()
        .collect()
}

/// A wish and what was there before it.
struct Before<'a> {
    desired: &'a Desired,
    record: &'a Record,
    live: &'a Live,
}

impl Before<'_> {
    fn has_map(&self, wanted: &MapDefinition) -> bool {
        self.record.desired.map(&wanted.name) == Some(wanted)
            && self.is_pinned(&wanted.name)
            && self.same_halves(&wanted.name)
    }

    /// An array with two halves and the variable that says which is in use stay or go together.
    fn same_halves(&self, map: &str) -> bool {
        let generation = self.desired.generation(map);
        let same = generation == self.record.desired.generation(map);
        let sections = &self.desired.sections;
        same && generation.is_none_or(|generation| {
            let section = sections.iter().find(|one| one.map_name() == generation.variables());
            section.is_some_and(|section| self.has_variables(section))
        })
    }

    /// Variables that programs write keep their values when their object changes and they lie where
    /// they lay; those that they can't write were settled when their map was made.
    fn has_section(&self, wanted: &SectionDefinition) -> bool {
        let mut generations = self.desired.generations.iter();
        self.has_variables(wanted)
            && generations.all(|generation| {
                generation.variables() != wanted.map_name()
                    || self.desired.map(&generation.map).is_none_or(|map| self.has_map(map))
            })
    }

    fn has_variables(&self, wanted: &SectionDefinition) -> bool {
        self.record.desired.sections.iter().any(|made| made.is_laid_out_as(wanted))
            && self.is_pinned(&wanted.map_name())
            && (!wanted.is_read_only() || self.same_code(&wanted.object))
    }

    /// Whether there was such a map; sections that no program uses don't become one.
    fn was_made(&self, name: &str) -> bool {
        self.record.maps.iter().any(|made| made.name == name)
    }

    fn is_pinned(&self, name: &str) -> bool {
        let Some(made) = self.record.maps.iter().find(|made| made.name == name) else {
            return false;
        };
        self.live.maps.iter().any(|live| live.name == name && live.id == made.id)
    }

    /// Whether an object's instructions and the values compiled into them are the same.
    fn same_code(&self, alias: &str) -> bool {
        let digest = |wish: &Desired| {
            let mut objects = wish.objects.iter();
            objects.find(|object| object.alias == alias).map(|object| object.sha256.clone())
        };
        digest(self.desired).is_some()
            && digest(self.desired) == digest(&self.record.desired)
            && settled(self.desired, alias).eq(settled(&self.record.desired, alias))
    }

    fn has_program(&self, made: &ProgramRecord, keep: &Keep) -> bool {
        let Some(used) = self.desired.program(&made.program) else {
            return false;
        };
        let sections = self.desired.sections.iter();
        self.same_use(used)
            && self.same_code(&made.program.object)
            && used.maps.iter().all(|map| keep.has_map(map))
            && sections
                .filter(|section| section.object == made.program.object)
                .map(SectionDefinition::map_name)
                .all(|map| keep.has_map(&map) || !self.was_made(&map))
            && self.live.programs.iter().any(|live| live.pin == made.pin && live.id == made.id)
    }

    fn same_use(&self, used: &ProgramUse) -> bool {
        self.record.desired.program(&used.program) == Some(used)
    }

    /// The attachment of before that is the wanted one, with all its programs and links.
    fn attachment(&self, wanted: &Attachment, keep: &Keep) -> Option<usize> {
        let taken = &keep.attachments;
        let before = self.record.desired.attach.iter().zip(&self.record.attachments).enumerate();
        let mut same = before.filter(|(index, (asked, made))| {
            *asked == wanted
                && !taken.contains(&Some(*index))
                && made.links.iter().all(|link| {
                    let LinkKeeper::Pin { name, id } = &link.keeper else {
                        return false;
                    };
                    let mut links = self.live.links.iter();
                    links.find(|live| live.pin == *name && live.id == *id).is_some_and(|live| {
                        keep.programs.iter().any(|program| {
                            program.program == link.program && program.id == live.program_id
                        })
                    })
                })
        });
        same.next().map(|(index, _)| index)
    }
}

/// The values of an object's variables that no program can write.
fn settled<'a>(wish: &'a Desired, alias: &'a str) -> impl Iterator<Item = &'a GlobalValue> {
    wish.globals.iter().filter(move |global| {
        global.object == alias
            && wish.section_of(global).is_none_or(SectionDefinition::is_read_only)
    })
}
