//! The state files below `/run/probe-runner`: what the kernel can't keep of a probe.
//!
//! A state file is replaced by renaming, so it is the old one or the new one, never a half.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::kernel::error::{Error, Phase};
use crate::live::Record;
use serde::Deserialize;

/// Where the state files and the lock are; it goes at reboot, as the pins do.
pub const DIRECTORY: &str = "/run/probe-runner";

/// Writes a probe's state file.
pub fn remember(record: &Record) -> Result<(), Error> {
    let path = path(&record.desired.probe);
    let failed = |error: io::Error| {
        let result = Error::from_io(Phase::State, path.display().to_string(), &error);
        match error.raw_os_error() {
            Some(libc::EACCES | libc::EPERM) => result.hint("run it as root"),
            _ => result,
        }
    };
    let text = serde_json::to_vec_pretty(record).map_err(|error| failed(error.into()))?;
    let new = unfinished(&path);
    fs::create_dir_all(DIRECTORY).map_err(failed)?;
    let written = fs::File::create(&new)
        .and_then(|mut file| file.write_all(&text))
        .and_then(|()| fs::rename(&new, &path));
    written.map_err(|error| {
        // The first error is the telling one.
        let _ = fs::remove_file(&new);
        failed(error)
    })
}

/// What a state file tells.
#[derive(Debug)]
pub enum Recalled {
    /// There is none.
    Nothing,
    /// What runs.
    Record(Box<Record>),
    /// Nothing that this version understands, for this reason.
    Unreadable(String),
}

/// Reads a probe's state file.
///
/// # Errors
/// One that can't be opened. What is in it is none: it may be cut off, or of another version.
pub fn recall(probe: &str) -> Result<Recalled, Error> {
    let path = path(probe);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Recalled::Nothing),
        Err(error) => {
            let result = Error::from_io(Phase::Observe, path.display().to_string(), &error);
            return Err(result.hint("run it as root"));
        }
    };
    Ok(match understand(&text) {
        Ok(record) => Recalled::Record(Box::new(record)),
        Err(why) => Recalled::Unreadable(format!("{}: {why}", path.display())),
    })
}

fn understand(text: &[u8]) -> Result<Record, String> {
    #[derive(Deserialize)]
    struct Version {
        schema_version: u32,
    }
    let version: Version = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if version.schema_version != Record::SCHEMA_VERSION {
        return Err(format!(
            "another version of probe-runner wrote it (form {}, this one's is {})",
            version.schema_version,
            Record::SCHEMA_VERSION
        ));
    }
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

/// Tells a state file from the one that takes its place.
#[derive(Debug, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    modified: (i64, i64),
}

/// The stamp of a probe's state file, if there is one.
pub fn stamp(probe: &str) -> Option<Stamp> {
    let metadata = fs::metadata(path(probe)).ok()?;
    let modified = (metadata.mtime(), metadata.mtime_nsec());
    Some(Stamp { inode: metadata.ino(), modified })
}

/// The probes that have a state file, by name.
pub fn remembered_probes() -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(DIRECTORY) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::from_io(Phase::Observe, DIRECTORY, &error)),
    };
    let mut probes: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .collect();
    probes.sort_unstable();
    Ok(probes)
}

/// Removes a probe's state file, and one that was being written when its writer died; whether there was one.
pub fn forget(probe: &str) -> Result<bool, Error> {
    let path = path(probe);
    let mut found = false;
    for path in [unfinished(&path), path] {
        match fs::remove_file(&path) {
            Ok(()) => found = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Error::from_io(Phase::Remove, path.display().to_string(), &error));
            }
        }
    }
    Ok(found)
}

/// Where a state file is written before it gets its name.
fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("json.new")
}

fn path(probe: &str) -> PathBuf {
    PathBuf::from(DIRECTORY).join(format!("{probe}.json"))
}

#[cfg(test)]
mod tests {
    use super::understand;

    #[test]
    fn what_is_not_understood_is_said() {
        for (text, said) in [
            ("", "EOF"),
            ("{", "EOF"),
            (r#"{"schema_version": 1, "desired": {}}"#, "another version"),
            (r#"{"schema_version": 2, "desired": {}}"#, "missing field"),
        ] {
            let why = understand(text.as_bytes()).expect_err("it is no record");
            assert!(why.contains(said), "{text}: {why}");
        }
    }
}
