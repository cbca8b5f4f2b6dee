//! Text that its type doesn't call text.

use crate::btf::{Layout, ScalarKind};
use crate::read::decode;
use crate::read::decoders::{Field, Lookups, is_integer};
use crate::read::value::Value;

/// An array of single bytes, or bytes of unknown shape.
pub(super) fn is_text(layout: &Layout) -> bool {
    match layout {
        Layout::Array { element, .. } => element.size() == 1 && is_integer(element),
        Layout::Opaque { .. } => true,
        Layout::Scalar(scalar) => scalar.kind == ScalarKind::Char,
        Layout::Struct { .. } | Layout::Union { .. } | Layout::Pointer => false,
    }
}

/// The text up to the first NUL.
pub(super) fn string(field: Field<'_>, _: &mut Lookups) -> Option<Value> {
    Some(Value::Text(decode::text(field.bytes)))
}

#[cfg(test)]
mod tests {
    use crate::btf::{Layout, ScalarKind};
    use crate::desired::Decoder;
    use crate::read::Value;
    use crate::read::sample::{array, decoded, scalar, unsigned};

    #[test]
    fn bytes_are_text_up_to_the_first_nul() {
        for layout in [array(unsigned(1), 5), Layout::Opaque { size: 5 }] {
            let text = decoded(&Decoder::String, &layout, b"ls\0xx");
            assert_eq!(text, Value::Text("ls".into()));
        }
        let character = scalar(ScalarKind::Char, 1);
        let text = decoded(&Decoder::String, &character, b"A");
        assert_eq!(text, Value::Text("A".into()));
    }
}
