//! One writer at a time: an advisory lock around planning and applying.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::kernel::error::{Error, Phase};
use crate::kernel::state::DIRECTORY;

/// How long to wait for another writer.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// The lock, held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting up to ten seconds for whoever holds it. `command` is what other
    /// processes are told meanwhile.
    pub fn acquire(command: &str) -> Result<Lock, Error> {
        Lock::acquire_within(command, PATIENCE)
    }

    fn acquire_within(command: &str, patience: Duration) -> Result<Lock, Error> {
        let path = PathBuf::from(DIRECTORY).join("lock");
        let failed = |error: io::Error| {
            let result = Error::from_io(Phase::Lock, path.display().to_string(), &error);
            match error.raw_os_error() {
                Some(libc::EACCES | libc::EPERM) => result.hint("run it as root"),
                Some(libc::EROFS) => result.hint(
                    "/run is mounted read-only; what is applied is remembered there, so it has to be \
                     writable: `mount -o remount,rw /run`",
                ),
                _ => result,
            }
        };
        fs::create_dir_all(DIRECTORY).map_err(failed)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    say_who(&mut file, command).map_err(failed)?;
                    return Ok(Lock { _file: file });
                }
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    file.read_to_string(&mut holder).map_err(failed)?;
                    // Behind the line may stand what is left of a longer one.
                    let holder = holder.lines().next().unwrap_or_default();
                    return Err(Error::new(
                        Phase::Lock,
                        path.display().to_string(),
                        format!("another process is at work: {holder}"),
                    )
                    .hint("wait until it is done and try again"));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }
}

/// Whether somebody holds the lock: what looks like half a probe may be one that is being changed.
pub fn is_held() -> bool {
    let path = PathBuf::from(DIRECTORY).join("lock");
    // Who may not look, or has nothing to look at, sees nobody.
    File::open(path)
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// One line, written over the one before: emptying the file first would cost more than all the rest of it.
fn say_who(file: &mut File, command: &str) -> io::Result<()> {
    let line = format!("pid {}, {command}\n", std::process::id());
    file.rewind()?;
    file.write_all(line.as_bytes())?;
    file.set_len(line.len() as u64)
}
