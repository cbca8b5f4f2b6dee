//! The state files below `/run/probe-runner`: what the kernel can't keep of a probe.
//!
//! A state file is replaced by renaming, so it is the old one or the new one, never a half.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::kernel::error::{Error, Phase};
use crate::live::Record;

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
    let new = path.with_extension("json.new");
    fs::create_dir_all(DIRECTORY).map_err(failed)?;
    let mut file = fs::File::create(&new).map_err(failed)?;
    file.write_all(&text).map_err(failed)?;
    fs::rename(&new, &path).map_err(failed)
}

/// Reads a probe's state file; `None` if there is none.
///
/// # Errors
/// One that can't be read or that another version wrote.
pub fn recall(probe: &str) -> Result<Option<Record>, Error> {
    let path = path(probe);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let result = Error::from_io(Phase::Observe, path.display().to_string(), &error);
            return Err(result.hint("run it as root"));
        }
    };
    let record: Record = serde_json::from_slice(&text).map_err(|error| {
        Error::new(
            Phase::Observe,
            path.display().to_string(),
            format!("it is not a state file of this version: {error}"),
        )
        .hint(format!("remove what runs and apply it again: `probe-runner delete {probe}`"))
    })?;
    Ok(Some(record))
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

/// Removes a probe's state file; whether there was one.
pub fn forget(probe: &str) -> Result<bool, Error> {
    let path = path(probe);
    match fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::from_io(Phase::Remove, path.display().to_string(), &error)),
    }
}

fn path(probe: &str) -> PathBuf {
    PathBuf::from(DIRECTORY).join(format!("{probe}.json"))
}
