//! What the kernel holds of BPF, by id, and whether it got more.
//!
//! This asks the kernel directly: the product's own word would not do.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::sys::{self, Kind};

/// The product's corner of bpffs.
pub const PINS: &str = "/sys/fs/bpf/probe-runner";

/// The kernel frees after a grace period and in a worker; on a busy emulated machine that takes a while.
const PATIENCE: Duration = Duration::from_secs(15);

const KINDS: [Kind; 3] = [Kind::Program, Kind::Map, Kind::Link];

/// Ids of all programs, maps and links in the kernel.
pub struct Snapshot {
    ids: BTreeSet<(Kind, u32)>,
}

impl Snapshot {
    /// Asks the kernel.
    pub fn take() -> Result<Self> {
        let mut ids = BTreeSet::new();
        for kind in KINDS {
            let mut last = 0;
            while let Some(id) = sys::next_id(kind, last)? {
                ids.insert((kind, id));
                last = id;
            }
        }
        Ok(Self { ids })
    }

    /// Fails when the kernel still holds more after a while, or a pin is left.
    pub fn compare(&self) -> Result<()> {
        let start = Instant::now();
        loop {
            let left = self.left()?;
            if left.is_empty() {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                bail!("left behind: {}", left.join(", "));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the kernel holds now and did not hold then.
    pub fn left(&self) -> Result<Vec<String>> {
        let mut left: Vec<String> = Self::take()?
            .ids
            .difference(&self.ids)
            .map(|(kind, id)| format!("{kind:?} {id}"))
            .collect();
        // The directory itself may stay.
        if let Ok(entries) = std::fs::read_dir(PINS) {
            for entry in entries {
                let path = entry?.path();
                left.push(Path::display(&path).to_string());
            }
        }
        Ok(left)
    }
}
