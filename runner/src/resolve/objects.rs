//! The probe's objects: found, read, and their digests compared.

use crate::model::Object;
use crate::object::builtin;
use crate::object::store::{ObjectFile, ObjectStore, StoreError};
use crate::resolve::binder::Binder;
use crate::spec::shape::{ObjectSpec, Spec};
use crate::spec::values::Scalar;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::{At, Span};
use crate::text::suggest::{listed, nearest};
use crate::text::template::Scope;
use std::path::Path;

/// Objects that a probe may have: each is read as a whole.
const MOST_OBJECTS: usize = 64;

/// The alias of an object that has none.
const MAIN: &str = "main";

/// Finds and reads the objects of `object:` and `objects:`.
pub fn bind(
    spec: &Spec,
    file: &Path,
    scope: &Scope,
    store: &mut ObjectStore,
    findings: &mut Findings,
) -> Vec<Object> {
    let beside = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut objects: Vec<Object> = Vec::new();
    let mut add = |alias: At<String>, object: &At<Scalar>, sha256: Option<&At<Scalar>>| {
        let Some(name) = Binder::render(scope, object, findings) else { return };
        match store.find(&name.value, beside) {
            Ok(found) => {
                if let Some(wanted) = sha256.and_then(|text| Binder::render(scope, text, findings))
                {
                    compare_digest(&found, &wanted, findings);
                }
                objects.push(Object { alias, file: found });
            }
            Err(error) => findings.push(not_found(&name, error)),
        }
    };
    if let Some(object) = &spec.object {
        add(object.with(MAIN.to_owned()), object, None);
    }
    for (alias, object) in spec.objects.0.iter().take(MOST_OBJECTS) {
        match &object.value {
            ObjectSpec::File(name) => add(alias.clone(), &object.with(name.clone()), None),
            ObjectSpec::Full(full) => add(alias.clone(), &full.file, full.sha256.as_ref()),
        }
    }
    check_aliases(spec, findings);
    if let Some((alias, _)) = spec.objects.0.get(MOST_OBJECTS) {
        findings.push(
            Diagnostic::error(
                Code::Shape,
                alias.span,
                format!("a probe has at most {MOST_OBJECTS} objects"),
            )
            .help("split it into several probes"),
        );
    }
    objects
}

fn check_aliases(spec: &Spec, findings: &mut Findings) {
    // Objects that could not be read were reported already.
    if spec.object.is_none() && spec.objects.0.is_empty() && !findings.has_errors() {
        findings.push(
            Diagnostic::error(Code::Shape, Span::default(), "the probe names no object")
                .help("name the compiled file: `object: my-probe.bpf.o`"),
        );
    }
    for (alias, _) in &spec.objects.0 {
        let valid = !alias.value.is_empty()
            && alias.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !valid {
            findings.push(
                Diagnostic::error(
                    Code::Name,
                    alias.span,
                    format!("`{}` can't be an object's alias", alias.value),
                )
                .help("an alias is made of letters, digits, `-` and `_`"),
            );
        }
        if let Some(object) = &spec.object
            && alias.value == MAIN
        {
            findings.push(
                Diagnostic::error(Code::DuplicateKey, alias.span, "two objects are called `main`")
                    .other(object.span, "`object:` gives this one the alias `main`")
                    .help("use `objects:` alone, or another alias"),
            );
        }
    }
}

fn compare_digest(found: &ObjectFile, wanted: &At<String>, findings: &mut Findings) {
    let is_digest = wanted.value.len() == 64 && wanted.value.chars().all(|c| c.is_ascii_hexdigit());
    if !is_digest {
        findings.push(
            Diagnostic::error(
                Code::InvalidValue,
                wanted.span,
                format!("`{}` is not a SHA-256", wanted.value),
            )
            .label("must be 64 hexadecimal digits")
            .help(format!("{} has {}", found.origin, found.sha256)),
        );
        return;
    }
    if found.sha256.eq_ignore_ascii_case(&wanted.value) {
        return;
    }
    findings.push(
        Diagnostic::error(Code::DigestMismatch, wanted.span, "the object is not the one expected")
            .label("its SHA-256 is another")
            .note(format!("{} has the SHA-256 {}", found.origin, found.sha256))
            .help("use the object that the probe was written for, or change `sha256`"),
    );
}

fn not_found(name: &At<String>, error: StoreError) -> Diagnostic {
    match error {
        StoreError::NotFound { searched } => {
            let places: Vec<String> = searched.iter().map(|p| p.display().to_string()).collect();
            let mut diagnostic = Diagnostic::error(
                Code::ObjectNotFound,
                name.span,
                format!("there is no object file `{}`", name.value),
            )
            .note(format!("searched: {}", listed(places.iter().map(String::as_str), 8)))
            .did_you_mean(nearest(&name.value, builtin::names()));
            if !name.value.contains('/') {
                diagnostic = diagnostic
                    .note(format!("built in: {}", listed(builtin::names(), 12)))
                    .help("name a directory with --object-dir, or write the path");
            }
            diagnostic
        }
        StoreError::Io { path, error } => Diagnostic::error(
            Code::Unreadable,
            name.span,
            format!("{} can't be read: {error}", path.display()),
        ),
        StoreError::NotAnObject { origin, error } => Diagnostic::error(
            Code::NotAnObject,
            name.span,
            format!("{origin} is not an eBPF object"),
        )
        .label(error.to_string())
        .help("compile the program with `clang -g -O2 -target bpf -c`"),
    }
}
