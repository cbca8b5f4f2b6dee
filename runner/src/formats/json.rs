//! The JSON of `check -o json`: types that serde writes and from which its schema is made.

use crate::probe_files::{ProbeFile, ProbeFiles};
use crate::prove::{Choice, Proof, Verdict};
use crate::text::diagnostic::{self, Diagnostic, Findings, Label};
use crate::text::source::Sources;
use schemars::JsonSchema;
use serde::Serialize;

/// The version of this document's form; it grows when a field goes or changes its meaning, not when one
/// is added.
const SCHEMA_VERSION: u32 = 1;

/// What `probe-runner check -o json` writes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// The version of this document's form. It grows when a field goes or changes its meaning; fields
    /// may be added without.
    pub schema_version: u32,
    /// Whether no file has an error. Warnings leave it true, with `--deny-warnings` too, which changes the
    /// exit code alone.
    pub ok: bool,
    /// How many errors the document has.
    pub errors: usize,
    /// How many warnings the document has.
    pub warnings: usize,
    /// The files, in the order of the command line; those of a directory by name.
    pub files: Vec<File>,
}

/// A probe file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct File {
    /// Its path, as it was named on the command line.
    pub file: String,
    /// Its probe's name; null if the file has errors.
    pub probe: Option<String>,
    /// Whether it has no errors.
    pub ok: bool,
    /// What was found, in the order of the file.
    pub diagnostics: Vec<Finding>,
    /// How many more findings there are, which the document leaves out: of each severity it has a
    /// hundred at most.
    pub left_out: usize,
    /// What each kernel of `--kernel` makes of the probe, in the order in which they were given; left
    /// out without one, and where the file is wrong in itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels: Option<Vec<OnKernel>>,
}

/// What a kernel makes of a probe.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OnKernel {
    /// The kernel's release, or its file's name where that isn't known.
    pub kernel: String,
    /// Whether it takes the probe.
    pub ok: bool,
    /// What becomes of each attachment, in the order of the file.
    pub attachments: Vec<Attachment>,
    /// The codes of the errors, each once.
    pub fails: Vec<String>,
}

/// What becomes of an attachment on a kernel.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Attachment {
    /// The kernel takes it.
    Taken {
        /// Which of the alternatives, counted from 0.
        alternative: usize,
        /// The way of attaching: `fexit`, `kprobe_pair`, ….
        kind: String,
    },
    /// What it is for doesn't exist there, and `on_missing` allows that.
    LeftOut {
        /// The way of attaching.
        kind: String,
    },
    /// The kernel takes none of the alternatives.
    Refused,
}

/// A mistake.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of mistake it is; `probe-runner explain CODE` says more.
    pub code: String,
    /// What is wrong, in a sentence.
    pub message: String,
    /// Where it is.
    pub primary: Place,
    /// Other places that explain it.
    pub others: Vec<Place>,
    /// Facts that explain it.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
}

/// How bad a mistake is.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file can't be used.
    Error,
    /// The file can be used and probably doesn't do what was meant.
    Warning,
    /// The file is right; something is worth knowing.
    Note,
}

/// A stretch of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Place {
    /// The file's path, as it was named on the command line.
    pub file: String,
    /// The first character's line, counted from 1.
    pub line: usize,
    /// The first character's column, counted in characters from 1.
    pub column: usize,
    /// The line of the character after the last.
    pub end_line: usize,
    /// The column of the character after the last.
    pub end_column: usize,
    /// The first byte, counted from the file's beginning and from 0.
    pub start_byte: usize,
    /// The byte after the last.
    pub end_byte: usize,
    /// What is said about this place; may be empty.
    pub label: String,
}

impl Report {
    /// The document for what was found, and for what was proved of the files without errors of their
    /// own.
    pub fn new(files: &ProbeFiles, proof: Option<&Proof>) -> Report {
        let mut verdicts = proof.into_iter().flat_map(|proof| {
            proof.probes.iter().map(|probe| on_kernels(&proof.kernels, &probe.verdicts))
        });
        let of = |severity| {
            let all = files.files.iter().flat_map(|file| &file.findings.diagnostics);
            all.filter(|diagnostic| diagnostic.severity == severity).count()
        };
        Report {
            schema_version: SCHEMA_VERSION,
            ok: !files.files.iter().any(|file| file.findings.has_errors()),
            errors: of(diagnostic::Severity::Error),
            warnings: of(diagnostic::Severity::Warning),
            files: files
                .files
                .iter()
                .map(|file| {
                    let kernels = file.checked.as_ref().and_then(|_| verdicts.next());
                    File { kernels, ..File::new(&files.sources, file) }
                })
                .collect(),
        }
    }
}

impl File {
    fn new(sources: &Sources, file: &ProbeFile) -> File {
        let findings = &file.findings;
        File {
            file: sources.get(findings.source).path.clone(),
            probe: file.checked.as_ref().map(|checked| checked.model().name.value.clone()),
            ok: !findings.has_errors(),
            kernels: None,
            diagnostics: findings
                .in_order()
                .into_iter()
                .map(|diagnostic| Finding::new(sources, findings, diagnostic))
                .collect(),
            left_out: findings.left_out,
        }
    }
}

fn on_kernels(kernels: &[String], verdicts: &[Verdict]) -> Vec<OnKernel> {
    let verdicts = kernels.iter().zip(verdicts);
    verdicts
        .map(|(kernel, verdict)| OnKernel {
            kernel: kernel.clone(),
            ok: verdict.holds(),
            attachments: verdict.attachments.iter().map(Attachment::new).collect(),
            fails: verdict.fails.iter().map(|code| code.name().to_owned()).collect(),
        })
        .collect()
}

impl Attachment {
    fn new(choice: &Choice) -> Attachment {
        match choice {
            Choice::Taken { alternative, kind, .. } => {
                Attachment::Taken { alternative: *alternative, kind: kind.name().to_owned() }
            }
            Choice::LeftOut { kind } => Attachment::LeftOut { kind: kind.name().to_owned() },
            Choice::Refused => Attachment::Refused,
        }
    }
}

impl Finding {
    fn new(sources: &Sources, findings: &Findings, diagnostic: &Diagnostic) -> Finding {
        let place = |label| Place::new(sources, findings, label);
        Finding {
            severity: match diagnostic.severity {
                diagnostic::Severity::Error => Severity::Error,
                diagnostic::Severity::Warning => Severity::Warning,
                diagnostic::Severity::Note => Severity::Note,
            },
            code: diagnostic.code.name().to_owned(),
            message: diagnostic.message.clone(),
            primary: place(&diagnostic.primary),
            others: diagnostic.others.iter().map(place).collect(),
            notes: diagnostic.notes.clone(),
            help: diagnostic.help.clone(),
        }
    }
}

impl Place {
    fn new(sources: &Sources, findings: &Findings, label: &Label) -> Place {
        let source = sources.get(findings.source_of(label));
        let (line, column) = source.line_column(label.span.start);
        let (end_line, end_column) = source.line_column(label.span.end);
        Place {
            file: source.path.clone(),
            line,
            column,
            end_line,
            end_column,
            start_byte: label.span.start,
            end_byte: label.span.end,
            label: label.text.clone(),
        }
    }
}
