//! Proves checked probes right for kernels that needn't run here: from their types alone.
//!
//! A kernel is asked what loading and attaching would ask it: whether it has the function, whether the
//! programs can be linked for it (by the linker that loads them), which of several alternatives it
//! takes. What a kernel's types don't tell is a warning or nothing, never an error: an error here is
//! one that the kernel would make. Nothing here asks the running kernel; the rules that hold for every
//! kernel are in [`crate::rules`].

mod alternatives;
mod cookies;
mod guarded;
mod hooks;
mod kprobes;
mod loss;
mod merge;
mod names;
mod objects;
mod programs;
mod since;
mod tables;
mod tracepoints;
mod trampolines;
mod trial;
mod twice;

use crate::desired::{HookKind, MapDefinition};
use crate::kernels::Kernel;
use crate::rules::Checked;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;

use names::KernelNames;
use objects::Objects;
use trial::Trial;

/// What probes come to on kernels.
#[derive(Debug)]
pub struct Proof {
    /// The kernels' names, in the order in which they were given.
    pub kernels: Vec<String>,
    /// The probes, in the order in which they were given.
    pub probes: Vec<ProbeProof>,
}

/// What one probe comes to.
#[derive(Debug)]
pub struct ProbeProof {
    /// One verdict a kernel.
    pub verdicts: Vec<Verdict>,
    /// What is to be said in the probe's file; what several kernels have in common is said once.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a kernel makes of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of each attachment, in the order of the file.
    pub attachments: Vec<Choice>,
    /// The errors' codes, each once; none if the kernel takes the probe.
    pub fails: Vec<Code>,
}

/// What becomes of an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The kernel takes it.
    Taken {
        /// Which alternative, counted from 0.
        alternative: usize,
        /// How many there are.
        of: usize,
        /// The way of attaching.
        kind: HookKind,
    },
    /// What it is for doesn't exist, and `on_missing` says that this is all right.
    LeftOut {
        /// The first alternative's way of attaching.
        kind: HookKind,
    },
    /// The kernel takes no alternative.
    Refused,
}

impl Verdict {
    /// Whether the kernel takes the probe.
    pub fn holds(&self) -> bool {
        self.fails.is_empty()
    }
}

/// Proves probes against kernels. The kernels change only in what they have looked up.
pub fn prove(probes: &[&Checked], kernels: &mut [Kernel]) -> Proof {
    let objects = Objects::of(probes);
    let maps: Vec<Vec<MapDefinition>> = probes.iter().map(|probe| probe.desired().maps).collect();
    let mut found: Vec<Vec<(Verdict, Vec<Diagnostic>)>> =
        probes.iter().map(|_| Vec::new()).collect();
    for kernel in kernels.iter_mut() {
        kernel.types.prepare(objects.type_names());
        let names = KernelNames::read(kernel);
        let linked = objects.link(&names);
        for ((probe, maps), found) in probes.iter().zip(&maps).zip(&mut found) {
            let model = probe.model();
            let trial = Trial { model, kernel: &names, objects: &linked, maps };
            found.push(trial.verdict());
        }
    }
    let kernels: Vec<String> = kernels.iter().map(|kernel| kernel.name.clone()).collect();
    let probes = probes.iter().zip(found).map(|(probe, found)| {
        let (verdicts, findings): (Vec<Verdict>, Vec<Vec<Diagnostic>>) = found.into_iter().unzip();
        let mut diagnostics = merge::merge(&kernels, findings);
        alternatives::never_taken(probe.model(), &verdicts, &mut diagnostics);
        ProbeProof { verdicts, diagnostics }
    });
    Proof { probes: probes.collect(), kernels }
}
