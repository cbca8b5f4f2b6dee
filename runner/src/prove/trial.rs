//! One probe tried on one kernel, in the order in which it would be brought up there.

use std::collections::BTreeSet;

use crate::desired::MapDefinition;
use crate::model::{Model, ProgramId};
use crate::prove::alternatives;
use crate::prove::loss;
use crate::prove::names::KernelNames;
use crate::prove::objects::LinkedObjects;
use crate::prove::programs;
use crate::prove::tables;
use crate::prove::twice;
use crate::prove::{Choice, Verdict};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Severity};
use crate::text::source::At;

/// A probe and a kernel.
pub(super) struct Trial<'t> {
    pub(super) model: &'t Model,
    pub(super) kernel: &'t KernelNames<'t>,
    pub(super) objects: &'t LinkedObjects,
    /// The maps that are made.
    pub(super) maps: &'t [MapDefinition],
}

impl Trial<'_> {
    /// What the kernel makes of the probe, and what is to be said about it.
    pub(super) fn verdict(&self) -> (Verdict, Vec<Diagnostic>) {
        let mut findings = programs::maps(self);
        let mut seen: BTreeSet<ProgramId> = BTreeSet::new();
        for handler in self.handlers() {
            if seen.insert(handler.value) {
                findings.extend(programs::loads(self, &handler));
            }
        }
        let mut attachments = Vec::new();
        let mut taken = Vec::new();
        for attachment in &self.model.attach {
            let (choice, found) = alternatives::choose(self, attachment);
            findings.extend(found);
            if let Choice::Taken { alternative, .. } = choice {
                taken.push(&attachment.alternatives[alternative]);
            }
            attachments.push(choice);
        }
        findings.extend(twice::check(self, &taken));
        findings.extend(tables::check(self, &taken));
        findings.extend(loss::notes(self, &taken));
        let errors = findings.iter().filter(|one| one.severity == Severity::Error);
        let fails: BTreeSet<Code> = errors.map(|one| one.code).collect();
        (Verdict { attachments, fails: fails.into_iter().collect() }, findings)
    }

    /// The programs in slots, with where the file brings them.
    fn handlers(&self) -> Vec<At<ProgramId>> {
        let entries = self.model.tail_calls.iter().flat_map(|table| &table.slots);
        let defaults =
            self.model.default_slots().into_iter().map(|slot| {
                At::new(slot.program, self.model.objects[slot.program.object].alias.span)
            });
        entries.map(|entry| entry.program.clone()).chain(defaults).collect()
    }
}
