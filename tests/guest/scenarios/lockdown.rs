//! A kernel that hides its memory even from root: privileges are there, and still it refuses.

use anyhow::Result;

use crate::features::Need;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "lockdown-is-named-when-it-refuses",
    boot: Boot::Lockdown,
    needs: &[Need::LockedDown],
    check: lockdown_is_named,
}];

fn lockdown_is_named(context: &Context) -> Result<()> {
    for probe in ["rps", "syscalls"] {
        let file = context.product.shipped(probe);
        context
            .product
            .command(&["run", path(&file)?, "--for", "1s"])?
            .exits(1)?
            .complains(&["lockdown"])?;
    }
    Ok(())
}
