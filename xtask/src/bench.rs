//! `cargo xtask bench`: how fast the product is, against what people use today.
//!
//! Each comparison runs its commands in turn, A B C A B C …, so that a machine that gets slower slows
//! all of them; medians are shown, and ratios of medians.

mod attach;
mod measure;

/// What to measure.
#[derive(clap::Subcommand)]
pub enum Args {
    /// Start to attached to exit, as whole processes: probe-runner, a C loader with libbpf, bpftool
    Attach(attach::Args),
}

/// Measures and prints.
///
/// # Errors
/// A tool is missing, or a command that is measured fails.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match args {
        Args::Attach(args) => attach::run(args),
    }
}
