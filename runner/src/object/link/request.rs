//! What has to be given to link programs, as plain data.

use std::collections::{BTreeMap, BTreeSet};

use crate::btf::{BtfFeatures, KernelTypes};

/// Which programs are to be linked, and for what.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// The programs' names.
    pub programs: &'r [&'r str],
    /// The kernel's types; needed if [`Needs::types`] has any.
    pub kernel: Option<&'r KernelTypes>,
    /// What else is known of the kernel; needed if [`Needs::config`] or [`Needs::addresses`] has any.
    pub facts: Option<&'r KernelFacts>,
    /// Variables of the object that get other values than their initial ones: names and bytes.
    pub globals: &'r [(String, Vec<u8>)],
    /// What the kernel takes of BTF.
    pub features: BtfFeatures,
}

/// What has to be known of the kernel to link some programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Names in the kernel's BTF: of types, functions and variables. If there are none, the BTF isn't
    /// needed.
    pub types: BTreeSet<String>,
    /// Options of the kernel's configuration (`CONFIG_HZ`) and facts of that kind
    /// (`LINUX_KERNEL_VERSION`).
    pub config: BTreeSet<String>,
    /// Symbols of `/proc/kallsyms`.
    pub addresses: BTreeSet<String>,
}

/// What is known of a kernel besides its types.
#[derive(Clone, Debug, Default)]
pub struct KernelFacts {
    /// `LINUX_VERSION_CODE`: 6.1.5 is 0x060105.
    pub version: u32,
    /// Whether attachments can have cookies.
    pub has_cookies: bool,
    /// Whether system calls' functions take their arguments in a `struct pt_regs`.
    pub has_syscall_wrapper: bool,
    /// Options by name, with their values as the configuration file writes them: `y`, `"text"`, `250`.
    pub config: BTreeMap<String, String>,
    /// Addresses by symbol.
    pub addresses: BTreeMap<String, u64>,
}

impl KernelFacts {
    /// Takes over what a kernel's configuration file says about some options.
    pub fn read_config(&mut self, text: &str, wanted: &BTreeSet<String>) {
        for line in text.lines() {
            if let Some((name, value)) = line.split_once('=')
                && wanted.contains(name)
            {
                self.config.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Takes over what `/proc/kallsyms` says about some symbols. Of several of one name the first
    /// counts.
    pub fn read_addresses(&mut self, text: &str, wanted: &BTreeSet<String>) {
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(address), _, Some(name)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            if wanted.contains(name)
                && let Ok(address) = u64::from_str_radix(address, 16)
            {
                self.addresses.entry(name.to_owned()).or_insert(address);
            }
        }
    }
}
