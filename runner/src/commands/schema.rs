//! `probe-runner schema`: the probe file's JSON schema, for editors.

use crate::commands::Outcome;
use crate::spec::shape::Spec;
use std::io::Write;

/// Writes the schema.
///
/// # Errors
/// The output can't be written.
pub fn run(out: &mut impl Write) -> anyhow::Result<Outcome> {
    let schema = schemars::schema_for!(Spec);
    serde_json::to_writer_pretty(&mut *out, &schema)?;
    writeln!(out)?;
    Ok(Outcome::Done)
}
