//! Binds a probe file's names to what its objects hold: [`Spec`] in, [`Model`] out.
//!
//! Reports every name and value that can't be understood and leaves it out, so that one run shows all
//! mistakes. Whether what was bound also fits together is for the rules to say.

mod attach;
mod binder;
mod encode;
mod globals;
mod layouts;
mod number;
mod objects;
mod probe_tests;
pub mod slots;
mod variables;
mod views;

use crate::model::{MapSetting, Model};
use crate::object::store::ObjectStore;
use crate::spec::shape::{MapSpec, Spec};
use crate::spec::values::Entries;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::{At, Span};
use crate::text::template::Scope;
use binder::Binder;
use std::path::Path;

/// The version of the language that is read.
const VERSION: u32 = 1;

/// Longest name of a probe.
const MAX_NAME: usize = 63;

/// Binds a probe file's names.
///
/// `file` is its path as the user named it; `overrides` are variables set on the command line, the
/// last one of a name counts; what is found wrong is added to `findings`, whose source is the file.
/// With errors among them the model is incomplete.
pub fn resolve(
    spec: &Spec,
    file: &Path,
    scope: &Scope,
    overrides: &[(String, String)],
    store: &mut ObjectStore,
    findings: &mut Findings,
) -> Model {
    if spec.version.value != VERSION {
        let message = format!("version {} of the language is not known", spec.version.value);
        findings.push(
            Diagnostic::error(Code::Version, spec.version.span, message)
                .help(format!("this probe-runner reads version {VERSION}")),
        );
    }
    let scope = variables::bind(&spec.vars, scope, overrides, findings);

    let objects = objects::bind(spec, file, &scope, store, findings);
    let mut binder = Binder { scope: &scope, objects: &objects, findings };
    let name = bind_name(spec, file, &mut binder);
    let description = spec.description.as_ref().and_then(|text| binder.text(text));
    let globals = globals::bind(&spec.globals, &mut binder);
    let maps = bind_maps(&spec.maps, &mut binder);
    let attach = spec.attach.iter().filter_map(|one| attach::bind(one, &mut binder)).collect();
    let tail_calls = slots::bind(&spec.tail_calls, &mut binder);
    let views = views::bind(&spec.read, &mut binder);
    let tests = probe_tests::bind(&spec.tests, &views, &mut binder);
    variables::all_are_used(&spec.vars, &scope, binder.findings);
    Model {
        source: binder.findings.source,
        file: file.display().to_string(),
        name,
        description: description.map(|text| text.value),
        globals,
        maps,
        attach,
        tail_calls,
        views,
        tests,
        objects,
    }
}

fn bind_name(spec: &Spec, file: &Path, binder: &mut Binder<'_>) -> At<String> {
    let written = spec.name.as_ref().and_then(|name| binder.text(name));
    let name = written.unwrap_or_else(|| {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        At::new(stem, Span::default())
    });
    let valid = name.value.starts_with(|c: char| c.is_ascii_lowercase())
        && name.value.len() <= MAX_NAME
        && name.value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !valid {
        let message = format!("`{}` can't be a probe's name", name.value);
        let mut diagnostic = Diagnostic::error(Code::Name, name.span, message).help(format!(
            "a name is a lower-case letter and up to {} lower-case letters, digits and dashes",
            MAX_NAME - 1
        ));
        if spec.name.is_none() {
            diagnostic = diagnostic.note("without `name:` a probe is called like its file");
        }
        binder.findings.push(diagnostic);
    }
    name
}

fn bind_maps(maps: &Entries<MapSpec>, binder: &mut Binder<'_>) -> Vec<MapSetting> {
    let mut settings = Vec::new();
    for (name, spec) in &maps.0 {
        let map = binder.map(name);
        let max_entries = spec.max_entries.as_ref().and_then(|text| binder.number(text));
        let numa_node = spec.numa_node.as_ref().and_then(|text| binder.number(text));
        if let Some(map) = map {
            let flags = spec.flags.clone();
            let map = name.with(map);
            let migrate = spec.migrate.clone();
            settings.push(MapSetting { map, max_entries, flags, numa_node, migrate });
        }
    }
    settings
}
