//! Arguments in, exit code out.

use crate::commands::check::Warnings;
use crate::commands::consent::Consent;
use crate::commands::swap::{self, Which};
use crate::commands::{
    Format, Outcome, apply, check, delete, doctor, duration, explain, init, inspect, manual, plan,
    read, report, run, schema, serve, status, test, watch, write_report,
};
use crate::kernel::{self, WholeLog};
use crate::kernels::Cache;
use crate::probe_files::{Directories, Inputs};
use crate::text::codes::Code;
use crate::text::terminal;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// The exit code for arguments that make no sense (EX_USAGE of sysexits.h).
const USAGE: u8 = 64;

/// Runs eBPF probes from YAML.
#[derive(Debug, Parser)]
#[command(name = "probe-runner", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// Only the arguments of the command that is called are built: those of all took longer than any of our own work
// before a small map is read.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    /// Prove probe files right, without root
    Check {
        #[command(flatten)]
        files: Files,
        /// Prove them for these kernels too: a file of types, a vmlinuz or vmlinux, a package, a
        /// directory of them, or `running`; may be repeated
        #[arg(long, value_name = "PATH")]
        kernel: Vec<String>,
        /// Read kernels anew, and keep nothing of them
        #[arg(long, requires = "kernel")]
        no_cache: bool,
        /// How findings are written
        #[arg(short, long, value_enum, default_value = "human")]
        output: check::Format,
        /// Take warnings for mistakes: exit with 3 if there are any
        #[arg(long)]
        deny_warnings: bool,
    },
    /// Show what `apply` would do, and what is promised while it does
    Plan {
        #[command(flatten)]
        files: Files,
        /// Also show the probes that `apply --prune` would delete
        #[arg(long)]
        prune: bool,
        /// Exit with 2 if anything would change
        #[arg(long)]
        detailed_exitcode: bool,
        /// How the plan is written (schema of json: `probe-runner schema plan`)
        #[arg(short, long, value_enum, default_value = "human")]
        output: Format,
    },
    /// Bring the kernel to what probe files say, and keep it there
    Apply {
        #[command(flatten)]
        files: Files,
        /// Only show what would be done, as `plan` does
        #[arg(long, conflicts_with_all = ["yes", "verifier_log"])]
        dry_run: bool,
        /// Delete the probes that were applied from a file of these directories that is gone
        #[arg(long)]
        prune: bool,
        /// Don't ask before data is lost
        #[arg(short, long)]
        yes: bool,
        /// How results are written
        #[arg(short, long, value_enum, default_value = "human")]
        output: Format,
        /// Show the verifier's whole log when it refuses a program
        #[arg(long)]
        verifier_log: bool,
    },
    /// Attach, show what happens until Ctrl-C, and leave nothing behind
    Run {
        /// Probe files, or directories of them
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        options: FileOptions,
        /// Stop by itself after this time, such as `10s` or `1m 30s`
        #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
        duration: Option<Duration>,
        #[command(flatten)]
        chosen: run::Chosen,
        /// How results are written
        #[arg(short, long, value_enum, default_value = "human")]
        output: run::Format,
        /// Show the verifier's whole log when it refuses a program
        #[arg(long)]
        verifier_log: bool,
    },
    /// Run the tests that probe files carry, without attaching anything
    Test {
        #[command(flatten)]
        files: Files,
        /// Run only the tests with this in their name
        #[arg(long, value_name = "TEXT")]
        filter: Option<String>,
        /// How results are written
        #[arg(short, long, value_enum, default_value = "human")]
        output: Format,
        /// Show the verifier's whole log when it refuses a program
        #[arg(long)]
        verifier_log: bool,
    },
    /// Show what runs: links, programs, maps, slots, and what differs from the files
    Status {
        /// Probes; all that are applied if none is named
        probes: Vec<String>,
        /// Have the kernel count and time the programs' runs for this time, such as `5s`. Every run of
        /// every BPF program of the machine then takes some tens of nanoseconds longer
        #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
        measure: Option<Duration>,
        /// How results are written
        #[arg(short, long, value_enum, default_value = "human")]
        output: Format,
    },
    /// Put other programs into tail-call slots of an applied probe, while events flow
    #[command(
        override_usage = "probe-runner swap [OPTIONS] <PROBE> <MAP> <SLOT=PROGRAM>...\n       \
                                probe-runner swap <PROBE> --revert"
    )]
    Swap {
        /// An applied probe
        probe: String,
        /// A PROG_ARRAY of it
        #[arg(required_unless_present = "revert")]
        map: Option<String>,
        /// Slots and the programs for them, as in a probe file: `59=exec`, `222-226=mine/timer`,
        /// `syscall:execve=exec`
        #[arg(value_name = "SLOT=PROGRAM", required_unless_present = "revert")]
        slots: Vec<String>,
        /// Another object to take programs from, such as `mine=timer-latency.bpf.o`
        #[arg(long = "object", value_name = "ALIAS=FILE")]
        objects: Vec<String>,
        /// Search this directory for objects too
        #[arg(long = "object-dir", value_name = "DIR")]
        directories: Vec<PathBuf>,
        /// Put back what the slots held after this time, such as `30s`; also on Ctrl-C, and if this
        /// process dies
        #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
        duration: Option<Duration>,
        /// Put back what the probe's file says
        #[arg(long, conflicts_with_all = ["map", "slots", "objects", "duration"])]
        revert: bool,
        /// Revert the swap of this time alone, when standard input ends
        #[arg(long, hide = true, requires = "revert")]
        orphan_of: Option<u64>,
        /// How results are written
        #[arg(short, long, value_enum, default_value = "human")]
        output: Format,
        /// Show the verifier's whole log when it refuses a program
        #[arg(long)]
        verifier_log: bool,
    },
    /// Show what an applied probe's maps hold
    Read(read::Args),
    /// Show an applied probe in a terminal while it runs: tables, how fast they grow, drawings, records, health
    Watch(watch::Args),
    /// Write what an applied probe's maps hold as a page to be kept, sent or printed
    Report(write_report::Args),
    /// Serve what all applied probes count to Prometheus and to whatever reads its formats
    Serve(serve::Args),
    /// Detach probes and remove everything of theirs
    Delete {
        /// Applied probes
        #[arg(required_unless_present = "all")]
        probes: Vec<String>,
        /// Every probe that is applied
        #[arg(long, conflicts_with = "probes")]
        all: bool,
    },
    /// Show what this kernel and these privileges allow, and how to get the rest
    Doctor {
        /// How results are written
        #[arg(short, long, value_enum, default_value = "human")]
        output: Format,
    },
    /// Show what an object holds
    Inspect {
        /// An object file, or the name of a built-in one
        object: String,
        /// How it is written
        #[arg(short, long, value_enum, default_value = "human")]
        output: Format,
    },
    /// Write a first probe file for an object
    Init {
        /// An object file, or the name of a built-in one
        object: String,
    },
    /// Say what a diagnostic means, why it is one, and what to do
    Explain {
        /// A code such as `slot-type-mismatch`; all codes are listed if none is named
        #[arg(value_parser = explain::code)]
        code: Option<Code>,
    },
    /// Print a shell's completions, to be put where it looks for them
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page (`probe-runner man | man -l -`), or write those of all commands
    Man {
        /// A directory for the pages, such as /usr/local/share/man/man1
        directory: Option<PathBuf>,
    },
    /// Print a JSON schema
    Schema {
        /// Of what
        #[arg(value_enum, default_value = "probe")]
        subject: schema::Subject,
    },
}

#[derive(Args, Debug)]
struct Files {
    /// Probe files, or directories of them
    #[arg(default_value = "probes.d")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    options: FileOptions,
}

#[derive(Args, Debug)]
struct FileOptions {
    /// Give a template variable a value
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Read template variables from a YAML file
    #[arg(long, value_name = "FILE")]
    vars: Vec<PathBuf>,
    /// Search this directory for objects too
    #[arg(long, value_name = "DIR")]
    object_dir: Vec<PathBuf>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

impl From<Files> for Inputs {
    fn from(files: Files) -> Inputs {
        let FileOptions { set, vars, object_dir } = files.options;
        let directories = Directories::HoldProbes;
        Inputs { paths: files.paths, directories, set, vars, object_dirs: object_dir }
    }
}

impl Files {
    /// The same for a command that deletes what has no file any more, of which the last may be gone.
    fn pruned(self, prune: bool) -> Inputs {
        let directories = if prune { Directories::MayBeEmpty } else { Directories::HoldProbes };
        Inputs { directories, ..self.into() }
    }
}

/// The reference of all commands, in Markdown: what their `--help` says.
pub fn reference() -> String {
    manual::reference(Cli::command())
}

/// Runs the program on the process's arguments.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // The message quotes the arguments, which a script may have from anywhere.
            let shown = std::env::args_os()
                .map(|argument| terminal::escape(&argument.to_string_lossy()).into_owned());
            let error = Cli::try_parse_from(shown).err().unwrap_or(error);
            // If even the message can't be written there is nobody to tell.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    let result = stdout().map_err(anyhow::Error::from).and_then(|mut out| {
        let outcome = dispatch(cli.command, &mut out)?;
        out.flush()?;
        Ok(outcome)
    });
    match result {
        Ok(outcome) => outcome.into(),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report::error(&told(&error));
            ExitCode::FAILURE
        }
    }
}

/// Without the standard library's buffer of lines, which makes two writes of one that is large.
fn stdout() -> io::Result<BufWriter<File>> {
    Ok(BufWriter::new(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
}

fn dispatch(command: Command, out: &mut impl Write) -> anyhow::Result<Outcome> {
    match command {
        Command::Check { files, kernel, no_cache, output, deny_warnings } => {
            let cache = if no_cache { Cache::Off } else { Cache::usual() };
            let warnings = if deny_warnings { Warnings::Denied } else { Warnings::Allowed };
            check::run(&files.into(), &kernel, &cache, output, warnings, out)
        }
        Command::Plan { files, prune, detailed_exitcode, output } => {
            let code =
                if detailed_exitcode { plan::ExitCode::Detailed } else { plan::ExitCode::Plain };
            plan::run(&files.pruned(prune), prune, output, code, out)
        }
        Command::Apply { files, dry_run: true, prune, output, .. } => {
            plan::run(&files.pruned(prune), prune, output, plan::ExitCode::Plain, out)
        }
        Command::Apply { files, prune, yes, output, verifier_log, .. } => {
            let consent = if yes { Consent::Given } else { Consent::Asked };
            let terms = apply::Terms { prune, consent };
            apply::run(&files.pruned(prune), terms, output, whole_log(verifier_log), out)
        }
        Command::Run { paths, options, duration, chosen, output, verifier_log } => {
            let files = Files { paths, options };
            run::run(&files.into(), duration, &chosen, output, whole_log(verifier_log), out)
        }
        Command::Swap { probe, revert: true, orphan_of, output, verifier_log, .. } => {
            let which = orphan_of.map_or(Which::Any, Which::OrphanOf);
            swap::revert(&probe, which, output, whole_log(verifier_log), out)
        }
        Command::Swap {
            probe,
            map,
            slots,
            objects,
            directories,
            duration,
            output,
            verifier_log,
            ..
        } => {
            let map = map.unwrap_or_default();
            let arguments = swap::Arguments { probe, map, slots, objects, directories, duration };
            swap::run(&arguments, output, whole_log(verifier_log), out)
        }
        Command::Test { files, filter, output, verifier_log } => {
            let log = whole_log(verifier_log);
            test::run(&files.into(), filter.as_deref(), output, log, out)
        }
        Command::Status { probes, measure, output } => status::run(&probes, measure, output, out),
        Command::Read(args) => read::run(&args, out),
        Command::Watch(args) => watch::run(&args),
        Command::Report(args) => write_report::run(&args, out),
        Command::Serve(args) => serve::run(&args),
        Command::Delete { probes, all } => delete::run(&probes, all, out),
        Command::Doctor { output } => doctor::run(output, out),
        Command::Inspect { object, output } => inspect::run(&object, output, out),
        Command::Init { object } => init::run(&object, out),
        Command::Explain { code } => explain::run(code, out),
        Command::Completions { shell } => manual::completions(shell, Cli::command(), out),
        Command::Man { directory } => manual::pages(directory.as_deref(), Cli::command(), out),
        Command::Schema { subject } => schema::run(subject, out),
    }
}

fn whole_log(wanted: bool) -> WholeLog {
    if wanted { WholeLog::Yes } else { WholeLog::No }
}

/// An error for a person; the kernel stage's come with what to do next.
fn told(error: &anyhow::Error) -> String {
    match error.downcast_ref::<kernel::Error>() {
        Some(error) => terminal::lines(&error.report(WholeLog::No)),
        None => terminal::lines(&format!("{error:#}")),
    }
}

/// Whoever read the output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        let json = cause.downcast_ref::<serde_json::Error>();
        io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
            || json.is_some_and(|error| error.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}
