//! `doctor` tells what a kernel allows, on every kernel.

use anyhow::{Result, ensure};

use crate::scenario::{Boot, Context, Scenario};

pub const SCENARIOS: &[Scenario] =
    &[Scenario { name: "doctor-speaks-json", boot: Boot::Usual, needs: &[], check: speaks_json }];

fn speaks_json(context: &Context) -> Result<()> {
    let report = context.product.json(&["doctor", "-o", "json"])?;
    ensure!(report["schema_version"] == 1, "no schema version: {report}");
    Ok(())
}
