//! Why a relocation has no answer.

use std::error::Error;
use std::fmt;

/// Why a CO-RE relocation can't be resolved. What the kernel merely doesn't have is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoreError {
    /// The relocation contradicts the object's types.
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// The type has no name to look for.
    Anonymous {
        /// Its kind, as C calls it.
        kind: &'static str,
    },
    /// There are several types of that name, and the answer depends on which is meant.
    Ambiguous {
        /// What was asked about: "field x of struct y".
        about: String,
        /// The types with their answers.
        candidates: Vec<String>,
    },
    /// The field can't be read in one piece.
    BitField {
        /// Which one.
        about: String,
    },
    /// A size is asked for of something without one.
    NoSize {
        /// What.
        about: String,
    },
    /// The question makes no sense for an array's element.
    ArrayElement {
        /// Which one.
        about: String,
    },
    /// Types are nested deeper than anything real.
    TooDeep {
        /// What was asked about.
        about: String,
    },
    /// Comparing types takes longer than for anything real.
    TooMuch,
    /// The kernel's types weren't given.
    KernelTypesNeeded,
}

impl fmt::Display for CoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CoreError::Damaged { what } => write!(f, "a CO-RE relocation is damaged: {what}"),
            CoreError::Anonymous { kind } => write!(
                f,
                "a CO-RE relocation is for {kind} without a name, which no kernel type can be found \
                 by; give it the kernel's name"
            ),
            CoreError::Ambiguous { about, candidates } => write!(
                f,
                "the kernel has several types of that name and {about} is not alike in them: {}; ask \
                 first for a member that only the one you mean has",
                candidates.join(", ")
            ),
            CoreError::BitField { about } => {
                write!(f, "{about} can't be read as one number of at most 64 bits")
            }
            CoreError::NoSize { about } => write!(f, "{about} has no size"),
            CoreError::ArrayElement { about } => {
                write!(
                    f,
                    "{about} is an array's element; only its offset and size can be asked for"
                )
            }
            CoreError::TooDeep { about } => {
                write!(f, "{about}: types are nested too deeply to follow")
            }
            CoreError::TooMuch => f.write_str(
                "comparing the object's types with the kernel's takes too long: they are too large \
                 or damaged",
            ),
            CoreError::KernelTypesNeeded => {
                f.write_str(
                "it takes the kernel's type information (BTF), which is not there: a kernel has it that \
                 was built with CONFIG_DEBUG_INFO_BTF",
            )
            }
        }
    }
}

impl Error for CoreError {}
