//! What of a checked probe one of its tests needs in the kernel: the program that it runs, what that
//! can reach by tail calls, and their maps. Nothing is attached.

use crate::desired::{Desired, ProgramRef, ProgramUse, Slot, View};
use crate::model::{Model, Test};
use crate::object::Program;
use crate::rules::{Checked, checked, needs};

impl Checked {
    /// What a test needs, and the program that it runs.
    pub fn trial(&self, test: &Test) -> (Desired, ProgramRef) {
        let model = self.model();
        let run = checked::program(model, test.program.value);
        let all_slots = checked::slots(model, model.default_slots_of(vec![test.program.value]));
        let programs = reached(model, &run, &all_slots);
        let slots: Vec<Slot> = all_slots
            .into_iter()
            .filter(|slot| programs.iter().any(|program| program.uses(&slot.map)))
            .collect();
        let expect = &test.expect.value;
        let looked_at = expect.maps.iter().chain(&expect.events).map(|rows| rows.map.value);
        let views: Vec<View> = looked_at.map(|id| View::plain(&model.map(id).name)).collect();
        let maps = needs::maps(model, &programs, &slots, &views);
        let desired =
            Desired { programs, maps, slots, views, attach: Vec::new(), ..self.desired() };
        (desired, run)
    }
}

/// A program and those that it can come to by tail calls.
fn reached(model: &Model, first: &ProgramRef, slots: &[Slot]) -> Vec<ProgramUse> {
    let mut programs: Vec<ProgramUse> = Vec::new();
    let mut next = vec![first.clone()];
    while let Some(reference) = next.pop() {
        if programs.iter().any(|known| known.program == reference) {
            continue;
        }
        let Some(described) = find(model, &reference) else { continue };
        let program = ProgramUse::of(&reference.object, described);
        let handlers = slots.iter().filter(|slot| program.uses(&slot.map));
        next.extend(handlers.map(|slot| slot.program.clone()));
        programs.push(program);
    }
    programs
}

fn find<'a>(model: &'a Model, reference: &ProgramRef) -> Option<&'a Program> {
    let object = model.objects.iter().find(|object| object.alias.value == reference.object)?;
    object.file.inventory.programs.iter().find(|program| program.name == reference.name)
}
