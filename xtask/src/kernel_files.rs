//! `cargo xtask kernel-files`: the kernels of the virtual machines as files. Each is read out of its package and out
//! of its image, by the library and by the binary, as somebody who may do nothing.
//!
//! That what is read is what the kernel shows when it runs is a scenario of the virtual machines, which get
//! [`Told`] along.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use probe_runner::btf::Kind;
use probe_runner::kernels::{self, Cache};

use crate::report::{self, Outcome, Report};
use crate::vm::{Kernel, SERIES, modules};

/// Takes nothing: it is always all kernels.
#[derive(clap::Args)]
pub struct Args {}

/// Compares, and prints a line a kernel and the totals.
pub fn run(_args: &Args) -> Result<ExitCode> {
    report::conclude(&[check_all()?])
}

/// The same for whoever counts more than this.
pub fn check_all() -> Result<Report> {
    let mut report = Report::default();
    for series in &SERIES {
        let name = format!("kernel-file-{}", series.name);
        let start = Instant::now();
        let outcome = match series.obtain().and_then(|kernel| check(&kernel)) {
            Ok(()) => {
                let seconds = start.elapsed().as_secs_f64();
                writeln!(std::io::stdout(), "PASS {name} ({seconds:.1}s)")?;
                Outcome::Passed
            }
            Err(error) => {
                writeln!(std::io::stdout(), "FAIL {name}: {error:#}")?;
                Outcome::Failed
            }
        };
        report.add(&name, outcome);
    }
    Ok(report)
}

/// What a kernel's file says of it.
pub struct Told {
    /// As it is shown in `/sys/kernel/btf/vmlinux`.
    pub types: Vec<u8>,
    /// A line each: release, `LINUX_VERSION_CODE`, architecture.
    pub facts: String,
}

impl Told {
    /// Reads the one kernel of a file.
    pub fn read(path: &Path) -> Result<Told> {
        let kernel = open(path)?;
        let facts = [
            kernel.release.context("no release")?,
            kernel.version.context("no version")?.to_string(),
            kernel.arch.context("no architecture")?.name().to_owned(),
        ];
        let types = kernel.types.kernel().data().to_vec();
        Ok(Told { types, facts: facts.map(|fact| fact + "\n").concat() })
    }
}

fn open(path: &Path) -> Result<kernels::Kernel> {
    let path = path.to_str().context("the path is not UTF-8")?;
    let mut kernels = kernels::open(path, &Cache::Off)?;
    ensure!(kernels.len() == 1, "{path}: {} kernels", kernels.len());
    Ok(kernels.remove(0))
}

fn check(kernel: &Kernel) -> Result<()> {
    let package = kernel.package.as_deref().context("no package")?;
    let (packed, image) = (Told::read(package)?, Told::read(&kernel.image)?);
    ensure!(packed.types == image.types, "package and image hold different types");
    ensure!(
        packed.facts == image.facts,
        "{} in the package, {} in the image",
        packed.facts,
        image.facts
    );
    // The package is called after the release, and its version begins with the kernel's.
    let (name, version) = kernel.version.split_once(' ').context("no version")?;
    let opened = open(package)?;
    let release = opened.release.clone().unwrap_or_default();
    ensure!(name.contains(&release), "{release} from {name}");
    let code = kernels::version_code(version, "", None);
    ensure!(opened.version == code, "version {:x?} from {version}", opened.version);
    modules_are_found(&opened, package)
}

/// The types of modules that came in the same package, which kernels have since 5.11.
fn modules_are_found(kernel: &kernels::Kernel, package: &Path) -> Result<()> {
    let has_types = kernel.version >= Some(0x05_0b_00);
    let expected =
        (has_types && modules::read(package, modules::DUMMY)?.is_some()).then_some("dummy");
    let found = kernel.types.find("dummy_xmit", Kind::Function).map(|found| found.module);
    ensure!(found == expected.map(Some), "dummy_xmit is in {found:?}, not in {expected:?}");
    Ok(())
}
