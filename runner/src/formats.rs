//! What `check` found, in the forms that other programs read: JSON, SARIF, GitHub annotations. And the
//! form of what `test` writes for them.
//!
//! Each form of findings is made from the findings and the texts alone: no time, no user, no place on the disk, so
//! the same files give the same bytes anywhere. For people there is [`crate::text::render`].

pub mod github;
pub mod json;
pub mod sarif;
pub mod test_report;

use crate::text::diagnostic::Diagnostic;

/// What a form without places for labels, notes and help says: a line for each.
fn as_lines(diagnostic: &Diagnostic) -> String {
    let mut lines = vec![diagnostic.message.clone()];
    if !diagnostic.primary.text.is_empty() {
        lines.push(diagnostic.primary.text.clone());
    }
    lines.extend(diagnostic.notes.iter().map(|note| format!("note: {note}")));
    lines.extend(diagnostic.help.iter().map(|help| format!("help: {help}")));
    lines.join("\n")
}
