//! Template variables: their names, their values, and whether anything uses them.

use crate::resolve::binder::Binder;
use crate::spec::values::{Entries, Scalar};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::At;
use crate::text::template::Scope;

/// Gives every variable its value: the last of `overrides`, or its default, in which those before it
/// are in scope.
pub fn bind(
    vars: &Entries<At<Scalar>>,
    scope: &Scope,
    overrides: &[(String, String)],
    findings: &mut Findings,
) -> Scope {
    let mut scope = scope.without_vars();
    for (index, (name, default)) in vars.0.iter().enumerate() {
        if findings.is_full() {
            findings.left_out += vars.0.len() - index;
            break;
        }
        name_is_free(name, &scope, findings);
        let set = overrides.iter().rev().find(|(set, _)| *set == name.value);
        let value = match set {
            Some((_, value)) => Some(value.clone()),
            None => Binder::render(&scope, default, findings).map(|text| text.value),
        };
        if let Err(error) = scope.set(&name.value, value.as_deref().unwrap_or_default(), name.span)
        {
            findings.push(
                Diagnostic::error(
                    Code::Template,
                    default.span,
                    format!("the variable `{}` can't have this value", name.value),
                )
                .label(error.message)
                .help("write long text where it belongs"),
            );
        }
    }
    scope
}

/// A template can name a variable only if it is a word that means nothing else there.
fn name_is_free(name: &At<String>, scope: &Scope, findings: &mut Findings) {
    let is_word = name.value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let reason = if !is_word {
        "a variable's name is made of letters, digits and `_`, a digit not first"
    } else if scope.is_taken(&name.value) {
        "templates have something else of this name"
    } else {
        return;
    };
    findings.push(
        Diagnostic::error(
            Code::Name,
            name.span,
            format!("`{}` can't be a variable's name", name.value),
        )
        .label(reason)
        .help("choose another name"),
    );
}

/// A variable that no template names does nothing when it is set.
pub fn all_are_used(vars: &Entries<At<Scalar>>, scope: &Scope, findings: &mut Findings) {
    // A template that could not be looked at may use it.
    if findings.has_errors() {
        return;
    }
    for (name, _) in vars.0.iter().filter(|(name, _)| !scope.uses(&name.value)) {
        findings.push(
            Diagnostic::warning(
                Code::UnusedVariable,
                name.span,
                format!("no template uses the variable `{}`", name.value),
            )
            .label("setting it changes nothing")
            .help(format!(
                "write `\"{{{{ {} }}}}\"` where its value belongs, or remove it",
                name.value
            )),
        );
    }
}
