//! Runs kernel scenarios: as init of a virtual machine, or as an ordinary root process.
//!
//! This file only reads arguments. `stage` prepares the world, `session` runs scenarios in it, `scenarios` holds them.

mod consume;
mod corpus;
mod crash;
mod demo;
mod events;
mod exchange;
mod features;
mod filled;
mod generations;
mod leak;
mod measure;
mod objects;
mod overhead;
mod product;
mod race;
mod scenario;
mod scrape;
mod scenarios;
mod session;
mod slot_times;
mod stage;
mod sys;
mod soak;
mod terminal;
mod trace;
mod traffic;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser};

use product::Product;
use scenario::Boot;
use session::Missing;

#[derive(Parser)]
#[command(name = "guest", about = "Runs kernel scenarios")]
enum Verb {
    /// Run the scenarios that this kernel allows
    Run {
        #[command(flatten)]
        selection: Selection,
        /// What to make of a kernel that lacks what all kernels of the matrix have
        #[arg(long, value_enum, default_value_t = Missing::Skips)]
        missing: Missing,
        #[command(flatten)]
        paths: Paths,
    },
    /// List the scenarios without running any
    List {
        #[command(flatten)]
        selection: Selection,
    },
    /// Show the RPS and system-call probes on generated traffic
    Demo {
        #[command(flatten)]
        paths: Paths,
    },
    /// Run one test at length, or a short form of it
    Soak {
        #[command(subcommand)]
        test: soak::Test,
        #[command(flatten)]
        paths: Paths,
    },
    /// Run commands in turn and write what each run took
    Measure(measure::Args),
    /// Exchange a slot of an applied probe again and again and write what each took
    SlotTimes(slot_times::Args),
    /// Decode an applied probe's records and count them, until SIGINT (started by a measurement)
    Consume(consume::Args),
    /// Run a command on a terminal (started by scenarios)
    OnTerminal(terminal::Inside),
    /// Take the terminal as `watch` does, and panic (started by scenarios)
    PanicOnScreen,
    /// Measure what probes cost each event
    Overhead {
        #[command(flatten)]
        args: overhead::Args,
        #[command(flatten)]
        paths: Paths,
    },
    /// Generate traffic under a process id of its own (started by scenarios)
    #[command(subcommand)]
    Traffic(traffic::Kind),
}

#[derive(Args)]
struct Selection {
    /// How this kernel was booted
    #[arg(long, value_enum, default_value_t = Boot::Usual)]
    boot: Boot,
    /// Only the scenarios whose name contains this
    filter: Option<String>,
}

#[derive(Args)]
struct Paths {
    /// The probe-runner binary; default: beside this program
    #[arg(long)]
    probe_runner: Option<PathBuf>,
    /// Directory of the probe files
    #[arg(long, default_value = "/probes.d")]
    probes: PathBuf,
    /// Directory of what tests read: `refused` and `objects` of the repository's `tests`
    #[arg(long, default_value = "/tests")]
    fixtures: PathBuf,
}

impl Paths {
    fn product(self) -> Result<Product> {
        let binary = match self.probe_runner {
            Some(path) => path,
            None if stage::is_init() => PathBuf::from("/bin/probe-runner"),
            None => std::env::current_exe()?.with_file_name("probe-runner"),
        };
        Product::new(binary, self.probes)
    }
}

fn main() -> Result<ExitCode> {
    if stage::is_init() {
        return stage::as_init(|arguments, out| {
            let arguments = ["guest".to_owned()].into_iter().chain(arguments);
            dispatch(Verb::try_parse_from(arguments)?, out)
        });
    }
    let verb = Verb::parse();
    if matches!(verb, Verb::Run { .. } | Verb::Soak { .. } | Verb::Demo { .. }) {
        stage::apart().context("cannot set up namespaces (this needs root)")?;
    }
    dispatch(verb, &mut io::stdout())
}

fn dispatch(verb: Verb, out: &mut dyn Write) -> Result<ExitCode> {
    match verb {
        Verb::Run { selection, missing, paths } => {
            let chosen = scenarios::chosen(selection.boot, selection.filter.as_deref());
            let fixtures = paths.fixtures.clone();
            session::run(&chosen, paths.product()?, fixtures, missing, out)
        }
        Verb::List { selection } => {
            for scenario in scenarios::chosen(selection.boot, selection.filter.as_deref()) {
                writeln!(out, "{}", scenario.name)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Verb::Soak { test, paths } => {
            let fixtures = paths.fixtures.clone();
            soak::run(&test, paths.product()?, fixtures, out)
        }
        Verb::Demo { paths } => demo::run(&paths.product()?, out),
        Verb::Measure(args) => measure::run(&args, out),
        Verb::SlotTimes(args) => slot_times::run(&args, out).map(|()| ExitCode::SUCCESS),
        Verb::Consume(args) => consume::run(&args, out).map(|()| ExitCode::SUCCESS),
        Verb::OnTerminal(inside) => terminal::inside(&inside).map(|()| ExitCode::SUCCESS),
        Verb::PanicOnScreen => terminal::panic_on_screen().map(|()| ExitCode::SUCCESS),
        Verb::Overhead { args, paths } => overhead::run(&args, &paths.product()?, out),
        Verb::Traffic(kind) => traffic::run(&kind).map(|()| ExitCode::SUCCESS),
    }
}
