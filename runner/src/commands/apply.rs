//! `probe-runner apply`: brings the kernel to what the files say, and keeps it there.

use crate::apply::{Applied, Wish, apply};
use crate::commands::{Format, Outcome, attached, report};
use crate::kernel::lock::Lock;
use crate::kernel::{Error, ObjectFile, WholeLog, observe};
use crate::model::Object;
use crate::plan::{Step, plan};
use crate::probe_files::{Inputs, ProbeFiles};
use crate::rules::Checked;
use serde_json::{Value, json};
use std::io::Write;

/// Applies the files' probes, one after the other; one that fails doesn't stop the next.
///
/// # Errors
/// A file can't be read, the lock can't be had, or the output can't be written.
pub fn run(
    inputs: &Inputs,
    format: Format,
    log: WholeLog,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let files = ProbeFiles::load(inputs)?;
    report::findings(&files)?;
    let Some(probes) = files.all_checked() else { return Ok(Outcome::FileWrong) };
    let _lock = Lock::acquire("apply")?;
    let mut outcome = Outcome::Done;
    let mut documents = Vec::new();
    for checked in probes {
        let probe = &checked.model().name.value;
        match one(checked) {
            Ok(applied) => {
                explain(checked, &applied);
                documents.push(document(probe, &applied));
                if format == Format::Human {
                    writeln!(out, "probe/{probe} {}", applied.outcome.name())?;
                    out.flush()?;
                }
            }
            Err(error) => {
                report::failure(probe, &error, log);
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

fn one(checked: &Checked) -> Result<Applied, Error> {
    let desired = checked.desired();
    let live = observe::observe(&desired.probe)?;
    let plan = plan(&desired, live.as_ref());
    for step in &plan.steps {
        if matches!(step, Step::Change(_) | Step::ClearLeftovers) {
            report::note(&desired.probe, &step.to_string());
        }
    }
    apply(&plan, Wish { desired: &desired, swapped: None }, live.as_ref(), &objects(checked))
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

fn explain(checked: &Checked, applied: &Applied) {
    let probe = &checked.model().name.value;
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
