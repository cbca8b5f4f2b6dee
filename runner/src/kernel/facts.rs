//! Facts of the running kernel that programs ask for by name: its configuration, its version, addresses
//! of its symbols. Each file is read only if somebody asks for what is in it.

use std::fs;
use std::io::Read;

use flate2::read::GzDecoder;
use nix::sys::utsname::uname;

use crate::kernel::sys;
use crate::object::link::{KernelFacts, Needs};

/// Configurations are some 300 KB; what unpacks to more than this is something else.
const LARGEST_CONFIG: u64 = 16 << 20;
/// Where x86-64 has a wrapper around each system call, this is one.
const WRAPPED: &str = "__x64_sys_bpf";

/// What is needed of the facts; `None` if nothing is.
pub fn facts(needs: &Needs) -> Option<KernelFacts> {
    if needs.config.is_empty() && needs.addresses.is_empty() {
        return None;
    }
    let mut facts = KernelFacts::default();
    let has_to_know = |name: &str| needs.config.contains(name);
    if has_to_know("LINUX_KERNEL_VERSION") {
        facts.version = version();
    }
    if has_to_know("LINUX_HAS_BPF_COOKIE") {
        facts.has_cookies = sys::knows_cookies();
    }
    if has_to_know("LINUX_HAS_SYSCALL_WRAPPER") {
        facts.has_syscall_wrapper = symbols().lines().any(|line| line.ends_with(WRAPPED));
    }
    if needs.config.iter().any(|name| name.starts_with("CONFIG_")) {
        facts.read_config(&config(), &needs.config);
    }
    if !needs.addresses.is_empty() {
        facts.read_addresses(&symbols(), &needs.addresses);
    }
    Some(facts)
}

/// The kernel's configuration as text; empty where the system doesn't keep it.
fn config() -> String {
    let mut text = String::new();
    let packed = fs::File::open("/proc/config.gz");
    if let Ok(file) = packed
        && GzDecoder::new(file).take(LARGEST_CONFIG).read_to_string(&mut text).is_ok()
    {
        return text;
    }
    let release = uname().map(|name| name.release().to_string_lossy().into_owned());
    let path = format!("/boot/config-{}", release.unwrap_or_default());
    fs::read_to_string(path).unwrap_or_default()
}

fn symbols() -> String {
    fs::read_to_string("/proc/kallsyms").unwrap_or_default()
}

/// `LINUX_VERSION_CODE` of the running kernel; 0 if it can't be told.
fn version() -> u32 {
    let Ok(name) = uname() else {
        return 0;
    };
    version_code(&name.release().to_string_lossy(), &name.version().to_string_lossy())
}

/// Debian's release leaves the last number out (`6.1.0-18-amd64`); its version has it (`#1 SMP … Debian
/// 6.1.76-1`).
fn version_code(release: &str, version: &str) -> u32 {
    let text = version.split_once("Debian ").map_or(release, |(_, rest)| rest);
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse::<u32>().unwrap_or(0).min(255));
    let mut next = || numbers.next().unwrap_or(0);
    next() << 16 | next() << 8 | next()
}

#[cfg(test)]
mod tests {
    use super::version_code;

    #[test]
    fn the_version_is_what_the_kernel_was_built_with() {
        assert_eq!(version_code("6.18.5", "#1 SMP"), 0x06_12_05);
        assert_eq!(version_code("5.10.300-generic", "#2 SMP"), 0x05_0a_ff);
        let debian = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)";
        assert_eq!(version_code("6.1.0-18-amd64", debian), 0x06_01_4c);
        assert_eq!(version_code("7.3-rc1", "#1"), 0x07_03_00);
    }
}
