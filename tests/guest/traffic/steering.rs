//! Receive packet steering of the loopback device: on while a value lives, then as before.

use std::fs;

use anyhow::Result;

/// The mask of the CPUs that packets are steered to, in hexadecimal.
pub const LOOPBACK_MASK: &str = "/sys/class/net/lo/queues/rx-0/rps_cpus";

/// Restores the mask when dropped.
pub struct Steering {
    before: String,
}

impl Steering {
    /// Lets the first two CPUs take packets.
    pub fn on() -> Result<Self> {
        let before = fs::read_to_string(LOOPBACK_MASK)?.trim().to_owned();
        fs::write(LOOPBACK_MASK, "3")?;
        Ok(Self { before })
    }
}

impl Drop for Steering {
    fn drop(&mut self) {
        // Only a scenario's namespace or machine is affected, and both end soon.
        fs::write(LOOPBACK_MASK, &self.before).ok();
    }
}
