//! Runs the `probe-runner` binary as a user would, and reads what it prints.
//!
//! Only documented output is relied on: exit codes, JSON, and words in messages. What it ought to say is for scenarios.

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::leak::PINS;

/// Numbers the files that commands write to.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// For one command. Loading takes seconds under emulation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary under test and the probe files that ship with it.
pub struct Product {
    binary: PathBuf,
    probes: PathBuf,
    ran: RefCell<Vec<Ran>>,
}

/// A probe file that the kernel took.
struct Ran {
    /// A copy, under its own name: scenarios write over theirs.
    copy: PathBuf,
    /// Where it lay, its objects beside it.
    directory: PathBuf,
    /// `--set NAME=VALUE` and the like.
    variables: Vec<String>,
}

/// A command that ended.
pub struct Finished {
    status: ExitStatus,
    /// What it printed as result.
    pub stdout: String,
    /// Everything else it said.
    pub stderr: String,
}

impl Product {
    /// Takes the binary and the directory of probe files; both must exist.
    pub fn new(binary: PathBuf, probes: PathBuf) -> Result<Self> {
        for path in [&binary, &probes] {
            ensure!(path.exists(), "{}: no such file or directory", path.display());
        }
        Ok(Self { binary, probes, ran: RefCell::default() })
    }

    /// The binary under test.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// A probe file that ships with the product, by its stem.
    pub fn shipped(&self, probe: &str) -> PathBuf {
        self.probes.join(format!("{probe}.yaml"))
    }

    /// Runs one command to its end.
    ///
    /// # Errors
    /// When it can't be started or takes more than a minute. Its exit code is the caller's to judge.
    pub fn command(&self, arguments: &[&str]) -> Result<Finished> {
        let finished = Started::spawn(&self.binary, arguments)?.finish(PATIENCE)?;
        if let ["apply", path, more @ ..] = arguments
            && finished.status.success()
            && !more.contains(&"--dry-run")
        {
            for file in probe_files(Path::new(path))? {
                self.note(&file, more)?;
            }
        }
        Ok(finished)
    }

    /// The same of a command that is one of very many: `check` isn't asked about its file.
    pub fn one_of_many(&self, arguments: &[&str]) -> Result<Finished> {
        Started::spawn(&self.binary, arguments)?.finish(PATIENCE)
    }

    /// Runs one command, and `traffic` again and again until it ends.
    pub fn command_during(
        &self,
        arguments: &[&str],
        mut traffic: impl FnMut() -> Result<()>,
    ) -> Result<Finished> {
        let mut started = Started::spawn(&self.binary, arguments)?;
        while started.child.try_wait()?.is_none() {
            traffic()?;
        }
        started.finish(PATIENCE)
    }

    /// Runs one command that must succeed and print one JSON document.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let finished = self.command(arguments)?.success()?;
        serde_json::from_str(&finished.stdout)
            .with_context(|| format!("not JSON: {}", finished.stdout))
    }

    /// Starts `run FILE -o json` with more arguments and waits until it is attached.
    pub fn run(&self, file: &Path, more: &[&str]) -> Result<Running> {
        let file = path(file)?;
        let arguments = [&["run", file, "-o", "json"], more].concat();
        let mut running = Running { started: Started::spawn(&self.binary, &arguments)? };
        running.wait_until_attached()?;
        self.note(Path::new(file), more)?;
        Ok(running)
    }

    /// Keeps a probe file that the kernel took.
    fn note(&self, file: &Path, options: &[&str]) -> Result<()> {
        let mut ran = self.ran.borrow_mut();
        let directory = Path::new("/run/ran").join(ran.len().to_string());
        fs::create_dir_all(&directory)?;
        let copy = directory.join(file.file_name().context("a file has a name")?);
        fs::copy(file, &copy)?;
        let variables = options.windows(2).filter(|pair| matches!(pair[0], "--set" | "--vars"));
        let variables = variables.flatten().map(|&word| word.to_owned()).collect();
        let directory = file.parent().unwrap_or(Path::new(".")).to_path_buf();
        ran.push(Ran { copy, directory, variables });
        Ok(())
    }

    /// Has `check` look at every probe file that the kernel took since the last time: what runs is right. Returns how many
    /// there were.
    ///
    /// # Errors
    /// `check` finds fault with one.
    pub fn no_false_alarms(&self) -> Result<usize> {
        let ran = self.ran.take();
        for Ran { copy, directory, variables } in &ran {
            let mut arguments = vec!["check", "--kernel", "running", "--object-dir"];
            arguments.extend([path(directory)?, path(copy)?]);
            arguments.extend(variables.iter().map(String::as_str));
            self.command(&arguments)?.exits(0).context("check finds fault with what ran")?;
        }
        Ok(ran.len())
    }

    /// Starts one command and doesn't wait for anything.
    pub fn start(&self, arguments: &[&str]) -> Result<Running> {
        Ok(Running { started: Started::spawn(&self.binary, arguments)? })
    }

    /// Removes whatever is applied; for cleaning up after a failure, so it complains about nothing.
    pub fn delete_all(&self) {
        if Path::new(PINS).exists() {
            self.command(&["delete", "--all"]).ok();
        }
    }
}

/// A probe file, or those of a directory.
fn probe_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "yaml") {
            files.push(file);
        }
    }
    Ok(files)
}

impl Finished {
    /// Its exit code; none if it was killed.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Fails unless the exit code is 0.
    pub fn success(self) -> Result<Self> {
        self.exits(0)
    }

    /// Fails unless it ended with this exit code.
    pub fn exits(self, code: i32) -> Result<Self> {
        ensure!(
            self.status.code() == Some(code),
            "ended with {} instead of {code}; stderr:\n{}",
            self.status,
            self.stderr.trim_end()
        );
        Ok(self)
    }

    /// Fails unless stderr has each of these words.
    pub fn complains(&self, words: &[&str]) -> Result<()> {
        for word in words {
            ensure!(
                self.stderr.contains(word),
                "the message does not say `{word}`:\n{}",
                self.stderr.trim_end()
            );
        }
        Ok(())
    }
}

/// A command that goes on, such as `probe-runner run`. Killed when dropped.
pub struct Running {
    started: Started,
}

/// What `probe-runner run -o json` printed from start to end.
pub struct Transcript {
    /// All lines.
    lines: Vec<Value>,
    /// Everything else it said.
    pub stderr: String,
}

impl Running {
    fn wait_until_attached(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            if self.started.printed()?.lines().any(|line| line.contains(r#""attached""#)) {
                return Ok(());
            }
            if let Some(status) = self.started.child.try_wait()? {
                let stderr = fs::read_to_string(&self.started.stderr)?;
                bail!(
                    "run ended with {status} before it was attached; stderr:\n{}",
                    stderr.trim_end()
                );
            }
            ensure!(start.elapsed() < PATIENCE, "run was not attached within {PATIENCE:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it as Ctrl-C does; it must end well and print the final state.
    pub fn interrupt(self) -> Result<Transcript> {
        kill_process(self.pid()?, Signal::INT)?;
        self.wait()
    }

    /// Waits for its own end, as after `--for`.
    pub fn wait(mut self) -> Result<Transcript> {
        let finished = self.started.finish(PATIENCE)?.success()?;
        let lines = finished
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("not JSON: {line}")))
            .collect::<Result<_>>()?;
        Ok(Transcript { lines, stderr: finished.stderr })
    }

    /// What came of it, if it ended.
    pub fn try_finish(&mut self) -> Result<Option<Finished>> {
        match self.started.child.try_wait()? {
            Some(_) => self.started.finish(PATIENCE).map(Some),
            None => Ok(None),
        }
    }

    /// What it said so far that is no result.
    pub fn said(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.started.stderr)?).into_owned())
    }

    /// Ends it as a service manager does, and waits until it has ended.
    pub fn terminate(mut self) -> Result<Finished> {
        kill_process(self.pid()?, Signal::TERM)?;
        self.started.finish(PATIENCE)
    }

    /// Kills it: it gets no chance to clean up.
    pub fn kill(mut self) -> Result<()> {
        self.started.child.kill()?;
        self.started.child.wait()?;
        Ok(())
    }

    fn pid(&self) -> Result<Pid> {
        Pid::from_raw(self.started.child.id().cast_signed()).context("no process id")
    }
}

impl Transcript {
    /// The attachments of the only probe.
    pub fn attachments(&self) -> Result<&Vec<Value>> {
        let attached = self.of_type("attached").next().context("no `attached` line")?;
        attached["attachments"].as_array().context("no attachments")
    }

    /// Rows of the events that came from one map.
    pub fn events<'a>(&'a self, map: &'a str) -> impl Iterator<Item = &'a Value> {
        self.of_type("event").filter(move |event| event["map"] == map).map(|event| &event["row"])
    }

    /// The final state of the only probe.
    pub fn read(&self) -> Result<Reading<'_>> {
        self.of_type("read").next().map(Reading).context("no final state was printed")
    }

    fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.lines.iter().filter(move |line| line["type"] == kind)
    }
}

/// A read document: what `read -o json` prints, and `run` at its end.
#[derive(Clone, Copy)]
pub struct Reading<'a>(pub &'a Value);

impl<'a> Reading<'a> {
    /// The rows of one map.
    pub fn rows(self, map: &str) -> Result<&'a Vec<Value>> {
        self.0["views"]
            .as_array()
            .and_then(|views| views.iter().find(|view| view["map"] == map))
            .and_then(|view| view["rows"].as_array())
            .with_context(|| format!("map {map} was not shown: {}", self.0))
    }

    /// How often something made the numbers short; 0 when it is not listed.
    pub fn loss(self, what: &str) -> i64 {
        let losses = self.0["loss"].as_array().into_iter().flatten();
        losses.filter(|loss| loss["what"] == what).filter_map(|loss| loss["count"].as_i64()).sum()
    }

    /// The sum of a column over the rows that `keep` wants.
    pub fn sum(self, map: &str, column: &str, keep: impl Fn(&Value) -> bool) -> Result<i64> {
        self.rows(map)?.iter().filter(|row| keep(row)).map(|row| number(row, column)).sum()
    }
}

/// A field as a number: the raw value when the shown one is decoded.
pub fn number(row: &Value, column: &str) -> Result<i64> {
    let raw = row.get(format!("{column}_raw")).or_else(|| row.get(column));
    raw.and_then(Value::as_i64).with_context(|| format!("no number `{column}` in {row}"))
}

/// A path as an argument.
pub fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is not UTF-8")
}

/// A started command whose output goes to files: pipes that nobody reads would block it.
struct Started {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Started {
    fn spawn(binary: &Path, arguments: &[&str]) -> Result<Self> {
        // Beside the scratch directory, not in it: probe files are written there.
        let directory = Path::new("/run/output");
        fs::create_dir_all(directory)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let stdout = directory.join(format!("{number}.stdout"));
        let stderr = directory.join(format!("{number}.stderr"));
        let child = Command::new(binary)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .spawn()
            .context("cannot start probe-runner")?;
        Ok(Self { child, stdout, stderr })
    }

    fn finish(&mut self, patience: Duration) -> Result<Finished> {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if start.elapsed() > patience {
                self.child.kill()?;
                self.child.wait()?;
                let stderr = fs::read_to_string(&self.stderr)?;
                bail!("did not end within {patience:?}; stderr:\n{}", stderr.trim_end());
            }
            thread::sleep(Duration::from_millis(2));
        };
        Ok(Finished { status, stdout: self.printed()?, stderr: fs::read_to_string(&self.stderr)? })
    }

    fn printed(&self) -> Result<String> {
        // A line may be half-written; then it may even end within a character.
        Ok(String::from_utf8_lossy(&fs::read(&self.stdout)?).into_owned())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_file(&self.stdout).ok();
        fs::remove_file(&self.stderr).ok();
    }
}
