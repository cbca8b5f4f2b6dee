//! `probe-runner explain`: what a diagnostic means, why it is one, and what to do.

use crate::commands::Outcome;
use crate::text::codes::Code;
use crate::text::explain;
use crate::text::suggest::nearest;
use std::io::Write;

/// A code by its name, alone or as it stands in a message: `shape`, `[shape]`, `error[shape]`.
///
/// # Errors
/// There is no such code.
pub fn code(written: &str) -> Result<Code, String> {
    let name = written.rsplit('[').next().unwrap_or(written).trim_end_matches(']');
    let known = Code::ALL.iter().copied().find(|code| code.name() == name);
    known.ok_or_else(|| match nearest(name, Code::ALL.iter().map(|code| code.name())) {
        Some(near) => format!("there is no such code; did you mean `{near}`?"),
        None => "there is no such code; `probe-runner explain` lists all".to_owned(),
    })
}

/// Writes a code's text; without a code, all codes and their summaries.
///
/// # Errors
/// The output can't be written.
pub fn run(code: Option<Code>, out: &mut impl Write) -> anyhow::Result<Outcome> {
    match code {
        Some(code) => {
            let text = explain::text(code).unwrap_or(code.summary());
            writeln!(out, "{}\n\n{text}", code.name())?;
        }
        None => list(out)?,
    }
    Ok(Outcome::Done)
}

fn list(out: &mut impl Write) -> anyhow::Result<()> {
    let mut codes: Vec<Code> = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.name());
    let width = codes.iter().map(|code| code.name().len()).max().unwrap_or_default();
    for code in codes {
        writeln!(out, "{:width$}  {}", code.name(), code.summary())?;
    }
    Ok(())
}
