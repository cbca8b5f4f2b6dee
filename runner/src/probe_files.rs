//! From paths to checked probes: what `check`, `apply` and `run` begin with.
//!
//! Every mistake of every file is collected; nothing is printed here.

use crate::kernels::Kernel;
use crate::model::Model;
use crate::object::store::ObjectStore;
use crate::prove::{Proof, prove};
use crate::resolve::resolve;
use crate::rules::{self, Allows, Checked};
use crate::spec::yaml::{self, Parsed};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::{Source, SourceId, Sources, Span};
use crate::text::suggest::listed;
use crate::text::template::Scope;
use anyhow::{Context, bail};
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What the user named on the command line.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Probe files, and directories whose `*.yaml` are meant.
    pub paths: Vec<PathBuf>,
    /// What directories among them have to hold.
    pub directories: Directories,
    /// Template variables, `--set NAME=VALUE`.
    pub set: Vec<(String, String)>,
    /// Files of template variables, `--vars FILE`; `--set` overrides them.
    pub vars: Vec<PathBuf>,
    /// Further directories of objects, `--object-dir DIR`.
    pub object_dirs: Vec<PathBuf>,
}

/// What a directory of probe files has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directories {
    /// At least one probe file: a directory without is a mistake.
    HoldProbes,
    /// Nothing.
    MayBeEmpty,
}

/// All files of one run.
#[derive(Debug)]
pub struct ProbeFiles {
    /// Their texts.
    pub sources: Sources,
    /// What was found in each, in the order of the command line.
    pub files: Vec<ProbeFile>,
}

/// One file.
#[derive(Debug)]
pub struct ProbeFile {
    /// Its mistakes.
    pub findings: Findings,
    /// Its probe, if the mistakes are warnings at most.
    pub checked: Option<Checked>,
    /// Warnings that its author has seen.
    allows: Allows,
}

impl ProbeFile {
    /// Applies the rules to a file's probe, if it could be read. `findings` are the mistakes so far.
    pub fn check(sources: &Sources, mut findings: Findings, model: Option<Model>) -> ProbeFile {
        let checked = model.and_then(|model| rules::check(model, &mut findings));
        let mut allows = Allows::default();
        allows.suppress(sources.get(findings.source), &mut findings);
        ProbeFile { findings, checked, allows }
    }
}

impl ProbeFiles {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// A path can't be read, a directory holds no probe file, or a variable is set that no file
    /// has. Mistakes in the files are not errors but findings.
    pub fn load(inputs: &Inputs) -> anyhow::Result<ProbeFiles> {
        let paths = expand(&inputs.paths, inputs.directories)?;
        let mut sources = Sources::default();
        let overrides = overrides(inputs, &mut sources)?;
        let scope = Scope::of_this_machine();
        let mut store = ObjectStore::new(inputs.object_dirs.clone());

        let mut variables: Vec<String> = Vec::new();
        let mut every_file_parsed = true;
        let mut files: Vec<(Findings, Option<Model>)> = Vec::new();
        for path in &paths {
            let (id, not_text) = read(path, &mut sources)?;
            let mut findings = Findings::new(id);
            if let Some(span) = not_text {
                findings.push(
                    Diagnostic::error(Code::Syntax, span, "the file is not UTF-8 text")
                        .help("probe files are YAML, in UTF-8"),
                );
                every_file_parsed = false;
                files.push((findings, None));
                continue;
            }
            let Parsed { spec, mistakes } = yaml::parse(sources.get(id));
            let is_whole = mistakes.is_empty();
            every_file_parsed &= is_whole;
            mistakes.into_iter().for_each(|mistake| findings.push(mistake));
            let model = spec.and_then(|spec| {
                variables.extend(spec.vars.0.iter().map(|(name, _)| name.value.clone()));
                let model = resolve(&spec, path, &scope, &overrides, &mut store, &mut findings);
                // The rules judge whole probes alone.
                is_whole.then_some(model)
            });
            files.push((findings, model));
        }
        if every_file_parsed {
            no_stray_variables(&inputs.set, &variables)?;
        }
        names_are_unique(&mut files);
        let files = files
            .into_iter()
            .map(|(findings, model)| ProbeFile::check(&sources, findings, model))
            .collect();
        Ok(ProbeFiles { sources, files })
    }

    /// Adds what had better be otherwise but changes nothing: the lints.
    pub fn lint(&mut self) {
        for file in &mut self.files {
            if let Some(checked) = &file.checked {
                rules::lint(checked.model(), &mut file.findings);
                file.allows.suppress(self.sources.get(file.findings.source), &mut file.findings);
            }
        }
    }

    /// Proves the probes that are right in themselves for kernels; what is found goes to their files.
    pub fn prove(&mut self, kernels: &mut [Kernel]) -> Proof {
        let checked: Vec<&Checked> =
            self.files.iter().filter_map(|file| file.checked.as_ref()).collect();
        let mut proof = prove(&checked, kernels);
        let proved = self.files.iter_mut().filter(|file| file.checked.is_some());
        for (file, probe) in proved.zip(&mut proof.probes) {
            for diagnostic in std::mem::take(&mut probe.diagnostics) {
                file.findings.push(diagnostic);
            }
            file.allows.suppress(self.sources.get(file.findings.source), &mut file.findings);
        }
        proof
    }

    /// Adds what is wrong with the comments that allow warnings. To be called when nothing else will
    /// be added.
    pub fn report_allows(&mut self) {
        for file in &mut self.files {
            let source = self.sources.get(file.findings.source);
            std::mem::take(&mut file.allows).report(source, &mut file.findings);
        }
    }

    /// Every probe, or none if any file has errors.
    pub fn all_checked(&self) -> Option<Vec<&Checked>> {
        self.files.iter().map(|file| file.checked.as_ref()).collect()
    }
}

/// Files as they are named, directories as their `*.yaml`, sorted by name; each file once, where it comes
/// first.
fn expand(paths: &[PathBuf], directories: Directories) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(path).with_context(|| format!("can't list {}", path.display()))? {
            let file = entry.with_context(|| format!("can't list {}", path.display()))?.path();
            if file.extension().is_some_and(|extension| extension == "yaml") {
                found.push(file);
            }
        }
        if found.is_empty() && directories == Directories::HoldProbes {
            bail!("{} holds no *.yaml; name a probe file, or a directory of them", path.display());
        }
        found.sort();
        files.extend(found);
    }
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    Ok(files)
}

/// Reads a file's text; of one that is too long, as much as shows that. What is not UTF-8 is replaced,
/// and the first such place is given back.
fn read(path: &Path, sources: &mut Sources) -> anyhow::Result<(SourceId, Option<Span>)> {
    let mut bytes = Vec::new();
    let most = u64::try_from(yaml::MAX_FILE_SIZE).unwrap_or(u64::MAX);
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .with_context(|| format!("can't read {}", path.display()))?;
    let (text, wrong) = match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let start = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            (text, Some(Span { start, end: start + char::REPLACEMENT_CHARACTER.len_utf8() }))
        }
    };
    Ok((sources.add(path.display().to_string(), text), wrong))
}

/// The variables of the command line, the one that counts last.
fn overrides(inputs: &Inputs, sources: &mut Sources) -> anyhow::Result<Vec<(String, String)>> {
    let mut overrides = Vec::new();
    for path in &inputs.vars {
        let (id, not_text) = read(path, sources)?;
        if not_text.is_some() {
            bail!("{} is not UTF-8 text; a file of variables is YAML", path.display());
        }
        let source: &Source = sources.get(id);
        match yaml::parse_vars(source) {
            Ok(variables) => overrides
                .extend(variables.0.into_iter().map(|(name, value)| (name.value, value.value.0))),
            Err(diagnostic) => {
                let (line, column) = source.line_column(diagnostic.primary.span.start);
                bail!("{}:{line}:{column}: {}", source.path, diagnostic.message);
            }
        }
    }
    overrides.extend(inputs.set.iter().cloned());
    Ok(overrides)
}

/// A variable of `--set` that no file has is a slip of the pen.
fn no_stray_variables(set: &[(String, String)], variables: &[String]) -> anyhow::Result<()> {
    for (name, _) in set {
        if !variables.contains(name) {
            let known = listed(variables.iter().map(String::as_str), 16);
            bail!("--set {name}=…: no probe file has a variable `{name}`; variables: {known}");
        }
    }
    Ok(())
}

/// Probes go by name on the machine, so a name belongs to one file.
fn names_are_unique(files: &mut [(Findings, Option<Model>)]) {
    let mut first: BTreeMap<String, (SourceId, Span)> = BTreeMap::new();
    for (findings, model) in files {
        let Some(model) = model else { continue };
        let place = (model.source, model.name.span);
        if let Some((source, span)) = first.get(&model.name.value) {
            findings.push(
                Diagnostic::error(
                    Code::DuplicateProbe,
                    model.name.span,
                    format!("there is another probe called `{}`", model.name.value),
                )
                .other_in(*source, *span, "the other one")
                .help("give one of them another `name:`"),
            );
        } else {
            first.insert(model.name.value.clone(), place);
        }
    }
}
