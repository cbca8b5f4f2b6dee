//! The verbs: each a short pipeline over the other rooms. Only these print.

pub mod check;
pub mod inspect;
pub mod schema;

mod report;

use std::process::ExitCode;

/// What a command ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything went well.
    Done,
    /// A file is wrong.
    FileWrong,
    /// The user ended it before it was through.
    Interrupted,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Done => 0,
            Outcome::FileWrong => 3,
            Outcome::Interrupted => 130,
        })
    }
}
