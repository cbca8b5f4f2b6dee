//! The consumers that are compared: our decoding alone, our JSON, and the same two of a C program with libbpf.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::binaries::Binaries;
use crate::paths;

/// For a consumer to be attached, and to be done.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// What a consumer does with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Decodes them as the product does, and counts them.
    Decoded,
    /// `run -o json`.
    Json,
    /// Reads every field in C, and counts them.
    LibbpfCounted,
    /// printf in C.
    LibbpfJson,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Decoded, Kind::Json, Kind::LibbpfCounted, Kind::LibbpfJson];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Decoded => "probe-runner, decoded",
            Kind::Json => "probe-runner, JSON",
            Kind::LibbpfCounted => "libbpf in C, read",
            Kind::LibbpfJson => "libbpf in C, JSON",
        }
    }
}

/// A consumer that is attached. Killed when dropped.
pub struct Consumer {
    kind: Kind,
    child: Child,
    /// What deletes the probe that was applied for it.
    applied: Option<PathBuf>,
}

/// Builds the consumer in C.
pub fn build_libbpf() -> Result<PathBuf> {
    if !Path::new("/usr/include/bpf/libbpf.h").exists() {
        bail!("libbpf's headers are missing: `apt-get install libbpf-dev`");
    }
    let program = paths::target().join("bench-events");
    let status = Command::new("cc")
        .current_dir(paths::root())
        .args(["-O2", "-Wall", "-Werror", "tests/bench/events.c", "-o"])
        .arg(&program)
        .args(["-lbpf", "-lelf", "-lz"])
        .status()
        .context("cannot run cc")?;
    ensure!(status.success(), "tests/bench/events.c doesn't build; it takes libbpf-dev");
    Ok(program)
}

impl Consumer {
    /// Starts one on the first processor and waits until it is attached.
    pub fn start(kind: Kind, binaries: &Binaries, libbpf: &Path) -> Result<Consumer> {
        let architecture = std::env::consts::ARCH;
        let object =
            paths::root().join(format!("tests/objects/prebuilt/{architecture}/flood.bpf.o"));
        let file = paths::target().join("flood.yaml");
        let text = format!(
            "version: 1
name: flood
object: {}
attach:
  - raw_tracepoint: {{ name: sys_enter, program: flood_records }}
read:
  flood: {{ type: flood_event }}
",
            object.display()
        );
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]);
        let mut applied = None;
        match kind {
            Kind::Decoded => {
                let mut apply = Command::new(&binaries.probe_runner);
                let status = apply.arg("apply").arg(&file).stdout(Stdio::null()).status();
                ensure!(status.context("cannot run probe-runner")?.success(), "apply failed");
                applied = Some(binaries.probe_runner.clone());
                command.arg(&binaries.guest).args(["consume", "flood", "flood", "flood_event"]);
            }
            Kind::Json => {
                command.arg(&binaries.probe_runner).arg("run").arg(&file).args(["-o", "json"]);
            }
            Kind::LibbpfCounted | Kind::LibbpfJson => {
                let what = if kind == Kind::LibbpfJson { "json" } else { "count" };
                command.arg(libbpf).arg(&object).args(["flood_records", "flood", what]);
            }
        }
        let said = File::create(paths::target().join("bench-events.said"))?;
        let null = || Stdio::null();
        let stdout = if kind == Kind::Decoded { Stdio::from(said.try_clone()?) } else { null() };
        let child = command.stdin(null()).stdout(stdout).stderr(said).spawn();
        let child = child.context("cannot start a consumer")?;
        let mut consumer = Consumer { kind, child, applied };
        consumer.wait_until_attached()?;
        Ok(consumer)
    }

    /// The program is attached when its link is there; and its consumer waits when it computes no more.
    fn wait_until_attached(&mut self) -> Result<()> {
        let start = Instant::now();
        while !bpftool(&["prog", "show", "name", "flood_records"])?.contains("flood_records") {
            ensure!(self.child.try_wait()?.is_none(), "{} ended early", self.kind.name());
            ensure!(start.elapsed() < PATIENCE, "{} is not attached", self.kind.name());
            thread::sleep(PAUSE);
        }
        self.is_idle().map(drop)
    }

    /// How long it computed, in the kernel too.
    pub fn computed(&self) -> Result<Duration> {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", self.child.id()))?;
        let nanoseconds = text.split_whitespace().next().context("no time")?.parse()?;
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Waits until it has nothing more to do; how long it computed until then.
    pub fn is_idle(&self) -> Result<Duration> {
        let start = Instant::now();
        let mut last = self.computed()?;
        let mut quiet = 0;
        while quiet < 3 {
            ensure!(start.elapsed() < PATIENCE, "{} does not come to rest", self.kind.name());
            thread::sleep(PAUSE);
            let now = self.computed()?;
            quiet = if now == last { quiet + 1 } else { 0 };
            last = now;
        }
        Ok(last)
    }

    /// Records that found the buffer full.
    pub fn lost(&self) -> Result<u64> {
        Ok(sum(&bpftool(&["-j", "map", "dump", "name", "flood_losses"])?, "\"full\":"))
    }

    /// Ends it. Those that tell must have taken as many records.
    pub fn end(mut self, taken: u64) -> Result<()> {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?;
        ensure!(status.success(), "{} has gone already", self.kind.name());
        ensure!(self.child.wait()?.success(), "{} failed", self.kind.name());
        if self.kind != Kind::Json {
            let said = fs::read_to_string(paths::target().join("bench-events.said"))?;
            let line = said.lines().last().unwrap_or_default();
            let count = line.split_whitespace().next().and_then(|count| count.parse().ok());
            ensure!(count == Some(taken), "{} took {line}, not {taken}", self.kind.name());
        }
        Ok(())
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
        if let Some(binary) = &self.applied {
            Command::new(binary).args(["delete", "flood"]).stdout(Stdio::null()).status().ok();
        }
    }
}

/// The numbers behind a member's name, added up.
fn sum(json: &str, member: &str) -> u64 {
    let digits = |rest: &str| -> u64 {
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    json.split(member).skip(1).map(digits).sum()
}

fn bpftool(arguments: &[&str]) -> Result<String> {
    let output = Command::new("bpftool").args(arguments).output().context("cannot run bpftool")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
