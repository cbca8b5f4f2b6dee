//! `probe-runner doctor`: what this kernel and these privileges allow, and how to get the rest.

use crate::commands::{Format, Outcome};
use crate::kernel::features::{self, Feature};
use serde_json::{Value, json};
use std::io::Write;

/// Tries everything and shows what was found.
///
/// # Errors
/// The output can't be written.
pub fn run(format: Format, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let features = features::probe();
    match format {
        Format::Human => human(&features, out)?,
        Format::Json => {
            let features: Vec<Value> = features.iter().map(document).collect();
            let document = json!({ "schema_version": 1, "features": features });
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)?;
        }
    }
    Ok(Outcome::Done)
}

fn human(features: &[Feature], out: &mut impl Write) -> anyhow::Result<()> {
    let width = features.iter().map(|feature| feature.name.len()).max().unwrap_or_default();
    for feature in features {
        let mark = if feature.ok { "ok" } else { "--" };
        writeln!(out, "{mark}  {:width$}  {}", feature.name, feature.detail)?;
        if let Some(step) = &feature.next_step {
            writeln!(out, "    {:width$}  next: {step}", "")?;
        }
    }
    Ok(())
}

fn document(feature: &Feature) -> Value {
    json!({
        "name": feature.name,
        "ok": feature.ok,
        "detail": feature.detail,
        "next_step": feature.next_step,
    })
}
