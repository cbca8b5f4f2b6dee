//! Commands as whole processes: wall time, processor time and memory, as the kernel accounts them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use wait4::Wait4;

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// From start to end.
    pub wall: Duration,
    /// User and system time.
    pub cpu: Duration,
    /// Largest resident set, in bytes.
    pub memory: u64,
}

/// A command under a name.
pub struct Candidate {
    /// What tables call it.
    pub name: &'static str,
    /// Makes the command; called for each run.
    pub command: Box<dyn Fn() -> Command>,
    /// What has to be done after each run, outside of the measurement.
    pub after: Box<dyn Fn() -> Result<()>>,
}

/// Runs the candidates in turn, `runs` times after one that isn't counted; the medians of each.
///
/// # Errors
/// A command can't be started or fails.
pub fn interleaved(candidates: &[Candidate], runs: usize) -> Result<Vec<Run>> {
    let mut all = vec![Vec::new(); candidates.len()];
    for round in 0..=runs {
        for (candidate, results) in candidates.iter().zip(&mut all) {
            let result = once(candidate)?;
            if round > 0 {
                results.push(result);
            }
        }
    }
    Ok(all.iter().map(|results| median(results)).collect())
}

fn once(candidate: &Candidate) -> Result<Run> {
    let begin = Instant::now();
    let child = (candidate.command)()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", candidate.name))?;
    let ended = child.wait4().with_context(|| format!("cannot wait for {}", candidate.name))?;
    let wall = begin.elapsed();
    if !ended.status.success() {
        bail!("{} failed ({}); run it by hand to see why", candidate.name, ended.status);
    }
    (candidate.after)()?;
    let usage = ended.rusage;
    Ok(Run { wall, cpu: usage.utime + usage.stime, memory: usage.maxrss })
}

fn median(runs: &[Run]) -> Run {
    let middle = runs.len() / 2;
    let of = |key: fn(&Run) -> Duration| {
        let mut values: Vec<Duration> = runs.iter().map(key).collect();
        values.sort_unstable();
        values.get(middle).copied().unwrap_or_default()
    };
    let mut memory: Vec<u64> = runs.iter().map(|run| run.memory).collect();
    memory.sort_unstable();
    Run {
        wall: of(|run| run.wall),
        cpu: of(|run| run.cpu),
        memory: memory.get(middle).copied().unwrap_or_default(),
    }
}
