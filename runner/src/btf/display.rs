//! Types as a C programmer would write them, for messages.

use crate::btf::{Layout, ScalarKind};
use std::fmt;

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layout::Scalar(scalar) => match scalar.kind {
                ScalarKind::Enum(_) if !scalar.name.starts_with("enum") => {
                    write!(f, "enum {}", scalar.name)
                }
                _ => f.write_str(&scalar.name),
            },
            Layout::Struct { name, .. } => write!(f, "struct {}", tag(name)),
            Layout::Union { name, .. } => write!(f, "union {}", tag(name)),
            Layout::Array { .. } => {
                let mut element = self;
                let mut lengths = String::new();
                while let Layout::Array { element: inner, len } = element {
                    lengths.push_str(&format!("[{len}]"));
                    element = inner;
                }
                write!(f, "{element}{lengths}")
            }
            Layout::Pointer => f.write_str("a pointer"),
            Layout::Opaque { size } => write!(f, "{size} bytes of unknown type"),
        }
    }
}

fn tag(name: &str) -> &str {
    if name.is_empty() { "(anonymous)" } else { name }
}

#[cfg(test)]
mod tests {
    use crate::btf::{Layout, Scalar, ScalarKind};

    #[test]
    fn arrays_read_from_the_outside_in() {
        let byte = Scalar { name: "u8".into(), size: 1, signed: false, kind: ScalarKind::Integer };
        let row = Layout::Array { element: Box::new(Layout::Scalar(byte)), len: 16 };
        let rows = Layout::Array { element: Box::new(row), len: 2 };
        assert_eq!(rows.to_string(), "u8[2][16]");
    }
}
