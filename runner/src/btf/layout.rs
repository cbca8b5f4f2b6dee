//! How the bytes of a type are laid out: what a decoder or encoder needs and nothing more.
//!
//! A [`Layout`] owns its parts and holds no type ids, so it outlives the BTF it came from.

use serde::{Deserialize, Serialize};

/// A type, with typedefs and qualifiers looked through. All sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// An integer, a boolean, a character or an enumerated value.
    Scalar(Scalar),
    /// A structure.
    Struct {
        /// Its tag, empty if it has none.
        name: String,
        /// Its size, padding included.
        size: u32,
        /// Its members in the order of the source.
        fields: Vec<Field>,
    },
    /// A union: every member begins at offset 0.
    Union {
        /// Its tag, empty if it has none.
        name: String,
        /// Its size.
        size: u32,
        /// Its members in the order of the source.
        fields: Vec<Field>,
    },
    /// `len` elements one behind the other; 0 for a flexible array.
    Array {
        /// One element.
        element: Box<Layout>,
        /// How many.
        len: u32,
    },
    /// An address; 8 bytes on every architecture that BPF programs see.
    Pointer,
    /// Bytes whose shape is not known or is cut off (a recursion limit, a forward declaration).
    Opaque {
        /// How many bytes.
        size: u32,
    },
}

/// A value of up to 16 bytes in the machine's byte order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scalar {
    /// The name that the source uses: `int`, `__u32`, `bool`, `enum colour` …, or a typedef's.
    pub name: String,
    /// Size in bytes: 1, 2, 4, 8 or 16.
    pub size: u32,
    /// Whether the top bit is a sign.
    pub signed: bool,
    /// What the bits mean.
    pub kind: ScalarKind,
}

/// What a scalar's bits mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScalarKind {
    /// A number.
    Integer,
    /// `char`: an array of them is text.
    Char,
    /// `_Bool`.
    Bool,
    /// An IEEE floating point number.
    Float,
    /// One of the listed values, named.
    Enum(Vec<(String, i128)>),
}

/// A member of a structure or union.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name; empty for an anonymous structure or union.
    pub name: String,
    /// Offset from the beginning of the structure, in bits.
    pub bit_offset: u32,
    /// Width in bits, for bit-fields alone.
    pub bit_width: Option<u32>,
    /// The member's own layout.
    pub layout: Layout,
}

impl Layout {
    /// Size in bytes; 0 for a flexible array.
    pub fn size(&self) -> u32 {
        match self {
            Layout::Scalar(scalar) => scalar.size,
            Layout::Struct { size, .. } | Layout::Union { size, .. } | Layout::Opaque { size } => {
                *size
            }
            Layout::Array { element, len } => element.size().saturating_mul(*len),
            Layout::Pointer => 8,
        }
    }
}
