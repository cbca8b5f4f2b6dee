//! Facts of the running kernel that programs ask for by name: its configuration, its version, addresses
//! of its symbols. Each file is read only if somebody asks for what is in it.

use std::fs;

use crate::kernel::sys;
use crate::kernels::running;
use crate::object::link::{KernelFacts, Needs};

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
        facts.version = running::version().unwrap_or_default();
    }
    if has_to_know("LINUX_HAS_BPF_COOKIE") {
        facts.has_cookies = sys::knows_cookies();
    }
    if has_to_know("LINUX_HAS_SYSCALL_WRAPPER") {
        facts.has_syscall_wrapper = symbols().lines().any(|line| line.ends_with(WRAPPED));
    }
    if needs.config.iter().any(|name| name.starts_with("CONFIG_")) {
        facts.read_config(&running::configuration().unwrap_or_default(), &needs.config);
    }
    if !needs.addresses.is_empty() {
        facts.read_addresses(&symbols(), &needs.addresses);
    }
    Some(facts)
}

fn symbols() -> String {
    fs::read_to_string("/proc/kallsyms").unwrap_or_default()
}
