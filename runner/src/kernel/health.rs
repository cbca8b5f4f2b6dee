//! What is asked of the kernel for a person's sake alone, because it costs something.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::kernel::error::{Error, Phase};
use crate::kernel::maps::Map;
use crate::kernel::pins::PinDir;
use crate::kernel::sys;
use crate::live::Live;

/// While this lives the kernel counts and times the runs of all BPF programs of the machine: each then reads the clock
/// twice.
#[derive(Debug)]
pub struct Statistics {
    _switch: OwnedFd,
}

impl Statistics {
    /// Switches them on.
    ///
    /// # Errors
    /// The kernel is older than 5.8, or this process may not.
    pub fn enable() -> Result<Statistics, Error> {
        let failed = |error| {
            let error = Error::from_io(Phase::Observe, "run times of programs", &error);
            error.hint("it takes CAP_SYS_ADMIN and Linux 5.8; run it as root")
        };
        Ok(Statistics { _switch: sys::enable_run_statistics().map_err(failed)? })
    }
}

/// How many entries those of a probe's hashes hold that are wanted, by map. Each is gone through; one that can't be read
/// is left out.
pub fn fill(live: &Live, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, u64> {
    let pins = PinDir::persistent(&live.probe);
    let hashes =
        live.maps.iter().filter(|map| map.map_type.has_fill_level() && is_wanted(&map.name));
    let count = |name: &str| Map::open(&pins, name).and_then(|map| map.count()).ok();
    hashes.filter_map(|map| Some((map.name.clone(), count(&map.name)?))).collect()
}

/// The clock of [`crate::live::LiveProgram::loaded_at`].
pub fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}
