//! Objects that only scenarios use: they are in this program, because a virtual machine has no other files.

use std::path::Path;

use anyhow::{Context, Result};

/// By the names that probe files give them.
const OBJECTS: [(&str, &[u8]); 6] = [
    ("aya-probe.bpf.o", include_bytes!("../objects/aya/aya-probe.bpf.o")),
    ("attach-user.bpf.o", include_bytes!("../objects/prebuilt/x86_64/attach-user.bpf.o")),
    ("attach-cookies.bpf.o", include_bytes!("../objects/prebuilt/x86_64/attach-cookies.bpf.o")),
    ("attach-kernel.bpf.o", include_bytes!("../objects/prebuilt/x86_64/attach-kernel.bpf.o")),
    ("attach-module.bpf.o", include_bytes!("../objects/prebuilt/x86_64/attach-module.bpf.o")),
    ("attach-multi.bpf.o", include_bytes!("../objects/prebuilt/x86_64/attach-multi.bpf.o")),
];

/// Writes an object into a directory.
pub fn write(name: &str, directory: &Path) -> Result<()> {
    let (_, bytes) = OBJECTS
        .iter()
        .find(|(known, _)| *known == name)
        .with_context(|| format!("no test object {name}"))?;
    Ok(std::fs::write(directory.join(name), bytes)?)
}
