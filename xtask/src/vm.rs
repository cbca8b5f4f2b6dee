//! `cargo xtask vm`: the kernel scenarios on real kernels, each booted in a virtual machine of its own.
//!
//! This file reads the arguments and picks the kernels; `matrix` boots them.

mod accel;
mod apt;
mod initramfs;
mod kernels;
mod machine;
mod matrix;
pub mod modules;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::binaries::{self, Binaries};
use crate::report::{self, Report};
use matrix::Candidate;

pub use accel::Accelerator;
pub use initramfs::Extra;
pub use kernels::{Kernel, SERIES};
pub use matrix::{Errand, boot_once};

/// Virtual machines at a time: two pay on two cores, as each has long idle stretches.
const JOBS: usize = 2;

/// What to run where.
#[derive(clap::Args)]
pub struct Args {
    /// The kernel series to boot: 5.10, 6.1, 6.12, 7.3 or all
    #[arg(long, value_name = "SERIES", default_value = "all")]
    kernel: Vec<String>,
    /// Boot this kernel image instead of fetching one
    #[arg(long, value_name = "PATH", conflicts_with = "kernel")]
    kernel_image: Option<PathBuf>,
    /// Virtual machines at a time
    #[arg(long, value_name = "N", default_value_t = JOBS)]
    jobs: usize,
    /// Run only the scenarios whose name contains this
    filter: Option<String>,
}

/// Boots what was asked for and prints each kernel's lines and the totals.
pub fn run(args: &Args) -> Result<ExitCode> {
    let binaries = binaries::build()?;
    let candidates = match &args.kernel_image {
        Some(image) => vec![Candidate::from_image(image)],
        None => named(&args.kernel)?,
    };
    let reports = matrix::run(&candidates, &binaries, args.filter.as_deref(), args.jobs)?;
    report::conclude(&reports)
}

/// The scenarios on every kernel.
pub fn run_all(binaries: &Binaries) -> Result<Vec<Report>> {
    matrix::run(&named(&["all".to_owned()])?, binaries, None, JOBS)
}

/// Looks the series up by name. A kernel that can't be had stays in the list, with the reason.
fn named(names: &[String]) -> Result<Vec<Candidate>> {
    let known = SERIES.map(|series| series.name);
    if let Some(unknown) =
        names.iter().find(|name| *name != "all" && !known.contains(&name.as_str()))
    {
        bail!("no kernel {unknown}: there are {} and all", known.join(", "));
    }
    Ok(SERIES
        .iter()
        .filter(|series| names.iter().any(|name| name == "all" || name == series.name))
        .map(Candidate::from_series)
        .collect())
}
