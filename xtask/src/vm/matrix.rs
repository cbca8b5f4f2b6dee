//! Boots kernels in the ways that the scenarios ask for, a few at a time, and collects what they report.
//!
//! A kernel that can't be had, or a machine that ends in any way but the agreed one, is a failure: it never counts as
//! passed or as skipped.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::accel::{self, Accelerator};
use super::initramfs::{self, Extra};
use super::kernels::{self, Kernel, Series};
use super::machine::{Ended, Limits, Machine};
use crate::binaries::Binaries;
use crate::report::{Outcome, Report};
use crate::{packages, paths};

/// Codes by which the guest tells through the debug-exit device how its scenarios went.
const ALL_PASSED: u8 = 0x10;
const SOME_FAILED: u8 = 0x11;

/// How often a kernel may be booted until the guest begins. QEMU's emulation of several processors sometimes trips over the
/// code that a kernel patches while it starts (7.3 once died so, in a no-op that was being patched); nothing of ours has run then.
const BOOTS: usize = 3;

/// A scenario writes nothing while it runs; none takes two minutes.
const LIMITS: Limits =
    Limits { first_line: Duration::from_secs(30), silence: Duration::from_secs(120) };

/// How a kernel is booted. A scenario belongs to exactly one of these and runs in no other.
struct Variant {
    /// As the guest knows it.
    name: &'static str,
    /// Added to the kernel's command line.
    append: &'static str,
    /// The only series booted this way; all when none.
    series: Option<&'static str>,
    /// Whether the kernel lets the guest reach the debug-exit device.
    debug_exit: bool,
}

const USUAL: Variant = Variant { name: "usual", append: "", series: None, debug_exit: true };

/// A kernel that hides its memory even from root. The refusals are alike on all: one series is enough. Ports are among
/// what it refuses.
const LOCKDOWN: Variant = Variant {
    name: "lockdown",
    append: "lockdown=confidentiality",
    series: Some("6.12"),
    debug_exit: false,
};

const VARIANTS: [Variant; 2] = [USUAL, LOCKDOWN];

/// A kernel that was asked for, or the reason why it is not there.
pub struct Candidate {
    name: String,
    kernel: Result<Kernel, String>,
    /// Of a kernel of the matrix it is known what it has: the guest then fails scenarios that it would skip elsewhere.
    missing: &'static str,
}

impl Candidate {
    /// A series, fetched now if need be.
    pub fn from_series(series: &Series) -> Self {
        Self {
            name: series.name.to_owned(),
            kernel: series.obtain().map_err(|error| format!("{error:#}")),
            missing: "fails",
        }
    }

    /// The user's own image.
    pub fn from_image(image: &Path) -> Self {
        Self {
            name: image.display().to_string(),
            kernel: kernels::from_file(image).map_err(|error| format!("{error:#}")),
            missing: "skips",
        }
    }
}

/// Runs the scenarios on all candidates, `jobs` machines at a time; prints each machine's lines when it ends.
pub fn run(
    candidates: &[Candidate],
    binaries: &Binaries,
    filter: Option<&str>,
    jobs: usize,
) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    let mut boots = Vec::new();
    for variant in &VARIANTS {
        let selection = selection(variant, filter);
        if !has_scenarios(binaries, &selection)? {
            continue;
        }
        for candidate in candidates {
            if variant.series.is_some_and(|only| only != candidate.name) {
                continue;
            }
            match &candidate.kernel {
                Ok(kernel) => {
                    let verb = ["run", "--missing", candidate.missing].map(str::to_owned);
                    let arguments = [&verb, &selection[..]].concat();
                    let name = format!("{}-{}", kernel.name, variant.name);
                    boots.push(Boot::prepare(kernel, variant, &name, binaries, &arguments)?);
                }
                Err(reason) => reports.push(not_there(&candidate.name, reason)?),
            }
        }
    }
    let Some(first) = boots.first() else {
        return Ok(reports);
    };
    let accelerator = accel::probe(&first.kernel.image, &first.initramfs())?;

    // Popped from the end; the order of the results does not matter.
    let waiting = Mutex::new(boots);
    let done = Mutex::new(reports);
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    // A statement of its own: as the condition of a loop it would hold the lock while the machine runs.
                    let next = lock(&waiting).pop();
                    let Some(boot) = next else { break };
                    let report = boot.report(accelerator);
                    lock(&done).push(report);
                }
            });
        }
    });
    Ok(done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// What a guest is booted for, other than scenarios.
pub struct Errand<'a> {
    /// The kernel series.
    pub series: &'a str,
    /// What the guest is to do.
    pub arguments: &'a [String],
    /// What it needs for that.
    pub extras: &'a [Extra],
    /// How to run it; the fastest way that works here if it doesn't matter.
    pub accelerator: Option<Accelerator>,
}

/// Boots one kernel for an errand; returns what the guest wrote.
///
/// # Errors
/// When no kernel can be had or the machine did not end as agreed.
pub fn boot_once(errand: &Errand<'_>, binaries: &Binaries) -> Result<String> {
    let series = kernels::SERIES
        .iter()
        .find(|known| known.name == errand.series)
        .with_context(|| format!("no kernel {}", errand.series))?;
    let kernel = series.obtain()?;
    let name = format!("once-{}", errand.series);
    let directory = paths::vm().join("boots").join(&name);
    let boot = Boot { kernel: &kernel, variant: &USUAL, directory, name };
    boot.pack(binaries, errand.arguments, errand.extras)?;
    let accelerator = match errand.accelerator {
        Some(accelerator) => accelerator,
        None => accel::probe(&kernel.image, &boot.initramfs())?,
    };
    let ended = boot.run(accelerator)?;
    ensure!(
        ended.code == Some(ALL_PASSED) && ended.finished,
        "the guest did not end well:\n{}\n{}",
        ended.results,
        ended.console_tail
    );
    Ok(ended.results)
}

/// A machine that is ready to be started.
struct Boot<'a> {
    kernel: &'a Kernel,
    variant: &'a Variant,
    /// Of its initramfs, its logs and its results.
    directory: PathBuf,
    name: String,
}

impl<'a> Boot<'a> {
    fn prepare(
        kernel: &'a Kernel,
        variant: &'a Variant,
        name: &str,
        binaries: &Binaries,
        arguments: &[String],
    ) -> Result<Self> {
        let directory = paths::vm().join("boots").join(name);
        let boot = Self { kernel, variant, directory, name: name.to_owned() };
        boot.pack(binaries, arguments, &[])?;
        Ok(boot)
    }

    fn pack(&self, binaries: &Binaries, arguments: &[String], extras: &[Extra]) -> Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        initramfs::write(&self.initramfs(), binaries, self.kernel, arguments, extras)
    }

    fn initramfs(&self) -> PathBuf {
        self.directory.join("initramfs.cpio")
    }

    fn run(&self, accelerator: Accelerator) -> Result<Ended> {
        let machine = Machine {
            kernel: &self.kernel.image,
            initramfs: &self.initramfs(),
            accelerator,
            append: self.variant.append,
            limits: LIMITS,
            directory: &self.directory,
        };
        for _ in 1..BOOTS {
            let ended = machine.run()?;
            if ended.began {
                return Ok(ended);
            }
            let kernel = &self.kernel.name;
            show(&format!("kernel {kernel} died before the guest began, it is booted again\n"));
        }
        machine.run()
    }

    fn report(&self, accelerator: Accelerator) -> Report {
        let start = Instant::now();
        let ended = self.run(accelerator);
        let (mut report, mut text) = match &ended {
            Ok(ended) => (Report::parse(&ended.results), ended.results.clone()),
            Err(_) => (Report::default(), String::new()),
        };
        if let Err(error) = ended.and_then(|ended| self.check_end(&ended, &report)) {
            report.add(&format!("boot-{}", self.name), Outcome::Failed);
            // Writing to a string can't fail.
            writeln!(text, "FAIL boot-{}: {error:#}", self.name).ok();
        }
        show(&format!(
            "\n== kernel {} ({}), {} boot, {}: {} in {:.0} s\n{}\n",
            self.kernel.name,
            self.kernel.version,
            self.variant.name,
            accelerator.name(),
            report.totals(),
            start.elapsed().as_secs_f64(),
            text.trim_end()
        ));
        report
    }

    /// Nothing counts unless the guest reached its end, and says so on every path that it has.
    fn check_end(&self, ended: &Ended, report: &Report) -> Result<()> {
        let agreed = if report.totals().failed == 0 { ALL_PASSED } else { SOME_FAILED };
        let expected = self.variant.debug_exit.then_some(agreed);
        if !ended.finished || !report.is_finished() || ended.code != expected {
            bail!(
                "the machine broke off (debug-exit code {:?}); the console's last lines:\n{}",
                ended.code,
                ended.console_tail
            );
        }
        Ok(())
    }
}

/// The guest's arguments that say which scenarios are meant.
fn selection(variant: &Variant, filter: Option<&str>) -> Vec<String> {
    let mut arguments = vec!["--boot".to_owned(), variant.name.to_owned()];
    arguments.extend(filter.map(str::to_owned));
    arguments
}

/// Asks the guest itself, here, so that no machine is booted for nothing.
fn has_scenarios(binaries: &Binaries, selection: &[String]) -> Result<bool> {
    let output = Command::new(&binaries.guest)
        .arg("list")
        .args(selection)
        .output()
        .context("cannot run the guest program")?;
    ensure!(output.status.success(), "the guest cannot list its scenarios");
    Ok(!output.stdout.is_empty())
}

fn not_there(name: &str, reason: &str) -> Result<Report> {
    let mut report = Report::default();
    report.add(&format!("kernel-{name}"), Outcome::Failed);
    writeln!(std::io::stdout(), "\n== kernel {name}: skipped, which fails the run: {reason}")?;
    Ok(report)
}

/// A closed stdout is no reason to lose the results.
fn show(text: &str) {
    if std::io::stdout().write_all(text.as_bytes()).is_err() {
        packages::announce("stdout is closed");
    }
}

/// The lists stay whole even when a thread panicked.
fn lock<T>(list: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    list.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
