//! Why a file is not usable as an eBPF object, in words that lead to the next step.

use std::error::Error;
use std::fmt;

use crate::btf::BtfError;

/// What is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectError {
    /// The file has no bytes.
    Empty,
    /// It is something else.
    NotElf {
        /// What it looks like, or its first bytes.
        looks_like: String,
    },
    /// An ELF file for a processor.
    OtherMachine {
        /// The processor.
        machine: String,
    },
    /// Made for big-endian machines.
    BigEndian,
    /// A linked file, not what a compiler writes.
    NotRelocatable,
    /// The file contradicts itself or is cut off.
    Damaged {
        /// What can't be read.
        what: String,
    },
    /// It has neither a program nor a map.
    NoPrograms,
    /// It defines maps by their types and doesn't carry the types.
    NoBtf,
    /// Its type information can't be used.
    Btf(BtfError),
    /// A map's definition can't be understood.
    Map {
        /// The map's symbol.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It has more of something than this program is willing to hold.
    TooLarge {
        /// What, and how much would be taken.
        what: &'static str,
    },
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectError::Empty => f.write_str("the file is empty, not an eBPF object"),
            ObjectError::NotElf { looks_like } => {
                write!(f, "not an ELF file: {looks_like}")
            }
            ObjectError::OtherMachine { machine } => write!(
                f,
                "an ELF file for {machine}, not for BPF; compile it with `clang -target bpf`"
            ),
            ObjectError::BigEndian => f.write_str(
                "a big-endian object; compile it with `-target bpfel` for this kind of machine",
            ),
            ObjectError::NotRelocatable => f.write_str(
                "a linked ELF file; an eBPF object is what `clang -target bpf -c` writes",
            ),
            ObjectError::Damaged { what } => {
                write!(f, "the ELF file is cut off or damaged: {what}")
            }
            ObjectError::NoPrograms => f.write_str(
                "no eBPF program in it: no global function has a section of its own, as SEC(\"…\") gives it",
            ),
            ObjectError::NoBtf => f.write_str(
                "compiled without -g: its maps are described by types (BTF) that it doesn't carry",
            ),
            ObjectError::Btf(error) => error.fmt(f),
            ObjectError::Map { name, problem } => write!(f, "map `{name}`: {problem}"),
            ObjectError::TooLarge { what } => f.write_str(what),
        }
    }
}

impl Error for ObjectError {}

impl From<BtfError> for ObjectError {
    fn from(error: BtfError) -> ObjectError {
        ObjectError::Btf(error)
    }
}
