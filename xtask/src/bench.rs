//! `cargo xtask bench`: how fast the product is, against what people use today.
//!
//! Each comparison runs its commands in turn, A B C A B C …, so that a machine that gets slower slows
//! all of them; medians are shown, and ratios of medians.

mod attach;
mod check;
mod events;
mod measure;
pub mod overhead;
mod read;
mod serve;
mod swap;

use std::io::Write;

use anyhow::Result;

/// What to measure.
#[derive(clap::Subcommand)]
pub enum Args {
    /// Start to attached to exit, as whole processes: probe-runner, a C loader with libbpf, bpftool
    Attach(attach::Args),
    /// Checking a thousand probe files, and one
    Check(check::Args),
    /// Records through a ring buffer, decoded and as JSON: probe-runner, a C consumer with libbpf (root)
    Events(events::Args),
    /// What our own probes cost each event, in instructions counted in virtual machines
    Overhead(overhead::Args),
    /// Reading whole maps to JSON: probe-runner, bpftool
    Read(read::Args),
    /// Serving many series: a scrape, memory, and many scrapers while probes come and go (root)
    Serve(serve::Args),
    /// Exchanging a slot, `swap`, an unchanged `apply`, and `plan` over a thousand probes (root)
    Swap(swap::Args),
}

/// Measures and prints.
///
/// # Errors
/// A tool is missing, or a command that is measured fails.
pub fn run(args: &Args) -> Result<()> {
    match args {
        Args::Attach(args) => attach::run(args),
        Args::Check(args) => check::run(args),
        Args::Events(args) => events::run(args),
        Args::Overhead(args) => overhead::run(args),
        Args::Read(args) => read::run(args),
        Args::Serve(args) => serve::run(args),
        Args::Swap(args) => swap::run(args),
    }
}

/// Prints a figure, and whether it is what it is to be.
fn told(is_met: bool, figure: &str) -> Result<()> {
    let word = if is_met { "met" } else { "MISSED" };
    Ok(writeln!(std::io::stdout(), "{word}: {figure}")?)
}
