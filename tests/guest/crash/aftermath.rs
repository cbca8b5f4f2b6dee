//! What must hold after a command was broken off, and after what is done then.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::cases::Case;
use crate::events::{Batch, Source};
use crate::leak::{PINS, Snapshot};
use crate::scenario::Context;
use crate::sys;
use crate::trace::Traced;

/// Where the product keeps what the kernel can't.
const STATE: &str = "/run/probe-runner";
/// Enough to be told from a single stray event.
const EVENTS: u64 = 20;

/// What is done after a command broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Applied as the command would have left it.
    New,
    /// Applied as it was before.
    Old,
    /// Deleted.
    Delete,
}

/// What was there before the command.
pub struct Before {
    /// Before anything.
    nothing: Snapshot,
    pins: BTreeMap<PathBuf, String>,
    state: Option<Vec<u8>>,
    source: Source,
    /// Events that were counted.
    counted: u64,
}

impl Before {
    /// Brings about what the case begins with.
    pub fn prepare(context: &Context, case: &Case) -> Result<Self> {
        let nothing = Snapshot::take()?;
        for command in &case.before {
            succeed(context, command)?;
        }
        let source = Source::open(case.events)?;
        let mut counted = 0;
        if !case.before.is_empty() {
            let batch = source.send(EVENTS)?;
            batch.is_whole().context("before the command")?;
            counted = batch.counted;
        }
        Ok(Self { nothing, pins: pins()?, state: state(case.probe)?, source, counted })
    }

    /// After a kill either the old probe works or the new one, or both.
    pub fn survives_kill(&self, case: &Case, traced: &Traced) -> Result<()> {
        ensure!(traced.code.is_none(), "it was not killed: {}", traced.stderr);
        if case.runs_through {
            self.source.send(EVENTS)?.is_not_short().context("after the kill")?;
        }
        Ok(())
    }

    /// After an error the old probe works as if nothing had happened; or the new one does, if the error came when that had
    /// taken its place.
    pub fn survives_error(&self, context: &Context, case: &Case, traced: &Traced) -> Result<()> {
        let code = traced.code.context("it was killed")?;
        if case.runs_through {
            self.source.send(EVENTS)?.is_not_short().context("after the error")?;
        }
        let is_committed = state(case.probe)? != self.state;
        if code == 0 || is_committed || case.command.iter().any(|word| word == "delete") {
            return Ok(());
        }
        ensure!(!traced.stderr.trim().is_empty(), "it failed and said nothing");
        let now = pins()?;
        ensure!(now == self.pins, "the error was not undone: {}", differences(&self.pins, &now));
        if !case.before.is_empty() {
            is_healthy(context, case.probe).context("after the error")?;
        }
        Ok(())
    }

    /// Does what is to be done, which must lead to where it says, and leaves nothing.
    pub fn ends_well(
        self,
        context: &Context,
        case: &Case,
        ending: Ending,
        traced: &Traced,
    ) -> Result<()> {
        let said = || format!("{ending:?} after\n{}", traced.stderr.trim_end());
        match ending {
            Ending::New => self.converges(context, case, &case.new).with_context(said)?,
            Ending::Old => self.converges(context, case, &case.old).with_context(said)?,
            Ending::Delete => {}
        }
        // Where nothing is left, there is nothing to delete.
        let is_there = !pins()?.is_empty() || state(case.probe)?.is_some();
        let deleted = context.product.one_of_many(&["delete", case.probe])?;
        if is_there {
            deleted.success().context("delete")?;
        }
        // An open source holds maps.
        drop(self.source);
        let files = stray_files()?;
        ensure!(files.is_empty(), "left behind: {}", files.join(", "));
        self.nothing.compare()
    }

    fn converges(&self, context: &Context, case: &Case, apply: &[String]) -> Result<()> {
        succeed(context, apply)?;
        let status = is_healthy(context, case.probe)?;
        let there = pins()?;
        let again = succeed(context, apply)?;
        ensure!(again.contains(" unchanged"), "applied once more, it is not unchanged: {again}");
        ensure!(pins()? == there, "applied once more, pins changed");
        ensure!(is_healthy(context, case.probe)? == status, "applied once more, status changed");
        let before = self.source.counted()?;
        if case.keeps_data {
            ensure!(
                before >= self.counted,
                "{before} events are left of {} that were counted",
                self.counted
            );
        }
        self.source.send(EVENTS)?.is_exact().context("in the end")
    }
}

/// After a failure: the next point must not suffer from it.
pub fn clean_up(context: &Context) -> Result<()> {
    context.product.delete_all();
    for pin in pins().unwrap_or_default().keys() {
        fs::remove_file(pin).ok();
    }
    fs::remove_dir_all(PINS).ok();
    for file in stray_files()? {
        fs::remove_file(file)?;
    }
    Ok(())
}

fn succeed(context: &Context, command: &[String]) -> Result<String> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let finished = context.product.one_of_many(&words)?.success();
    Ok(finished.with_context(|| command.join(" "))?.stdout)
}

/// The probe's state, which must be good: programs, slots, links.
pub fn is_healthy(context: &Context, probe: &str) -> Result<serde_json::Value> {
    let status = context.product.json(&["status", probe, "-o", "json"])?;
    let status = &status["probes"][0];
    ensure!(status["state"] == "attached", "not attached: {status}");
    ensure!(status["drift"].as_array().is_some_and(Vec::is_empty), "drift: {status}");
    let mut parts = serde_json::Map::new();
    for part in ["attachments", "maps", "slots", "applied_at"] {
        parts.insert(part.to_owned(), status[part].clone());
    }
    // How full they are changes as programs run.
    for map in parts["maps"].as_array_mut().into_iter().flatten() {
        map["entries"] = serde_json::Value::Null;
    }
    Ok(parts.into())
}

fn state(probe: &str) -> Result<Option<Vec<u8>>> {
    let path = Path::new(STATE).join(format!("{probe}.json"));
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What is in the state's directory besides the lock.
pub fn stray_files() -> Result<Vec<String>> {
    let mut files = Vec::new();
    if let Ok(entries) = fs::read_dir(STATE) {
        for entry in entries {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name != "lock") {
                files.push(path.display().to_string());
            }
        }
    }
    Ok(files)
}

/// What only one of them has.
fn differences(before: &BTreeMap<PathBuf, String>, now: &BTreeMap<PathBuf, String>) -> String {
    let lost = before.iter().filter(|(path, id)| now.get(*path) != Some(*id));
    let new = now.iter().filter(|(path, id)| before.get(*path) != Some(*id));
    let lost = lost.map(|(path, id)| format!("- {} {id}", path.display()));
    let new = new.map(|(path, id)| format!("+ {} {id}", path.display()));
    lost.chain(new).collect::<Vec<_>>().join(", ")
}

/// Every pin, and which object it is of.
fn pins() -> Result<BTreeMap<PathBuf, String>> {
    let mut pins = BTreeMap::new();
    let mut directories = vec![PathBuf::from(PINS)];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                pins.insert(path.clone(), "a directory".to_owned());
                directories.push(path);
            } else {
                let id = id(&path)?;
                pins.insert(path, id);
            }
        }
    }
    Ok(pins)
}

fn id(pin: &Path) -> Result<String> {
    use std::os::fd::AsRawFd;
    let fd = sys::open_pin(pin).with_context(|| format!("cannot open {}", pin.display()))?;
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()))?;
    for name in ["link_id", "prog_id", "map_id"] {
        if let Some(line) = info.lines().find(|line| line.starts_with(name)) {
            return Ok(line.replace('\t', " "));
        }
    }
    bail!("{} is neither program, map nor link: {info}", pin.display())
}

/// What a batch of events must be.
impl Batch {
    /// Each was counted, but for those that the kernel skipped.
    fn is_not_short(&self) -> Result<()> {
        ensure!(self.counted + self.missed >= self.sent, "{self:?}");
        Ok(())
    }

    /// The same, and more than none.
    fn is_whole(&self) -> Result<()> {
        ensure!(self.counted > 0, "{self:?}");
        self.is_not_short()
    }

    /// Each was counted once.
    fn is_exact(&self) -> Result<()> {
        self.is_whole()?;
        ensure!(self.counted <= self.sent || self.has_strangers, "{self:?}");
        Ok(())
    }
}
