//! What is read from a kernel's file is what the kernel is when it runs.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::features::Need;
use crate::scenario::{Boot, Context, Scenario};

/// Where the machine that booted this one puts what it read from the kernel's image.
const DIRECTORY: &str = "/etc/kernel-file";

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "a-kernels-file-holds-what-the-kernel-shows",
    boot: Boot::Usual,
    needs: &[Need::KernelFile],
    check: holds_what_it_shows,
}];

fn holds_what_it_shows(_context: &Context) -> Result<()> {
    let read = |name| {
        let path = Path::new(DIRECTORY).join(name);
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    };
    let (types, shown) = (read("types.btf")?, fs::read("/sys/kernel/btf/vmlinux")?);
    ensure!(!shown.is_empty() && types == shown, "{} and {} bytes", types.len(), shown.len());

    let facts = String::from_utf8(read("facts")?)?;
    let [release, version, arch] = facts.lines().collect::<Vec<_>>()[..] else {
        anyhow::bail!("not three facts: {facts}");
    };
    let release_shown = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    ensure!(release == release_shown.trim(), "{release} instead of {release_shown}");
    ensure!(arch == std::env::consts::ARCH, "{arch}");
    // Debian's kernels say their version with their build, the release leaves its end out.
    let build = fs::read_to_string("/proc/sys/kernel/version")?;
    if let Some((_, debian)) = build.split_once("Debian ") {
        let mut numbers = debian.split(['.', '-', '~']).map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0_u32);
        let code = next() << 16 | next() << 8 | next().min(255);
        ensure!(version == code.to_string(), "{version} instead of {code} ({build})");
    }
    Ok(())
}
