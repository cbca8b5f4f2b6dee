//! What can be wrong with BTF.

use std::error::Error;
use std::fmt;

/// Why bytes are not usable as BTF. Offsets are in bytes from the beginning of the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BtfError {
    /// The bytes don't begin with BTF's magic number.
    NotBtf,
    /// The magic number's bytes are swapped.
    BigEndian,
    /// A version of the format other than 1.
    Version(u8),
    /// The data ends before something that its header or a type promises.
    Truncated {
        /// What is cut off.
        what: &'static str,
    },
    /// The string table doesn't begin and end with a NUL byte, isn't UTF-8, or has a string of many
    /// thousand bytes.
    Strings,
    /// More types than the format's ids can name.
    TooManyTypes,
    /// A kind that this program doesn't know, with no layout information that gives its size.
    UnknownKind {
        /// The kind's number in `enum btf_kind`.
        kind: u8,
        /// The type that has it.
        id: u32,
    },
    /// A type refers to a string that doesn't exist.
    Name {
        /// The type.
        id: u32,
        /// The offset in the string table that it names.
        offset: u32,
    },
    /// A type refers to a type that doesn't exist.
    Reference {
        /// The type.
        id: u32,
        /// The id that it names.
        to: u32,
        /// The greatest id that exists.
        last: u32,
    },
}

impl fmt::Display for BtfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BtfError::NotBtf => f.write_str("these bytes are not BTF: the magic number is missing"),
            BtfError::BigEndian => {
                f.write_str("this BTF is for a big-endian machine; only little-endian is supported")
            }
            BtfError::Version(version) => {
                write!(f, "this is BTF version {version}; only version 1 is known")
            }
            BtfError::Truncated { what } => write!(f, "the BTF is cut off in {what}"),
            BtfError::Strings => {
                f.write_str("the BTF's string table is damaged: it is not a list of names")
            }
            BtfError::TooManyTypes => {
                f.write_str("the BTF holds more types than type ids can name")
            }
            BtfError::UnknownKind { kind, id } => write!(
                f,
                "BTF type {id} is of kind {kind}, which this version doesn't know; a newer \
                 compiler or kernel made it"
            ),
            BtfError::Name { id, offset } => {
                write!(f, "BTF type {id} has a name at offset {offset}, where no string is")
            }
            BtfError::Reference { id, to, last } => {
                write!(f, "BTF type {id} refers to type {to}, but {last} is the last one")
            }
        }
    }
}

impl Error for BtfError {}
