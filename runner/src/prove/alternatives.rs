//! Which of several alternatives a kernel takes: the first without an error, as attaching does it.

use crate::desired::OnMissing;
use crate::model::{Attachment, Hook, Model};
use crate::prove::trial::Trial;
use crate::prove::{Choice, Verdict, hooks};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Severity};

/// Errors that say that what a hook is for doesn't exist, which `on_missing` is about.
const MISSING: [Code; 3] = [Code::MissingFunction, Code::MissingTracepoint, Code::MissingHook];

/// What becomes of an attachment, and what is to be said about it.
pub(super) fn choose(trial: &Trial<'_>, attachment: &Attachment) -> (Choice, Vec<Diagnostic>) {
    let mut failures: Vec<(&Hook, Vec<Diagnostic>)> = Vec::new();
    for (index, hook) in attachment.alternatives.iter().enumerate() {
        let found = hooks::check(trial, hook);
        if !found.iter().any(is_error) {
            let of = attachment.alternatives.len();
            return (Choice::Taken { alternative: index, of, kind: hook.kind.value }, found);
        }
        failures.push((hook, found));
    }
    let Some((first, _)) = failures.first() else {
        return (Choice::Refused, Vec::new());
    };
    let mut errors = failures.iter().flat_map(|(_, found)| found).filter(|one| is_error(one));
    if attachment.on_missing != OnMissing::Error && errors.all(|one| MISSING.contains(&one.code)) {
        let choice = Choice::LeftOut { kind: first.kind.value };
        return (choice, left_out(attachment.on_missing, failures));
    }
    if failures.len() == 1 {
        return (Choice::Refused, failures.remove(0).1);
    }
    (Choice::Refused, vec![none_is_left(&failures)])
}

/// What is missing, no longer as an error.
fn left_out(on_missing: OnMissing, failures: Vec<(&Hook, Vec<Diagnostic>)>) -> Vec<Diagnostic> {
    let severity = match on_missing {
        OnMissing::Skip => Severity::Note,
        OnMissing::Warn | OnMissing::Error => Severity::Warning,
    };
    let found = failures.into_iter().flat_map(|(_, found)| found).filter(is_error);
    found
        .map(|one| {
            let message = format!("{}, so this is left out", one.message);
            Diagnostic { severity, code: Code::LeftOut, message, ..one }
        })
        .collect()
}

/// One error that gives the reason of every alternative.
fn none_is_left(failures: &[(&Hook, Vec<Diagnostic>)]) -> Diagnostic {
    let reason = |found: &[Diagnostic]| {
        let errors: Vec<&str> =
            found.iter().filter(|one| is_error(one)).map(|one| one.message.as_str()).collect();
        errors.join("; ")
    };
    let (first, found) = &failures[0];
    let mut diagnostic = Diagnostic::error(
        Code::NoAlternative,
        first.target.span,
        "a kernel takes none of the alternatives",
    )
    .label(reason(found));
    for (hook, found) in &failures[1..] {
        diagnostic = diagnostic.other(hook.target.span, reason(found));
    }
    for help in failures.iter().flat_map(|(_, found)| found).flat_map(|one| &one.help) {
        if !diagnostic.help.contains(help) {
            diagnostic = diagnostic.help(help.clone());
        }
    }
    diagnostic
}

/// Alternatives that no kernel takes, where there are several kernels and each takes one.
pub(super) fn never_taken(model: &Model, verdicts: &[Verdict], diagnostics: &mut Vec<Diagnostic>) {
    if verdicts.len() < 2 {
        return;
    }
    for (index, attachment) in model.attach.iter().enumerate() {
        let choices = verdicts.iter().map(|verdict| &verdict.attachments[index]);
        let taken: Option<Vec<usize>> = choices
            .map(|choice| match choice {
                Choice::Taken { alternative, .. } => Some(*alternative),
                Choice::LeftOut { .. } | Choice::Refused => None,
            })
            .collect();
        let Some(taken) = taken else {
            continue;
        };
        for (alternative, hook) in attachment.alternatives.iter().enumerate() {
            if !taken.contains(&alternative) {
                diagnostics.push(
                    Diagnostic::remark(
                        Code::UnusedAlternative,
                        hook.target.span,
                        "none of the kernels takes this alternative",
                    )
                    .label("every kernel takes one before it"),
                );
            }
        }
    }
}

fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}
