//! Why the kernel stage failed, as data: what was being done to what, what the kernel answered, and
//! what a person can do next. Nothing here prints.

use std::fmt;
use std::io;

use nix::errno::Errno;

use crate::kernel::verifier::VerifierLog;

/// What the kernel stage was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Mounting a file system.
    Mount,
    /// Waiting for other writers.
    Lock,
    /// Reading an object with the loader, or relocating it.
    Open,
    /// Creating or reusing maps.
    Map,
    /// Setting a variable.
    Global,
    /// Loading a program: the verifier.
    Load,
    /// Filling a PROG_ARRAY's slot.
    Slot,
    /// Attaching a program.
    Attach,
    /// Pinning to the bpf file system.
    Pin,
    /// Removing pins.
    Remove,
    /// Asking the kernel what is there.
    Observe,
    /// Running a program without attaching it.
    TestRun,
    /// Reading a map or a ring buffer.
    Read,
    /// Copying a map's entries into its successor.
    Migrate,
    /// Reading or writing the state file.
    State,
}

/// A failure of the kernel stage.
///
/// [`fmt::Display`] is one line; [`Error::report`] is everything.
#[derive(Debug)]
pub struct Error {
    /// What was being done.
    pub phase: Phase,
    /// To what: `program rps_fexit (object main)`, `map counts`, `fexit get_rps_cpu`, ….
    pub what: Box<str>,
    /// What the kernel answered.
    pub errno: Option<i32>,
    /// The reason in words; may be empty where the error number says it all.
    pub detail: String,
    /// What the verifier said.
    pub log: Option<VerifierLog>,
    /// What to do next, a sentence each.
    pub hints: Vec<String>,
    /// Where none of several alternatives was taken: why each was not.
    pub alternatives: Vec<Error>,
    /// Whether the reason is that an attachment's target doesn't exist on this kernel.
    pub target_missing: bool,
}

impl Error {
    /// A failure that is told by words alone.
    pub fn new(phase: Phase, what: impl Into<String>, detail: impl Into<String>) -> Error {
        Error {
            phase,
            what: what.into().into_boxed_str(),
            errno: None,
            detail: detail.into(),
            log: None,
            hints: Vec::new(),
            alternatives: Vec::new(),
            target_missing: false,
        }
    }

    /// A failure that the kernel answered with an error number.
    pub fn from_io(phase: Phase, what: impl Into<String>, error: &io::Error) -> Error {
        let mut result = Error::new(phase, what, "");
        match error.raw_os_error() {
            Some(errno) => result.errno = Some(errno),
            None => result.detail = error.to_string(),
        }
        result
    }

    /// The same error with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hints.push(hint.into());
        self
    }

    /// The whole error for a person: the line of [`fmt::Display`], the verifier's telling lines (or,
    /// with `whole_log`, its log), each alternative's error, and the hints.
    pub fn report(&self, whole_log: WholeLog) -> String {
        let mut text = self.to_string();
        for alternative in &self.alternatives {
            let inner = alternative.report(whole_log);
            for (i, line) in inner.lines().enumerate() {
                text.push_str(if i == 0 { "\n- " } else { "\n  " });
                text.push_str(line);
            }
        }
        if let Some(log) = &self.log {
            let shown = match whole_log {
                WholeLog::Yes => log.text().trim_end().to_owned(),
                WholeLog::No => log.digest(),
            };
            for line in shown.lines() {
                text.push_str("\n  ");
                text.push_str(line);
            }
        }
        for hint in &self.hints {
            text.push_str("\nhint: ");
            text.push_str(hint);
        }
        text
    }
}

/// Whether [`Error::report`] shows all of the verifier's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WholeLog {
    /// Every line.
    Yes,
    /// The source line, the last telling line, and how many lines were left out.
    No,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}", self.phase.verb(), self.what)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        if let Some(errno) = self.errno {
            let (name, text) = describe(errno);
            if self.detail.is_empty() {
                write!(f, ": {text} ({name})")?;
            } else {
                write!(f, " ({name})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl Phase {
    /// What was tried: `cannot <verb> <what>`.
    fn verb(self) -> &'static str {
        match self {
            Phase::Mount => "mount",
            Phase::Lock => "lock",
            Phase::Open => "open",
            Phase::Map => "create",
            Phase::Global => "set",
            Phase::Load => "load",
            Phase::Slot => "fill",
            Phase::Attach => "attach",
            Phase::Pin => "pin",
            Phase::Remove => "remove",
            Phase::Observe => "inspect",
            Phase::TestRun => "run",
            Phase::Read => "read",
            Phase::Migrate => "copy the entries of",
            Phase::State => "keep",
        }
    }
}

/// An error number's name and meaning.
///
/// 524 is the kernel's internal ENOTSUPP, which has no name outside of it but gets out of bpf(2).
pub fn describe(errno: i32) -> (String, String) {
    const ENOTSUPP: i32 = 524;
    if errno == ENOTSUPP {
        return ("ENOTSUPP".to_owned(), "not supported by this kernel".to_owned());
    }
    match Errno::from_raw(errno) {
        Errno::UnknownErrno => (format!("error {errno}"), "unknown error".to_owned()),
        known => (format!("{known:?}"), known.desc().to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, Phase, describe};

    #[test]
    fn names_numbers_that_the_c_library_does_not_know() {
        assert_eq!(describe(524).0, "ENOTSUPP");
        assert_eq!(describe(libc::EPERM).0, "EPERM");
        assert_eq!(describe(9999).0, "error 9999");
    }

    #[test]
    fn one_line_says_what_failed_and_why() {
        let error = Error {
            errno: Some(libc::EPERM),
            ..Error::new(Phase::Load, "program dispatch (object main)", "")
        };
        assert_eq!(
            error.to_string(),
            "cannot load program dispatch (object main): operation not permitted (EPERM)"
        );
    }
}
