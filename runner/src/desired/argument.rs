//! What a program is handed when it is run without being attached.

/// A word of a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// The word.
    Number(u64),
    /// The address of this text in the memory of the process that makes the call.
    Text(String),
    /// The address, in the kernel's memory, of the registers of a system call with these arguments.
    SyscallArgs(Vec<Argument>),
}
