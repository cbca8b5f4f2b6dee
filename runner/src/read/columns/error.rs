//! What can be wrong with a view.

use std::fmt;

use crate::desired::{Decoder, Metric};

/// Why a view doesn't fit its map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnError {
    /// A column of the view names no field.
    UnknownField {
        /// What it names.
        field: String,
        /// The fields there are.
        known: Vec<String>,
    },
    /// Two columns of the view name the same field.
    FieldTwice {
        /// The field.
        field: String,
    },
    /// A decoder can't take the field's type.
    Unfit {
        /// The field.
        field: String,
        /// The decoder.
        decoder: Decoder,
        /// What it needs and what the field is.
        reason: String,
    },
    /// Two columns have the same name, or one has the name that another's raw value gets in JSON.
    NameTwice {
        /// The name.
        name: String,
    },
    /// A field to group by isn't one of the key's.
    UnknownGroup {
        /// What the view names.
        field: String,
        /// The key's fields.
        known: Vec<String>,
    },
    /// A column to draw isn't shown, or is no whole number.
    UnknownPlot {
        /// What the view names.
        column: String,
        /// The columns of whole numbers.
        known: Vec<String>,
    },
    /// A field can't be what the view says that it is.
    NotOfKind {
        /// The field.
        field: String,
        /// What the view says.
        kind: Metric,
    },
    /// A user stack has no field beside it that names its process.
    NoProcess {
        /// The field.
        field: String,
    },
    /// The column to sort by isn't shown.
    UnknownSort {
        /// What the view names.
        column: String,
        /// The columns that are shown.
        known: Vec<String>,
    },
}

impl fmt::Display for ColumnError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnError::UnknownField { field, known } => {
                write!(formatter, "there is no field `{field}`; there are {}", quoted(known))
            }
            ColumnError::FieldTwice { field } => {
                write!(formatter, "the field `{field}` is listed twice")
            }
            ColumnError::Unfit { field, decoder, reason } => {
                write!(formatter, "`{field}` can't be shown as {}: {reason}", decoder.name())
            }
            ColumnError::NameTwice { name } => write!(
                formatter,
                "two columns would be called `{name}` (a decoded column `x` also has `x_raw`)"
            ),
            ColumnError::UnknownGroup { field, known } => {
                write!(formatter, "can't group by `{field}`: the key has {}", quoted(known))
            }
            ColumnError::UnknownPlot { column, known } => write!(
                formatter,
                "can't draw `{column}`: columns of whole numbers are {}",
                quoted(known)
            ),
            ColumnError::NotOfKind { field, kind } => {
                write!(formatter, "`{field}` is no {}: it takes {}", kind.name(), kind.takes())
            }
            ColumnError::NoProcess { field } => write!(
                formatter,
                "`{field}` can't be shown as ustack: no field `tgid` or `pid` says of which process"
            ),
            ColumnError::UnknownSort { column, known } => write!(
                formatter,
                "can't sort by `{column}`: no such column is shown; there are {}",
                quoted(known)
            ),
        }
    }
}

impl std::error::Error for ColumnError {}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
