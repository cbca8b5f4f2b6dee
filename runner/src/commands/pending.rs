//! What `plan` shows and `apply` executes: a plan for each probe of the files, and for those whose file is gone.

use crate::desired::Desired;
use crate::kernel::{Error, observe};
use crate::live::Live;
use crate::plan::{self, Plan};
use crate::probe_files::Inputs;
use crate::rules::Checked;
use anyhow::{Context, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// A probe with its plan.
pub struct Pending<'a> {
    /// The probe's name.
    pub probe: String,
    /// What its file asks for; `None` if it is to be deleted.
    pub wanted: Option<Wanted<'a>>,
    /// What is there.
    pub live: Option<Live>,
    /// How the one becomes the other.
    pub plan: Plan,
}

/// What a file asks for.
pub struct Wanted<'a> {
    /// The file's probe.
    pub checked: &'a Checked,
    /// The same as plain data.
    pub desired: Desired,
}

impl<'a> Pending<'a> {
    /// Plans for the probe of a file.
    ///
    /// # Errors
    /// The kernel can't be asked what is there.
    pub fn of(checked: &'a Checked) -> Result<Pending<'a>, Error> {
        let desired = checked.desired();
        let live = observe::observe(&desired.probe)?;
        let plan = plan::plan(&desired, live.as_ref());
        let probe = desired.probe.clone();
        Ok(Pending { probe, wanted: Some(Wanted { checked, desired }), live, plan })
    }
}

/// Plans to delete the probes that were applied from a file of the directories that isn't there any more,
/// or holds another probe now.
///
/// # Errors
/// No directory is named, or the kernel can't be asked what is there.
pub fn without_file(
    inputs: &Inputs,
    checked: &[&Checked],
) -> anyhow::Result<Vec<Pending<'static>>> {
    let named = inputs.paths.iter().filter(|path| path.is_dir());
    let directories = named
        .map(|path| {
            fs::canonicalize(path).with_context(|| format!("can't find {}", path.display()))
        })
        .collect::<anyhow::Result<Vec<PathBuf>>>()?;
    ensure!(!directories.is_empty(), "--prune looks for files that are gone: name their directory");
    let mut pending = Vec::new();
    for probe in observe::probes()? {
        if checked.iter().any(|checked| checked.model().name.value == probe) {
            continue;
        }
        let Some(live) = observe::observe(&probe)? else { continue };
        let was_there = live.record.as_ref().is_some_and(|record| {
            let directory = Path::new(&record.desired.file).parent();
            directory.is_some_and(|directory| directories.iter().any(|one| one == directory))
        });
        if was_there {
            let plan = plan::removal(&live);
            pending.push(Pending { probe, wanted: None, live: Some(live), plan });
        }
    }
    Ok(pending)
}
