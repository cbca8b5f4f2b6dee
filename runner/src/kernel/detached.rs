//! Waiting for programs that were detached to be done.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::kernel::sys;

/// How long to wait for a link to go. The kernel lets go of it in a work queue.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(1);

/// Waits until links whose pins were removed are gone and the last runs of their programs have ended.
///
/// # Errors
/// Why that isn't known, in words that go on after "although".
pub fn wait_until_detached(links: impl Iterator<Item = u32>) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    for link in links {
        while sys::link_exists(link) {
            if Instant::now() > deadline {
                return Err(format!(
                    "link {link} of the old programs still exists: something else holds it"
                ));
            }
            sleep(PAUSE);
        }
    }
    sys::wait_for_programs().map_err(|error| {
        format!("the old programs' end can't be waited for ({error}): was the kernel booted with nohz_full?")
    })
}
