//! `probe-runner schema`: JSON schemas, for editors and for programs that read our output.

use crate::commands::Outcome;
use crate::commands::plan::document::Document;
use crate::formats::json::Report;
use crate::formats::test_report::TestReport;
use crate::spec;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use std::io::Write;

/// What there is a schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    /// Probe files
    Probe,
    /// What `check -o json` writes
    Check,
    /// What `plan -o json` writes
    Plan,
    /// What `test -o json` writes
    Test,
}

/// Writes the schema.
///
/// # Errors
/// The output can't be written.
pub fn run(subject: Subject, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let schema = match subject {
        Subject::Probe => spec::schema::of_probe_files(),
        Subject::Check => written::<Report>(),
        Subject::Plan => written::<Document>(),
        Subject::Test => written::<TestReport>(),
    };
    serde_json::to_writer_pretty(&mut *out, &schema)?;
    writeln!(out)?;
    Ok(Outcome::Done)
}

/// The schema of something that we write.
fn written<T: JsonSchema>() -> Schema {
    SchemaSettings::default().for_serialize().into_generator().into_root_schema_for::<T>()
}
