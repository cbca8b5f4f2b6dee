//! System call names and numbers of this machine's architecture. The only user of the crate that
//! carries the tables.

#[cfg(target_arch = "aarch64")]
use syscalls::aarch64::Sysno;
#[cfg(target_arch = "x86_64")]
use syscalls::x86_64::Sysno;

/// Every system call, by ascending number.
pub fn all() -> impl Iterator<Item = (u32, &'static str)> {
    Sysno::iter().map(|call| (call as u32, call.name()))
}

/// The name of a number.
pub fn name(number: u32) -> Option<&'static str> {
    Sysno::new(usize::try_from(number).ok()?).map(|call| call.name())
}

/// The number of a name.
pub fn number(name: &str) -> Option<u32> {
    all().find(|(_, known)| *known == name).map(|(number, _)| number)
}
