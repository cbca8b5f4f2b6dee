//! aya's errors as ours: the error number, the verifier's log, and the innermost words.

use std::error::Error as StdError;
use std::io;

use aya::programs::ProgramError;

use crate::kernel::error::{Error, Phase};
use crate::kernel::verifier::VerifierLog;

/// An error of aya's as one of ours.
pub fn of(phase: Phase, what: impl Into<String>, error: &(dyn StdError + 'static)) -> Error {
    let mut chain = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        chain.push(error);
        next = error.source();
    }
    let mut result = Error::new(phase, what, "");
    result.errno = chain.iter().find_map(|error| error.downcast_ref::<io::Error>()?.raw_os_error());
    result.log = chain.iter().find_map(|error| log_of(*error));
    // The outer messages name calls and repeat the log; the innermost one is the reason. An error
    // number speaks for itself.
    if result.errno.is_none()
        && let Some(innermost) = chain.last()
    {
        result.detail = innermost.to_string();
    }
    result
}

fn log_of(error: &(dyn StdError + 'static)) -> Option<VerifierLog> {
    if let Some(ProgramError::LoadError { verifier_log, .. }) = error.downcast_ref() {
        return VerifierLog::new(verifier_log.to_string());
    }
    None
}
