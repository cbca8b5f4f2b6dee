//! Objects that only scenarios use: they are in this program, because a virtual machine has no other files.

use std::path::Path;

use anyhow::{Context, Result};

/// By the names that probe files give them.
const OBJECTS: [(&str, &[u8]); 15] = [
    ("aya-probe.bpf.o", include_bytes!("../objects/aya/aya-probe.bpf.o")),
    ("attach-user.bpf.o", include_bytes!("../objects/prebuilt/x86_64/attach-user.bpf.o")),
    ("attach-cookies.bpf.o", include_bytes!("../objects/prebuilt/x86_64/attach-cookies.bpf.o")),
    ("attach-kernel.bpf.o", include_bytes!("../objects/prebuilt/x86_64/attach-kernel.bpf.o")),
    ("attach-module.bpf.o", include_bytes!("../objects/prebuilt/x86_64/attach-module.bpf.o")),
    ("attach-multi.bpf.o", include_bytes!("../objects/prebuilt/x86_64/attach-multi.bpf.o")),
    ("exchange-first.bpf.o", include_bytes!("../objects/prebuilt/x86_64/exchange-first.bpf.o")),
    ("exchange-second.bpf.o", include_bytes!("../objects/prebuilt/x86_64/exchange-second.bpf.o")),
    (
        "exchange-first-exact.bpf.o",
        include_bytes!("../objects/prebuilt/x86_64/exchange-first-exact.bpf.o"),
    ),
    (
        "exchange-second-exact.bpf.o",
        include_bytes!("../objects/prebuilt/x86_64/exchange-second-exact.bpf.o"),
    ),
    ("fill.bpf.o", include_bytes!("../objects/prebuilt/x86_64/fill.bpf.o")),
    ("flood.bpf.o", include_bytes!("../objects/prebuilt/x86_64/flood.bpf.o")),
    ("generations.bpf.o", include_bytes!("../objects/prebuilt/x86_64/generations.bpf.o")),
    (
        "generations-handler.bpf.o",
        include_bytes!("../objects/prebuilt/x86_64/generations-handler.bpf.o"),
    ),
    ("map-types.bpf.o", include_bytes!("../objects/prebuilt/x86_64/map-types.bpf.o")),
];

/// Writes an object into a directory.
pub fn write(name: &str, directory: &Path) -> Result<()> {
    let (_, bytes) = OBJECTS
        .iter()
        .find(|(known, _)| *known == name)
        .with_context(|| format!("no test object {name}"))?;
    Ok(std::fs::write(directory.join(name), bytes)?)
}

/// The shipped objects that `write_again` knows.
const SHIPPED: [(&str, &[u8]); 5] = [
    ("rps.bpf.o", include_bytes!("../../ebpf-programs/prebuilt/x86_64/rps.bpf.o")),
    ("syscalls.bpf.o", include_bytes!("../../ebpf-programs/prebuilt/x86_64/syscalls.bpf.o")),
    (
        "syscalls-exact.bpf.o",
        include_bytes!("../../ebpf-programs/prebuilt/x86_64/syscalls-exact.bpf.o"),
    ),
    (
        "tail-call-hello.bpf.o",
        include_bytes!("../../ebpf-programs/prebuilt/x86_64/tail-call-hello.bpf.o"),
    ),
    (
        "timer-latency.bpf.o",
        include_bytes!("../../ebpf-programs/prebuilt/x86_64/timer-latency.bpf.o"),
    ),
];

/// Writes a shipped object with a byte behind its end: the same programs, another digest.
pub fn write_again(name: &str, directory: &Path) -> Result<()> {
    let (_, bytes) = SHIPPED
        .iter()
        .find(|(known, _)| *known == name)
        .with_context(|| format!("no shipped object {name}"))?;
    Ok(std::fs::write(directory.join(name), [bytes, &b"\0"[..]].concat())?)
}
