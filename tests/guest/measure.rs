//! Runs commands in turn and writes what each run took: the raw figures, for whoever asked.
//!
//! Under an emulator that counts instructions (`-icount shift=0`) a nanosecond is an instruction.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use wait4::Wait4;

/// What to run, and how often.
#[derive(clap::Args)]
pub struct Args {
    /// Rounds; each runs every command once
    #[arg(long)]
    rounds: usize,
    /// A command and its arguments, separated by spaces
    #[arg(long = "command", required = true)]
    commands: Vec<String>,
    /// What a command may leave behind: removed after each run
    #[arg(long, value_name = "DIRECTORY")]
    leftover: PathBuf,
}

/// Writes a line for each run: the command's number from 0, then the nanoseconds that its process computed, and those
/// from its start to its end.
///
/// # Errors
/// When a command can't be started or fails; what it said is in the message.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode> {
    for _ in 0..args.rounds {
        for (number, command) in args.commands.iter().enumerate() {
            let (computed, elapsed) = once(command)?;
            writeln!(out, "{number} {computed} {elapsed}")?;
            if args.leftover.exists() {
                fs::remove_dir_all(&args.leftover)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn once(command: &str) -> Result<(u128, u128)> {
    let mut words = command.split(' ');
    let program = words.next().context("an empty command")?;
    let said = PathBuf::from("/tmp/measured");
    let begin = Instant::now();
    let child = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&said)?)
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let ended = child.wait4().with_context(|| format!("cannot wait for {program}"))?;
    let elapsed = begin.elapsed();
    if !ended.status.success() {
        bail!("`{command}` ended with {}:\n{}", ended.status, fs::read_to_string(&said)?);
    }
    let computed = ended.rusage.utime + ended.rusage.stime;
    ensure!(!computed.is_zero(), "this kernel doesn't account processor time exactly");
    Ok((computed.as_nanos(), elapsed.as_nanos()))
}
