//! Why a file gives no kernel's types, in words that lead to the next step.

use std::error::Error;
use std::fmt;
use std::io;

use crate::btf::BtfError;

/// A file that gives no kernel's types.
#[derive(Debug)]
pub struct KernelFileError {
    /// The path that was given, or the one below it that the problem is with.
    pub path: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a kernel file.
#[derive(Debug)]
pub enum Problem {
    /// It can't be read.
    Io(io::Error),
    /// It is something else.
    NotAKernel,
    /// A module, whose types mean nothing without its kernel's.
    Module,
    /// An eBPF object.
    EbpfObject,
    /// A kernel that carries no types.
    NoTypes,
    /// The part of a `vmlinux` that debuggers want, without what is loaded.
    DebugInfoOnly,
    /// The file contradicts itself or is cut off.
    Damaged(String),
    /// It has more of something than any kernel.
    TooLarge(&'static str),
    /// Its types can't be used.
    Btf(BtfError),
}

/// Where a kernel's types are to be had.
const TYPES_ARE: &str = "a kernel's types are in its vmlinuz, its vmlinux, and in \
                         /sys/kernel/btf/vmlinux where it runs";

impl fmt::Display for KernelFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Io(error) => error.fmt(f),
            Problem::NotAKernel => write!(f, "not a kernel; {TYPES_ARE}"),
            Problem::Module => write!(
                f,
                "a kernel module: its types continue those of its kernel and mean nothing alone; \
                 {TYPES_ARE}"
            ),
            Problem::EbpfObject => write!(
                f,
                "an eBPF object, not a kernel; name it in a probe file, or see what it holds with \
                 `probe-runner inspect`"
            ),
            Problem::NoTypes => f.write_str(
                "a kernel without types: it was built without CONFIG_DEBUG_INFO_BTF; for many such \
                 kernels the BTFhub archive has them",
            ),
            Problem::DebugInfoOnly => f.write_str(
                "debug information that was taken out of a kernel, without the part that is loaded \
                 and holds the types; take the vmlinuz of the same release",
            ),
            Problem::Damaged(what) => write!(f, "cut off or damaged: {what}"),
            Problem::TooLarge(what) => write!(f, "{what}, more than any kernel has"),
            Problem::Btf(error @ (BtfError::Strings | BtfError::Reference { .. })) => write!(
                f,
                "{error}; if these are a module's types, take its kernel's: /sys/kernel/btf/vmlinux"
            ),
            Problem::Btf(error) => error.fmt(f),
        }
    }
}

impl Error for KernelFileError {}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Problem {
        Problem::Io(error)
    }
}

impl From<BtfError> for Problem {
    fn from(error: BtfError) -> Problem {
        Problem::Btf(error)
    }
}
