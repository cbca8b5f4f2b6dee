//! A probe that fills maps of every type with known values, when this process asks for its id.

use std::path::PathBuf;

use anyhow::Result;

use crate::product::path;
use crate::scenario::Context;
use crate::sys;

/// getpid.
const GETPID: i64 = 39;

/// The probe's file, `types`, with these views below `read:`.
pub fn probe(context: &Context, description: &str, views: &str) -> Result<PathBuf> {
    let rest = format!(
        "description: {description}\n\
         globals: {{ watched: {} }}\n\
         attach:\n  - raw_tracepoint: {{ name: sys_enter, program: fill }}\n\
         read:\n{views}",
        std::process::id()
    );
    context.probe_of("map-types.bpf.o", "types", &rest)
}

/// Applies the probe and makes it fill its maps once.
pub fn apply(context: &Context, description: &str, views: &str) -> Result<()> {
    let file = probe(context, description, views)?;
    context.product.command(&["apply", path(&file)?])?.success()?;
    fill();
    Ok(())
}

/// Makes the probe fill its maps.
pub fn fill() {
    sys::call(GETPID);
}
