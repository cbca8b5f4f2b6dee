//! The places that the author of a program left for probes: uprobes there, and a count of those who
//! watch, which many programs look at before they prepare what a probe could see.

use std::path::Path;

use crate::desired::{Details, Hook};
use crate::kernel::attach::{Attached, Failure, Part, uprobe, user_file};

/// Where the offset of the count is in a uprobe's config: its unit's `format/ref_ctr_offset`.
const SEMAPHORE_SHIFT: u32 = 32;

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

/// One link for each place where the compiler put the probe.
fn attach(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    let Details::User { binary, process } = &hook.details else {
        return Err(Failure::Incomplete);
    };
    let file = user_file::locate(binary, *process)?;
    let sites = user_file::usdt_sites(&file, &hook.target)?;
    sites
        .into_iter()
        .map(|site| {
            let Ok(semaphore) = u32::try_from(site.semaphore) else {
                return Err(Failure::refused("its semaphore is beyond 4 GiB of the file"));
            };
            let config = u64::from(semaphore) << SEMAPHORE_SHIFT;
            uprobe::attach_at(program, &file, site.offset, config, *process, hook.cookie)
        })
        .collect()
}
