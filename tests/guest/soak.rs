//! Tests that take as long as one lets them. The scenarios run short forms of the same code.

use std::io::{Write, stderr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::crash::{self, Share};
use crate::exchange::{self, Way};
use crate::features::Features;
use crate::generations;
use crate::product::Product;
use crate::race;
use crate::scenario::Context;

const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// Which test.
#[derive(clap::Subcommand)]
pub enum Test {
    /// Break commands off at every point
    Crash {
        /// Only so many points of each case; all if it isn't given
        #[arg(long)]
        each: Option<usize>,
        /// Only the cases whose name contains this
        #[arg(default_value = "")]
        filter: String,
    },
    /// Exchange a slot's handler while calls go through it
    Exchange {
        /// Calls, while the slot is exchanged from within
        #[arg(long, default_value_t = 20_000_000)]
        calls: u64,
        /// Exchanges
        #[arg(long, default_value_t = 2_000)]
        exchanges: u64,
        /// Seconds of `probe-runner swap`, again and again
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
    /// Change five slots together while calls go through them
    Generations {
        /// How often
        #[arg(long, default_value_t = 1_000)]
        changes: u64,
    },
    /// Run many commands at once and kill some of them
    Race {
        /// Commands under way at a time
        #[arg(long, default_value_t = 50)]
        at_once: usize,
        /// For how long
        #[arg(long, default_value_t = 300)]
        seconds: u64,
        /// Chooses the commands; another one each time if it isn't given
        #[arg(long)]
        seed: Option<u64>,
    },
}

/// Runs it.
///
/// # Errors
/// What did not hold.
pub fn run(
    test: &Test,
    product: Product,
    fixtures: PathBuf,
    out: &mut dyn Write,
) -> Result<ExitCode> {
    let context = Context::new(product, "/run/scenario".into(), fixtures);
    std::fs::create_dir_all(&context.scratch)?;
    thread::spawn(sign_of_life);
    match test {
        Test::Crash { each, filter } => {
            let share = each.map_or(Share::All, Share::Each);
            crash::run(&context, |case| case.contains(filter), share, out)?.all_passed()?;
        }
        Test::Exchange { calls, exchanges, seconds } => {
            let mut features = Features::default();
            for way in Way::ALL {
                if let Err(unmet) = features.check(way.needs()) {
                    writeln!(out, "{way:?}: not on this kernel: {}", unmet.reason)?;
                    continue;
                }
                let counted = exchange::in_process(&context, way, *calls, *exchanges)?;
                writeln!(out, "in process, {counted}")?;
                let time = Duration::from_secs(*seconds);
                writeln!(out, "by command, {}", exchange::by_command(&context, way, time)?)?;
            }
        }
        Test::Generations { changes } => {
            for way in [generations::Way::OneFlip, generations::Way::Ordered] {
                writeln!(out, "{}", generations::run(&context, way, *changes)?)?;
            }
        }
        Test::Race { at_once, seconds, seed } => {
            let seed = seed.unwrap_or_else(|| fastrand::u64(..));
            writeln!(out, "race: seed {seed}")?;
            let time = Duration::from_secs(*seconds);
            writeln!(out, "race: {}", race::run(&context, *at_once, time, seed)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A virtual machine that says nothing for long is taken for dead.
fn sign_of_life() {
    let begin = Instant::now();
    loop {
        thread::sleep(SIGN_OF_LIFE);
        // If nobody listens, nobody waits for it.
        let _ = writeln!(stderr(), "soak: at it for {} s", begin.elapsed().as_secs());
    }
}
