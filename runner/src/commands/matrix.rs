//! The matrix of probes and kernels for people; `formats/json.rs` has it for programs.

use crate::prove::{Choice, Proof, Verdict};
use std::io::{self, Write};

/// Space between columns.
const GAP: &str = "  ";

/// Writes a line a probe with a column a kernel: `ok`, which alternative is taken, or the codes of
/// what fails. `probes` are the names of the proof's probes.
///
/// # Errors
/// It can't be written.
pub fn write(probes: &[&str], proof: &Proof, out: &mut impl Write) -> io::Result<()> {
    let mut lines: Vec<Vec<String>> = vec![vec![String::new()]];
    lines[0].extend(proof.kernels.iter().cloned());
    for (name, probe) in probes.iter().zip(&proof.probes) {
        let mut line = vec![format!("probe/{name}")];
        line.extend(probe.verdicts.iter().map(cell));
        lines.push(line);
    }
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=proof.kernels.len()).map(width).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        let text = cells.collect::<Vec<_>>().join(GAP);
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

fn cell(verdict: &Verdict) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !verdict.holds() {
        parts.extend(verdict.fails.iter().map(|code| code.name().to_owned()));
        return format!("fails: {}", parts.join(", "));
    }
    for choice in &verdict.attachments {
        let part = match choice {
            Choice::Taken { of: 1, .. } | Choice::Refused => continue,
            Choice::Taken { kind, .. } => kind.name().to_owned(),
            Choice::LeftOut { kind } => format!("without {}", kind.name()),
        };
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    if parts.is_empty() { "ok".to_owned() } else { parts.join(", ") }
}
