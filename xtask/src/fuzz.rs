//! `cargo xtask fuzz`: gives the functions of `tests/hostile/targets.rs` bytes that a fuzzer thinks up.
//!
//! libFuzzer by cargo-fuzz, without a sanitizer: that works with a stable compiler, and safe code has
//! no use for one. What is found ends the run; cargo-fuzz says where the input lies.

#[path = "../../tests/hostile/seeds.rs"]
mod seeds;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{packages, paths};

/// The targets in the order in which they are fuzzed.
const TARGETS: [&str; 6] = ["elf", "executable", "btf", "core", "link", "yaml"];

/// MiB that a run may take, the fuzzer's own included.
const MEMORY: u32 = 256;

/// Seconds that an input may take.
const LONGEST: u32 = 1;

/// Which targets, and for how long.
#[derive(clap::Args)]
pub struct Args {
    /// One of elf, executable, btf, core, link, yaml; all of them without
    target: Option<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Fuzzes one target after the other; the first finding is an error.
pub fn run(args: &Args) -> Result<()> {
    let known = Command::new(env!("CARGO")).args(["fuzz", "--version"]).output()?;
    ensure!(known.status.success(), "there is no cargo-fuzz; run `cargo install cargo-fuzz`");
    let chosen = |target: &str| args.target.as_deref().is_none_or(|wanted| wanted == target);
    let targets: Vec<&str> = TARGETS.into_iter().filter(|target| chosen(target)).collect();
    ensure!(!targets.is_empty(), "no such target; there are {}", TARGETS.join(", "));
    for target in targets {
        fuzz(target, args.seconds)?;
    }
    Ok(())
}

fn fuzz(target: &str, seconds: u32) -> Result<()> {
    packages::announce(&format!("fuzzing {target} for {seconds} s"));
    let fuzz = paths::root().join("fuzz");
    let corpus = fuzz.join("corpus").join(target);
    write_seeds(target, &corpus)?;
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(paths::root()).args(["fuzz", "run", "--sanitizer", "none", target]);
    command.arg(&corpus).arg("--").arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-rss_limit_mb={MEMORY}")).arg(format!("-timeout={LONGEST}"));
    command.args(["-print_final_stats=1", "-report_slow_units=1"]);
    let dictionary = fuzz.join("dictionaries").join(target).with_extension("dict");
    if dictionary.exists() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let status = command.status().context("cannot run cargo-fuzz")?;
    ensure!(
        status.success(),
        "{target}: an input was found (see above); put it into tests/hostile/findings/{target}/ \
         and `cargo test --test hostile` repeats it"
    );
    Ok(())
}

/// Puts the seeds beside what earlier runs have found worth keeping.
fn write_seeds(target: &str, corpus: &Path) -> Result<()> {
    fs::create_dir_all(corpus)?;
    for (name, bytes) in seeds::of(target, paths::root()) {
        fs::write(corpus.join(name), bytes)?;
    }
    Ok(())
}
