//! What our own probes cost each event, in instructions: counted by the clock of a virtual machine.
//!
//! What each figure was is committed: more than that by a twentieth has failed. There is an aim besides; which figures miss it
//! is said. The whole of the event is measured, with the probe and without it; what the kernel itself does
//! to call a program is part of the cost.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use super::attach::case::{INLINED, InGuest, RAW_TRACEPOINTS, STEERING};
use crate::binaries::{self, Binaries};
use crate::report::{Outcome, Report};
use crate::vm::{self, Accelerator, Errand, Extra, SERIES};
use crate::{packages, paths};

/// Where the limits hold.
const KERNELS: [&str; 2] = ["6.12", "7.3"];

/// Instructions by which a figure may differ where nothing changed, at least.
const NOISE: f64 = 3.0;
/// What it may grow to on the same kernel, and on another build of it.
const DRIFT: f64 = 1.05;
const OTHER_KERNEL: f64 = 1.25;

/// A figure and what it is to be at most.
const FIGURES: [(&str, f64); 3] = [
    ("fexit on get_rps_cpu, each packet", 420.0),
    ("kprobe and kretprobe on get_rps_cpu, each packet", 1250.0),
    ("a slot's handler, against the same inlined, each call", 25.0),
];

/// How to measure.
#[derive(clap::Args)]
pub struct Args {
    /// The kernel series to boot
    #[arg(long, value_name = "SERIES", default_values = KERNELS)]
    kernel: Vec<String>,
    /// Write down what is measured, for later runs to be compared with
    #[arg(long, conflicts_with = "objects")]
    remember: bool,
    /// Where to look for the objects first: for trying a change
    #[arg(long, value_name = "DIRECTORY")]
    objects: Option<PathBuf>,
}

/// What was measured on a kernel.
#[derive(Deserialize, Serialize)]
struct Remembered {
    /// The package, with its version.
    kernel: String,
    /// Instructions, in the order of [`FIGURES`].
    figures: Vec<f64>,
}

/// Measures and prints; fails if a figure is not what it is to be.
///
/// # Errors
/// A kernel can't be had, a command fails in it, or a figure is too large.
pub fn run(args: &Args) -> Result<()> {
    let binaries = binaries::build()?;
    let mut report = Report::default();
    let mut all = remembered()?;
    for (series, measured) in measure_all(&args.kernel, &binaries, args.objects.as_deref())? {
        let measured = measured?;
        judge(series, &measured, all.get(series), &mut report, &mut std::io::stdout())?;
        all.insert(series.to_owned(), measured);
    }
    if args.remember {
        let text = format!("{}\n", serde_json::to_string_pretty(&all)?);
        fs::write(file(), text).with_context(|| format!("cannot write {}", file().display()))?;
        return Ok(());
    }
    ensure!(report.totals().failed == 0, "a probe costs more than it did");
    Ok(())
}

/// The same for whoever counts more than this.
pub fn check_all(binaries: &Binaries) -> Result<Report> {
    let mut report = Report::default();
    let all = remembered()?;
    for (series, measured) in measure_all(&KERNELS, binaries, None)? {
        match measured {
            Ok(measured) => {
                judge(series, &measured, all.get(series), &mut report, &mut std::io::stdout())?
            }
            Err(error) => {
                writeln!(std::io::stdout(), "FAIL overhead-{series}: {error:#}")?;
                report.add(&format!("overhead-{series}"), Outcome::Failed);
            }
        }
    }
    Ok(report)
}

fn file() -> PathBuf {
    paths::root().join("tests/bench/overhead.json")
}

fn remembered() -> Result<BTreeMap<String, Remembered>> {
    let text =
        fs::read_to_string(file()).with_context(|| format!("cannot read {}", file().display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("not what is remembered: {}", file().display()))
}

/// Measures on several kernels at once: machines that count instructions don't care how long one takes.
fn measure_all<'a>(
    kernels: &'a [impl AsRef<str>],
    binaries: &Binaries,
    objects: Option<&Path>,
) -> Result<Vec<(&'a str, Result<Remembered>)>> {
    let cases = &Cases::new(objects)?;
    Ok(thread::scope(|scope| {
        let started: Vec<_> = kernels
            .iter()
            .map(AsRef::as_ref)
            .map(|series| (series, scope.spawn(move || measure(series, binaries, cases))))
            .collect();
        let ended = started.into_iter().map(|(series, thread)| {
            (series, thread.join().unwrap_or_else(|_| Err(anyhow!("measuring panicked"))))
        });
        ended.collect()
    }))
}

/// What is measured, in the order of [`FIGURES`] but for the last, from which the one after it is taken away.
struct Cases {
    arguments: Vec<String>,
    extras: Vec<Extra>,
}

impl Cases {
    /// Of the shipped objects, or of those in a directory where it has them.
    fn new(objects: Option<&Path>) -> Result<Cases> {
        let [_, dispatch] = RAW_TRACEPOINTS;
        let [fexit, pair] = STEERING;
        let cases =
            [("packets", fexit), ("packets", pair), ("calls", dispatch), ("calls", INLINED)];
        let mut arguments = vec!["overhead".to_owned()];
        let mut extras = Vec::new();
        for (events, case) in &cases {
            let own = case.object();
            let tried = objects.zip(own.file_name()).map(|(objects, name)| objects.join(name));
            let object = tried.filter(|path| path.exists()).unwrap_or(own);
            // Probes are told apart by their files, and with one processor every packet stays where it is.
            let edit = |text: String| {
                let more = if *events == "packets" { "globals: { count_all: true }\n" } else { "" };
                text.replace("name: bench\n", more)
            };
            let InGuest { probe, .. } = case.take_along(object, edit, &mut extras)?;
            arguments.extend(["--case".to_owned(), format!("{events}:{probe}")]);
        }
        Ok(Cases { arguments, extras })
    }
}

fn measure(series: &str, binaries: &Binaries, cases: &Cases) -> Result<Remembered> {
    packages::announce(&format!("counting instructions of probes on Linux {series}"));
    let errand = Errand {
        series,
        arguments: &cases.arguments,
        extras: &cases.extras,
        accelerator: Some(Accelerator::Counted),
    };
    let said = vm::boot_once(&errand, binaries)?;
    let costs = costs(&said)?;
    let &[fexit, pair, dispatch, inlined] = &costs[..] else {
        anyhow::bail!("not four measurements:\n{said}");
    };
    let known = SERIES.iter().find(|known| known.name == series).context("a known series")?;
    Ok(Remembered {
        kernel: known.obtain()?.version,
        figures: [fexit, pair, dispatch - inlined].map(tenths).to_vec(),
    })
}

/// What each case costs an event: with the probe, less without it.
fn costs(said: &str) -> Result<Vec<f64>> {
    let of_line = |line: &str| -> Result<f64> {
        let figures = line.split(' ').map(str::parse).collect::<Result<Vec<f64>, _>>();
        match figures.with_context(|| format!("not a measurement: {line}"))?[..] {
            [_, without, with] => Ok(with - without),
            _ => anyhow::bail!("not a measurement: {line}"),
        }
    };
    said.lines().map(of_line).collect()
}

fn tenths(figure: f64) -> f64 {
    (10.0 * figure).round() / 10.0
}

fn judge(
    series: &str,
    measured: &Remembered,
    before: Option<&Remembered>,
    report: &mut Report,
    out: &mut dyn Write,
) -> Result<()> {
    for (index, ((name, aim), figure)) in FIGURES.iter().zip(&measured.figures).enumerate() {
        let was =
            before.and_then(|before| before.figures.get(index).map(|was| (was, &before.kernel)));
        let (allowed, compared) = match was {
            Some((was, kernel)) => {
                // Another build of the kernel may itself do more or less.
                let drift = if *kernel == measured.kernel { DRIFT } else { OTHER_KERNEL };
                ((was * drift).max(was + NOISE), format!("{was:.1} on {kernel}"))
            }
            None => (*aim, "nothing".to_owned()),
        };
        let outcome = if *figure <= allowed { Outcome::Passed } else { Outcome::Failed };
        let word = if outcome == Outcome::Passed { "PASS" } else { "FAIL" };
        let aimed = if figure <= aim { "within" } else { "MISSES" };
        writeln!(
            out,
            "{word} {name}, {series}: {figure:.1} instructions; remembered: {compared}; {aimed} the aim of {aim}"
        )?;
        report.add(&format!("overhead-{series}-{index}"), outcome);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Remembered, Report, costs, judge};

    fn failed(figures: [f64; 3], kernel: &str) -> usize {
        let before = Remembered { kernel: "a".into(), figures: vec![400.0, 1000.0, 20.0] };
        let measured = Remembered { kernel: kernel.into(), figures: figures.to_vec() };
        let mut report = Report::default();
        judge("6.12", &measured, Some(&before), &mut report, &mut Vec::new())
            .expect("it can be written");
        report.totals().failed
    }

    #[test]
    fn more_than_a_twentieth_more_has_failed() {
        assert_eq!(failed([419.0, 1049.0, 22.9], "a"), 0);
        assert_eq!(failed([421.0, 1051.0, 24.0], "a"), 3);
        assert_eq!(failed([421.0, 1249.0, 24.0], "b"), 0);
        assert_eq!(failed([501.0, 1251.0, 25.1], "b"), 3);
    }

    #[test]
    fn costs_are_differences() {
        assert_eq!(costs("0 1000.50 1400.75\n1 10.00 9.00\n").expect("figures"), [400.25, -1.0]);
        assert!(costs("0 1000").is_err());
    }
}
