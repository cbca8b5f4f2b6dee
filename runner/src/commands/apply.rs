//! `probe-runner apply`: brings the kernel to what the files say, and keeps it there.

use crate::apply::{Applied, Wish, apply, delete};
use crate::commands::consent::{self, Consent};
use crate::commands::pending::{self, Pending, Wanted};
use crate::commands::{Format, Outcome, attached, report};
use crate::kernel::lock::Lock;
use crate::kernel::{Error, ObjectFile, WholeLog};
use crate::model::Object;
use crate::plan::Step;
use crate::probe_files::{Inputs, ProbeFiles};
use crate::rules::Checked;
use serde_json::{Value, json};
use std::io::Write;

/// What may be done to what runs.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Delete the probes whose file is gone.
    pub prune: bool,
    /// Whether data may be lost without being asked about.
    pub consent: Consent,
}

/// Applies the files' probes, one after the other; one that fails doesn't stop the next. Then the probes
/// whose file is gone are deleted, if that is asked for.
///
/// # Errors
/// A file can't be read, the lock can't be had, nobody agreed to data being lost, or the output can't be
/// written.
pub fn run(
    inputs: &Inputs,
    terms: Terms,
    format: Format,
    log: WholeLog,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let files = ProbeFiles::load(inputs)?;
    report::findings(&files)?;
    let Some(probes) = files.all_checked() else { return Ok(Outcome::FileWrong) };
    let _lock = Lock::acquire("apply")?;
    let mut all: Vec<(String, Result<Pending<'_>, Error>)> = probes
        .iter()
        .map(|checked| (checked.model().name.value.clone(), Pending::of(checked)))
        .collect();
    if terms.prune {
        let gone = pending::without_file(inputs, &probes)?;
        all.extend(gone.into_iter().map(|pending| (pending.probe.clone(), Ok(pending))));
    }
    let plans = all.iter().filter_map(|(_, pending)| pending.as_ref().ok());
    consent::of(plans.map(|pending| &pending.plan), terms.consent)?;

    let mut outcome = Outcome::Done;
    let mut documents = Vec::new();
    for (probe, pending) in all {
        match pending.and_then(|pending| one(&pending)) {
            Ok(applied) => {
                explain(&probe, &applied);
                documents.push(document(&probe, &applied));
                if format == Format::Human {
                    writeln!(out, "probe/{probe} {}", applied.outcome.name())?;
                    out.flush()?;
                }
            }
            Err(error) => {
                report::failure(&probe, &error, log);
                documents.push(
                    json!({ "probe": probe, "result": "failed", "error": error.to_string() }),
                );
                outcome = Outcome::Failed;
            }
        }
    }
    if format == Format::Json {
        let document = json!({ "schema_version": 1, "probes": documents });
        serde_json::to_writer_pretty(&mut *out, &document)?;
        writeln!(out)?;
    }
    Ok(outcome)
}

fn one(pending: &Pending<'_>) -> Result<Applied, Error> {
    let Pending { probe, wanted, live, plan } = pending;
    let Some(Wanted { checked, desired }) = wanted else {
        delete(probe)?;
        let (attachments, notes) = (Vec::new(), Vec::new());
        return Ok(Applied { outcome: plan.outcome(), attachments, notes });
    };
    for step in &plan.steps {
        if matches!(step, Step::Change(_) | Step::ClearLeftovers(_)) {
            report::note(probe, &step.to_string());
        }
    }
    apply(plan, Wish { desired, swapped: None }, live.as_ref(), &objects(checked))
}

/// The objects of a probe as the kernel stage takes them.
pub fn objects(checked: &Checked) -> Vec<ObjectFile<'_>> {
    checked.model().objects.iter().map(object).collect()
}

fn object(object: &Object) -> ObjectFile<'_> {
    ObjectFile {
        alias: &object.alias.value,
        bytes: &object.file.bytes,
        inventory: &object.file.inventory,
    }
}

fn explain(probe: &str, applied: &Applied) {
    for text in &applied.notes {
        report::note(probe, text);
    }
    for text in applied.attachments.iter().flat_map(attached::reasons) {
        report::note(probe, &text);
    }
    attached::warn(probe, &applied.attachments);
}

fn document(probe: &str, applied: &Applied) -> Value {
    json!({
        "probe": probe,
        "result": applied.outcome.name(),
        "attachments": applied.attachments.iter().map(attached::document).collect::<Vec<_>>(),
    })
}
