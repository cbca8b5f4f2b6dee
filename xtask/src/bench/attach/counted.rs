//! Measures in virtual machines whose clock counts instructions: fexit and the kprobe pair, which this machine's kernel
//! may not allow.
//!
//! A process's own time is what it made the processor do, in the kernel too; waiting for other processors isn't in it.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::case::{InGuest, STEERING};
use super::loader::{self, Linking};
use crate::binaries;
use crate::packages::{self, Tool};
use crate::vm::{self, Accelerator, Errand, Extra};

/// Where bpftool pins what it loads.
const PINS: &str = "/sys/fs/bpf/bench";

/// What is compared; the second is what the others are compared with. bpftool loads all three programs of the object,
/// whatever the case, and attaches none: Debian's can't.
const NAMES: [&str; 3] = ["probe-runner", "libbpf in C", "bpftool (load)"];

/// Measures on each of the kernels.
///
/// # Errors
/// A tool is missing, a kernel can't be had, or a command fails in it.
pub fn run(kernels: &[String], runs: usize) -> Result<()> {
    let binaries = binaries::build()?;
    let bpftool = packages::require(&Tool { program: "bpftool", package: "bpftool" })?;
    let mut extras = with_libraries("bin/bpftool", &bpftool)?;
    extras.push(Extra { name: "bin/attach".to_owned(), path: loader::build(Linking::Static)? });
    let mut commands = Vec::new();
    for case in &STEERING {
        let InGuest { object, probe } = case.take_along(case.object(), |text| text, &mut extras)?;
        let arguments = case.loader_arguments(Path::new(&object)).join(" ");
        commands.extend([
            format!("/bin/probe-runner run {probe} --for 0s"),
            format!("/bin/attach {arguments}"),
            format!("/bin/bpftool prog loadall {object} {PINS}"),
        ]);
    }
    // The first round warms the caches of the file system and of the kernel.
    let mut arguments = ["measure", "--rounds", &(runs + 1).to_string(), "--leftover", PINS]
        .map(str::to_owned)
        .to_vec();
    for command in &commands {
        arguments.extend(["--command".to_owned(), command.clone()]);
    }
    for kernel in kernels {
        packages::announce(&format!("counting instructions on Linux {kernel}"));
        let errand = Errand {
            series: kernel,
            arguments: &arguments,
            extras: &extras,
            accelerator: Some(Accelerator::Counted),
        };
        show(kernel, runs, &vm::boot_once(&errand, &binaries)?)?;
    }
    Ok(())
}

/// An executable and the libraries that it is linked with.
fn with_libraries(name: &str, executable: &Path) -> Result<Vec<Extra>> {
    let output = Command::new("ldd").arg(executable).output().context("cannot run ldd")?;
    ensure!(output.status.success(), "ldd can't read {}", executable.display());
    let text = String::from_utf8(output.stdout)?;
    let libraries = text.split_whitespace().filter(|word| word.starts_with('/'));
    let mut extras = vec![Extra { name: name.to_owned(), path: executable.to_owned() }];
    extras.extend(libraries.map(|library| Extra {
        name: library.trim_start_matches('/').to_owned(),
        path: library.into(),
    }));
    Ok(extras)
}

/// Prints the least that each command took: what disturbs a run only adds to it.
fn show(kernel: &str, runs: usize, results: &str) -> Result<()> {
    let mut out = std::io::stdout();
    let least = least(results, NAMES.len() * STEERING.len())?;
    for (case, figures) in STEERING.iter().zip(least.chunks(NAMES.len())) {
        writeln!(out, "{} on Linux {kernel} (least of {runs} runs each)", case.name)?;
        for (name, (computed, elapsed)) in NAMES.iter().zip(figures) {
            writeln!(
                out,
                "  {name:14} {:7.2} million instructions ({:.2} × libbpf), {:7.2} from start to end",
                *computed as f64 / 1e6,
                *computed as f64 / figures[1].0 as f64,
                *elapsed as f64 / 1e6,
            )?;
        }
    }
    Ok(())
}

/// The least figures of each command, without those of the first round.
fn least(results: &str, commands: usize) -> Result<Vec<(u64, u64)>> {
    let mut least = vec![(u64::MAX, u64::MAX); commands];
    for line in results.lines().skip(commands) {
        let figures = line.split(' ').map(str::parse).collect::<Result<Vec<u64>, _>>();
        let figures = figures.with_context(|| format!("not a measurement: {line}"))?;
        let &[command, computed, elapsed] = &figures[..] else {
            anyhow::bail!("not a measurement: {line}");
        };
        let known = least.get_mut(command as usize).context("a command that wasn't given")?;
        *known = (known.0.min(computed), known.1.min(elapsed));
    }
    ensure!(least.iter().all(|figures| figures.0 != u64::MAX), "not every command was measured");
    Ok(least)
}
