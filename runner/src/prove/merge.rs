//! What is to be said of several kernels, said once.

use crate::text::diagnostic::Diagnostic;
use crate::text::suggest::listed;

/// Kernels that a note names before it only counts them.
const MAX_NAMED: usize = 8;

/// Joins what was found for each kernel: equal findings become one that names its kernels.
pub(super) fn merge(kernels: &[String], findings: Vec<Vec<Diagnostic>>) -> Vec<Diagnostic> {
    let mut merged: Vec<(Diagnostic, Vec<usize>)> = Vec::new();
    for (kernel, found) in findings.into_iter().enumerate() {
        for one in found {
            match merged.iter_mut().find(|(known, _)| is_same(known, &one)) {
                Some((known, on)) => {
                    add_new(&mut known.notes, one.notes);
                    add_new(&mut known.help, one.help);
                    if on.last() != Some(&kernel) {
                        on.push(kernel);
                    }
                }
                None => merged.push((one, vec![kernel])),
            }
        }
    }
    merged
        .into_iter()
        .map(|(mut diagnostic, on)| {
            diagnostic.notes.insert(0, place(kernels, &on));
            diagnostic
        })
        .collect()
}

/// Whether two findings say the same of the same place; what they note and propose may differ.
fn is_same(a: &Diagnostic, b: &Diagnostic) -> bool {
    a.code == b.code
        && a.severity == b.severity
        && a.primary.span == b.primary.span
        && a.message == b.message
        && a.others.len() == b.others.len()
}

fn add_new(known: &mut Vec<String>, more: Vec<String>) {
    for one in more {
        if !known.contains(&one) {
            known.push(one);
        }
    }
}

fn place(kernels: &[String], on: &[usize]) -> String {
    if on.len() == kernels.len() && on.len() > 2 {
        return format!("on all {} kernels", on.len());
    }
    format!("on {}", listed(on.iter().map(|&kernel| kernels[kernel].as_str()), MAX_NAMED))
}
