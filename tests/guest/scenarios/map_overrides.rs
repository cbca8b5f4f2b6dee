//! What a probe file changes of maps, as the kernel tells it of the maps that it made.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::features::Need;
use crate::leak::PINS;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};
use crate::sys;

/// `BPF_F_NO_PREALLOC`, `BPF_F_NUMA_NODE`, `BPF_F_ZERO_SEED`.
const FLAGS: u32 = 0x1 | 0x4 | 0x40;

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "map-overrides-reach-the-kernel",
    boot: Boot::Usual,
    needs: &[Need::RawTracepoints],
    check: overrides_reach_the_kernel,
}];

fn overrides_reach_the_kernel(context: &Context) -> Result<()> {
    apply(context, "{ max_entries: 128, flags: [no_prealloc, zero_seed], numa_node: 0 }")?;
    let (flags, entries) = (attribute("map_flags")?, attribute("max_entries")?);
    ensure!((flags, entries) == (FLAGS, 128), "flags {flags:#x}, {entries} entries");

    apply(context, "{ flags: [] }")?;
    let (flags, entries) = (attribute("map_flags")?, attribute("max_entries")?);
    ensure!((flags, entries) == (0, 65536), "flags {flags:#x}, {entries} entries");
    context.product.command(&["delete", "overrides"])?.success()?;
    Ok(())
}

fn apply(context: &Context, counts: &str) -> Result<()> {
    let file = context.probe_file(
        "overrides",
        &format!(
            "version: 1\nobject: syscalls.bpf.o\nmaps: {{ counts: {counts} }}\n\
             attach: [ raw_tracepoint: {{ name: sys_enter, program: dispatch }} ]\n"
        ),
    )?;
    context.product.command(&["apply", path(&file)?])?.success()?;
    Ok(())
}

/// A number that the kernel shows of the pinned map `counts`.
fn attribute(name: &str) -> Result<u32> {
    let map = sys::open_pin(&Path::new(PINS).join("overrides/maps/counts"))?;
    let shown = fs::read_to_string(format!("/proc/self/fdinfo/{}", map.as_raw_fd()))?;
    let line = shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let text = line.with_context(|| format!("no {name} in {shown}"))?.trim();
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.with_context(|| format!("{name} is {text}"))
}
