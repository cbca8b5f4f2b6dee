//! Why a file gives no kernel's types, in words that lead to the next step.

use std::error::Error;
use std::fmt;
use std::io;

use super::compression::Endless;
use crate::btf::BtfError;
use crate::text::suggest::listed;

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
    /// An archive of files for a booting kernel.
    Initrd,
    /// A kernel that carries no types.
    NoTypes,
    /// The part of a `vmlinux` that debuggers want, without what is loaded.
    DebugInfoOnly,
    /// A boot image without a kernel that could be found.
    NoPayload,
    /// Compressed in a way that can't be read.
    Lzo,
    /// A package or an archive without a kernel.
    NoneInside {
        /// Whether it has modules.
        modules: bool,
        /// Packages that it needs, if it says so.
        needs: Vec<String>,
    },
    /// A directory without a kernel.
    NoneBelow,
    /// A directory with more in it than is looked through.
    TooManyFiles,
    /// The file contradicts itself or is cut off.
    Damaged(String),
    /// It has more of something than any kernel.
    TooLarge(&'static str),
    /// Its types can't be used.
    Btf(BtfError),
    /// What is wrong is in a package.
    Inside {
        /// The file in the package.
        member: String,
        /// What is wrong with it.
        problem: Box<Problem>,
    },
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
            Problem::Initrd => write!(
                f,
                "an initrd or another archive of files, not a kernel; the kernel beside it is \
                 called vmlinuz"
            ),
            Problem::NoPayload => write!(
                f,
                "a boot image in which no compressed kernel was found; unpack its vmlinux with \
                 extract-vmlinux of the kernel's sources and take that"
            ),
            Problem::Lzo => f.write_str(
                "compressed by LZO, which can't be read here; unpack it with `lzop -d` and take \
                 what comes out",
            ),
            Problem::NoneInside { modules, needs } => none_inside(f, *modules, needs),
            Problem::NoneBelow => write!(
                f,
                "no kernel in this directory; looked for vmlinuz*, vmlinux*, bzImage*, Image*, \
                 *.btf, *.btf.tar.*, *.deb and *.rpm, also in directories below it"
            ),
            Problem::TooManyFiles => f.write_str(
                "too many files in this directory and below it; name one that is nearer to the \
                 kernels",
            ),
            Problem::Inside { member, problem } => write!(f, "{member}: {problem}"),
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

fn none_inside(f: &mut fmt::Formatter<'_>, modules: bool, needs: &[String]) -> fmt::Result {
    f.write_str(match modules {
        true => "only modules and no kernel in it",
        false => "no kernel in it",
    })?;
    let kernels = needs
        .iter()
        .map(String::as_str)
        .filter(|name| name.starts_with("linux-") || name.starts_with("kernel"));
    let kernels = listed(kernels, 8);
    match kernels.as_str() {
        "none" => write!(
            f,
            ": no vmlinuz and no *.btf; Debian's and Ubuntu's kernels are in linux-image-*, since \
             Debian's 6.19 in linux-binary-*, Fedora's and RHEL's in kernel-core"
        ),
        kernels => write!(f, "; it asks for {kernels}, take the one that has it"),
    }
}

impl Error for KernelFileError {}

impl From<io::Error> for Problem {
    /// Decoders say by an error of reading that what they read is damaged; what the system says has a
    /// number.
    fn from(error: io::Error) -> Problem {
        match error.get_ref() {
            _ if error.raw_os_error().is_some() => Problem::Io(error),
            Some(inner) if inner.is::<Endless>() => {
                Problem::TooLarge("it unpacks to more than 1 GiB")
            }
            _ => Problem::Damaged(error.to_string()),
        }
    }
}

impl From<BtfError> for Problem {
    fn from(error: BtfError) -> Problem {
        Problem::Btf(error)
    }
}
