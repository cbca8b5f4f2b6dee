//! What a program really comes to on a kernel: code behind a question that the kernel answers with no
//! is never run, and what it lacks doesn't matter.

use std::collections::BTreeSet;

use crate::desired::Value;
use crate::model::{Model, ProgramId};
use crate::object::link::reach::{self, Constants};
use crate::object::link::{DataSection, LinkedProgram, Missing};
use crate::prove::names::Numbering;
use crate::prove::trial::Trial;

/// Where the kernel's configuration is, as the linker calls the section.
const CONFIG_SECTION: &str = ".kconfig";

/// What a kernel lacks of what a program comes to.
#[derive(Default)]
pub(super) struct Lacks<'l> {
    /// Fields, types, functions.
    pub(super) missing: Vec<&'l Missing>,
    /// Helpers, by number.
    pub(super) helpers: BTreeSet<u32>,
}

/// Finds out what a kernel lacks of a linked program. What can't be found out is not lacking.
pub(super) fn lacks<'l>(
    trial: &Trial<'_>,
    program: ProgramId,
    linked: &'l LinkedProgram,
) -> Lacks<'l> {
    let unknown = |helper: &u32| trial.kernel.lacks(Numbering::Helper, *helper);
    let calls_unknown = trial.model.program(program).helpers.iter().any(unknown);
    if linked.missing.is_empty() && !calls_unknown {
        return Lacks::default();
    }
    let variables = Variables {
        sections: trial.objects.data(trial.model, program.object),
        model: trial.model,
        object: program.object,
        knows_config: trial.kernel.kernel.config.is_some(),
    };
    let Some(reached) = reach::reached(linked, &variables) else {
        return Lacks::default();
    };
    let missing: Vec<&Missing> =
        linked.missing.iter().filter(|missing| reached[missing.instruction]).collect();
    let calls = linked.instructions.iter().enumerate().filter(|&(at, _)| {
        reached[at] && !linked.missing.iter().any(|missing| missing.instruction == at)
    });
    let helpers = calls.filter_map(|(_, instruction)| instruction.helper()).filter(unknown);
    Lacks { missing, helpers: helpers.collect() }
}

/// The variables of an object that programs can't write, with the values that the probe gives them.
struct Variables<'v> {
    sections: &'v [DataSection],
    model: &'v Model,
    object: usize,
    knows_config: bool,
}

impl Constants for Variables<'_> {
    fn number(&self, section: &str, offset: u64, size: u8) -> Option<u64> {
        if section == CONFIG_SECTION && !self.knows_config {
            return None;
        }
        let data = self.sections.iter().find(|data| data.name == section && data.read_only)?;
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(size.into())?;
        let mut bytes = data.bytes.get(start..end)?.to_vec();
        for setting in self.model.globals.iter().filter(|setting| setting.object == self.object) {
            let global = self.model.global(setting);
            let from = global.offset as usize;
            if global.section != section || from >= end || from + global.size as usize <= start {
                continue;
            }
            let Value::Bytes(value) = &setting.value.value else {
                return None;
            };
            for (index, &byte) in value.iter().enumerate() {
                let place = (from + index).checked_sub(start).and_then(|at| bytes.get_mut(at));
                if let Some(place) = place {
                    *place = byte;
                }
            }
        }
        bytes.resize(8, 0);
        bytes.try_into().ok().map(u64::from_le_bytes)
    }
}
