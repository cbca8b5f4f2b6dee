//! Time to attached: start, load, attach, exit, with the same object.
//!
//! `native` measures on this machine's kernel, `counted` in virtual machines that count instructions, for what this
//! kernel may not allow.

pub mod case;
mod counted;
pub mod loader;
mod native;

use anyhow::Result;

/// How to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Counted runs of each command; default: 21, in virtual machines 5
    #[arg(long)]
    runs: Option<usize>,
    /// Count instructions in virtual machines: fexit and the kprobe pair on get_rps_cpu
    #[arg(long)]
    vm: bool,
    /// The kernel series to boot for --vm
    #[arg(long, value_name = "SERIES", requires = "vm", default_values = ["6.12", "7.3"])]
    kernel: Vec<String>,
}

/// Measures and prints.
///
/// # Errors
/// Not root, a tool is missing, or a command fails.
pub fn run(args: &Args) -> Result<()> {
    match args.vm {
        true => counted::run(&args.kernel, args.runs.unwrap_or(5)),
        false => native::run(args.runs.unwrap_or(21)),
    }
}
