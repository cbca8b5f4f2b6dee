//! Probe files that kernels refuse (`tests/refused/`), and what happens to one that nobody checked.
//!
//! This is the only place where scenarios use the product's library instead of its binary: the binary brings nothing to a
//! kernel that it hasn't proven right.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use probe_runner::kernel::{Error, ObjectFile};
use probe_runner::object::store::ObjectStore;
use probe_runner::text::diagnostic::Findings;
use probe_runner::text::source::Sources;
use probe_runner::text::template::Scope;
use probe_runner::{apply, resolve, rules, spec};

/// A file that some kernels refuse.
pub struct Case {
    /// The probe file.
    pub file: PathBuf,
    /// The codes of which `check` must report one: what is wrong may be another thing on an older kernel.
    pub codes: Vec<String>,
    /// Whether the running kernel refuses it.
    pub is_refused: bool,
    /// What is being done when it is refused, and what the kernel says: `load, EINVAL`.
    pub at: Vec<String>,
}

impl Case {
    /// Its file's name.
    pub fn name(&self) -> String {
        self.file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// All cases of a directory, by name.
pub fn read(directory: &Path) -> Result<Vec<Case>> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let running = version(&release).context("the kernel's release is no version")?;
    let entries = fs::read_dir(directory)
        .with_context(|| format!("cannot list {}", directory.display()))?
        .map(|entry| Ok(entry?.path()));
    let mut files: Vec<PathBuf> = entries.collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files.into_iter().map(|file| case(file, running)).collect()
}

/// The first three lines say what is expected: `# expect: CODE` (or several with `or` between them), `# refused by: every kernel` (`kernels from 6.12`, `kernels
/// before 5.15`), `# at: PHASE, ERRNO` (or several).
fn case(file: PathBuf, running: (u32, u32)) -> Result<Case> {
    let text = fs::read_to_string(&file)?;
    let mut lines = text.lines();
    let mut said = |what: &str| {
        let line = lines.next().unwrap_or_default();
        let said = line.strip_prefix("# ").and_then(|line| line.strip_prefix(what));
        said.map(str::to_owned).with_context(|| format!("{}: no `# {what}`", file.display()))
    };
    let (code, kernels, at) = (said("expect: ")?, said("refused by: ")?, said("at: ")?);
    let [codes, at] =
        [code, at].map(|text| text.split(" or ").map(str::to_owned).collect::<Vec<String>>());
    let limit = kernels.rsplit(' ').next().and_then(version);
    let is_refused = match (kernels.rsplit_once(' ').map_or("", |(words, _)| words), limit) {
        ("every", _) => true,
        ("kernels from", Some(first)) => running >= first,
        ("kernels before", Some(first)) => running < first,
        _ => bail!("{}: which kernels are {kernels:?}?", file.display()),
    };
    Ok(Case { file, codes, is_refused, at })
}

/// The first two numbers of a version.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().split(['.', '-', '+']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Brings a probe to the kernel, whatever the rules say of it, and takes it away again if the kernel takes it.
///
/// # Errors
/// The outer one: the file can't be understood. The inner one: the kernel refuses it.
pub fn load_unchecked(file: &Path, objects: &Path) -> Result<Result<(), Error>> {
    let mut sources = Sources::default();
    let id = sources.add(file.display().to_string(), fs::read_to_string(file)?);
    let mut findings = Findings::new(id);
    let parsed = spec::yaml::parse(sources.get(id));
    let spec = match (parsed.spec, &parsed.mistakes[..]) {
        (Some(spec), []) => spec,
        (_, mistakes) => bail!(
            "{}: {}",
            file.display(),
            mistakes.first().map_or("nothing is left of it", |mistake| mistake.message.as_str())
        ),
    };
    let mut store = ObjectStore::new(vec![objects.to_path_buf()]);
    let scope = Scope::of_this_machine();
    let model = resolve::resolve(&spec, file, &scope, &[], &mut store, &mut findings);
    ensure!(
        !findings.has_errors(),
        "{}: {}",
        file.display(),
        findings.diagnostics.iter().map(|it| it.message.as_str()).collect::<Vec<_>>().join(", ")
    );
    let desired = rules::unproven(&model);
    let objects: Vec<ObjectFile<'_>> = model
        .objects
        .iter()
        .map(|object| ObjectFile {
            alias: &object.alias.value,
            bytes: &object.file.bytes,
            inventory: &object.file.inventory,
        })
        .collect();
    Ok(apply::run(&desired, &objects).map(drop))
}
