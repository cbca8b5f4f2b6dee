//! The verbs: each a short pipeline over the other rooms. Only these print.

pub mod apply;
pub mod check;
pub mod delete;
pub mod doctor;
pub mod explain;
pub mod init;
pub mod inspect;
pub mod manual;
pub mod plan;
pub mod read;
pub mod run;
pub mod schema;
pub mod serve;
pub mod status;
pub mod swap;
pub mod test;
pub mod watch;
pub mod write_report;

mod applied;
mod attached;
pub mod consent;
pub mod duration;
mod matrix;
mod pending;
pub mod report;
mod stop;

use crate::read::sinks::Colours;
use std::process::ExitCode;

/// What a command ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything went well.
    Done,
    /// Something failed and was reported.
    Failed,
    /// Something would be changed, and the exit code is to say so.
    Pending,
    /// A file is wrong.
    FileWrong,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// Whether what is drawn on standard output may have colours.
fn colours() -> Colours {
    match anstream::AutoStream::choice(&std::io::stdout()) {
        anstream::ColorChoice::Never => Colours::No,
        _ => Colours::Ansi256,
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Pending => 2,
            Outcome::FileWrong => 3,
        })
    }
}
