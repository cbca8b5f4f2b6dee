//! Types that the file writes out, laid out as C does it.

use crate::btf::{Field, Layout, Scalar, ScalarKind};
use crate::model::ViewLayout;
use crate::resolve::binder::Binder;
use crate::spec::layout::{LayoutSpec, TypeSpec};
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::{At, Span};
use crate::text::suggest::{listed, nearest};

/// The types that have a name, with their sizes.
const NAMES: [(&str, u32, bool, ScalarKind); 12] = [
    ("u8", 1, false, ScalarKind::Integer),
    ("u16", 2, false, ScalarKind::Integer),
    ("u32", 4, false, ScalarKind::Integer),
    ("u64", 8, false, ScalarKind::Integer),
    ("i8", 1, true, ScalarKind::Integer),
    ("i16", 2, true, ScalarKind::Integer),
    ("i32", 4, true, ScalarKind::Integer),
    ("i64", 8, true, ScalarKind::Integer),
    ("f32", 4, true, ScalarKind::Float),
    ("f64", 8, true, ScalarKind::Float),
    ("char", 1, false, ScalarKind::Char),
    ("bool", 1, false, ScalarKind::Bool),
];
/// Neither a key nor a value is larger on any kernel that holds it in a hash or an array's page.
const LARGEST: u32 = 1 << 20;

/// Lays out what the file writes.
pub fn bind(spec: &LayoutSpec, span: Span, binder: &mut Binder<'_>) -> Option<ViewLayout> {
    let mut lay = |written: &At<TypeSpec>| match laid_out(written, spec.packed) {
        Ok(laid) => Some(written.with(laid.layout)),
        Err(wrong) => {
            binder.findings.push(*wrong);
            None
        }
    };
    match (&spec.key, &spec.value, &spec.record) {
        (Some(key), Some(value), None) => {
            // Both are looked at, so that the mistakes of both are told.
            let (key, value) = (lay(key), lay(value));
            Some(ViewLayout::Entries { key: Some(key?), value: value? })
        }
        (None, Some(value), None) => Some(ViewLayout::Entries { key: None, value: lay(value)? }),
        (None, None, Some(record)) => Some(ViewLayout::Records(lay(record)?)),
        _ => {
            binder.findings.push(
                Diagnostic::error(Code::Shape, span, "a layout is of entries or of records")
                    .help("write `key` and `value`, or `record` for a ring buffer"),
            );
            None
        }
    }
}

/// A type, and what the beginning of its place is a multiple of.
struct Laid {
    layout: Layout,
    alignment: u32,
}

fn laid_out(spec: &At<TypeSpec>, packed: bool) -> Result<Laid, Box<Diagnostic>> {
    let laid = match &spec.value {
        TypeSpec::Named(name) => named(name, spec.span)?,
        TypeSpec::Struct(fields) => {
            let mut laid = Vec::new();
            for (name, field) in &fields.0 {
                laid.push((name.value.clone(), laid_out(field, packed)?));
            }
            structure(laid, packed)
        }
    };
    if laid.layout.size() == 0 || laid.layout.size() > LARGEST {
        let message = format!("this type has {} bytes", laid.layout.size());
        return Err(Box::new(
            Diagnostic::error(Code::InvalidValue, spec.span, message)
                .help(format!("a type has at least 1 byte and at most {LARGEST}")),
        ));
    }
    Ok(laid)
}

fn named(name: &str, span: Span) -> Result<Laid, Box<Diagnostic>> {
    let (base, lengths) = match name.split_once('[') {
        Some((base, lengths)) => (base.trim(), Some(lengths)),
        None => (name.trim(), None),
    };
    let names = || NAMES.iter().map(|(name, ..)| *name);
    let Some((name, size, signed, kind)) = NAMES.iter().find(|(name, ..)| *name == base) else {
        return Err(Box::new(
            Diagnostic::error(Code::InvalidValue, span, format!("there is no type `{base}`"))
                .did_you_mean(nearest(base, names()))
                .help(format!("types: {}, and arrays such as `char[16]`", listed(names(), 16))),
        ));
    };
    let scalar =
        Scalar { name: (*name).to_owned(), size: *size, signed: *signed, kind: kind.clone() };
    let mut layout = Layout::Scalar(scalar);
    if let Some(lengths) = lengths {
        let wrong = || {
            Diagnostic::error(Code::InvalidValue, span, format!("`{name}[{lengths}` is no array"))
                .help("write how many elements it has, such as `u32[4]` or `char[4][16]`")
        };
        let lengths = lengths.strip_suffix(']').ok_or_else(wrong)?;
        let lengths: Result<Vec<u32>, _> =
            lengths.split("][").map(|length| length.trim().parse()).collect();
        // The last one is the innermost, as in C.
        for len in lengths.map_err(|_| wrong())?.into_iter().rev() {
            layout = Layout::Array { element: Box::new(layout), len };
        }
    }
    Ok(Laid { layout, alignment: *size })
}

fn structure(parts: Vec<(String, Laid)>, packed: bool) -> Laid {
    let (mut size, mut alignment) = (0_u32, 1);
    let mut fields = Vec::new();
    for (name, part) in parts {
        let own = if packed { 1 } else { part.alignment };
        alignment = alignment.max(own);
        let begin = size.next_multiple_of(own);
        size = begin.saturating_add(part.layout.size()).min(2 * LARGEST);
        fields.push(Field { name, bit_offset: 8 * begin, bit_width: None, layout: part.layout });
    }
    let size = size.next_multiple_of(alignment);
    Laid { layout: Layout::Struct { name: String::new(), size, fields }, alignment }
}

#[cfg(test)]
mod tests {
    use super::laid_out;
    use crate::btf::Layout;
    use crate::spec::layout::TypeSpec;
    use crate::spec::values::Entries;
    use crate::text::source::{At, Span};

    fn named(name: &str) -> At<TypeSpec> {
        At::new(TypeSpec::Named(name.to_owned()), Span::default())
    }

    fn structure(fields: Vec<(&str, At<TypeSpec>)>) -> At<TypeSpec> {
        let at = |name: &str| At::new(name.to_owned(), Span::default());
        let fields = fields.into_iter().map(|(name, field)| (at(name), field)).collect();
        At::new(TypeSpec::Struct(Entries(fields)), Span::default())
    }

    /// Size, and the offsets of the fields.
    fn places(spec: &At<TypeSpec>, packed: bool) -> (u32, Vec<u32>) {
        let laid = laid_out(spec, packed).unwrap_or_else(|wrong| panic!("{}", wrong.message));
        let Layout::Struct { size, fields, .. } = laid.layout else { panic!("a structure") };
        (size, fields.iter().map(|field| field.bit_offset / 8).collect())
    }

    #[test]
    fn fields_begin_where_a_c_compiler_puts_them() {
        let inner = || structure(vec![("x", named("u8")), ("y", named("u16"))]);
        let outer = structure(vec![
            ("a", named("u8")),
            ("b", named("u32")),
            ("c", named("char[3]")),
            ("inner", inner()),
            ("d", named("i64[2]")),
            ("e", named("bool")),
        ]);
        assert_eq!(places(&inner(), false), (4, vec![0, 2]));
        assert_eq!(places(&outer, false), (40, vec![0, 4, 8, 12, 16, 32]));
        assert_eq!(places(&outer, true), (28, vec![0, 1, 5, 8, 11, 27]));
    }

    #[test]
    fn the_last_length_is_the_innermost() {
        let laid = laid_out(&named("char[4][16]"), false).expect("a type");
        let Layout::Array { element, len: 4 } = laid.layout else { panic!("four elements") };
        assert!(matches!(*element, Layout::Array { len: 16, .. }));
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for name in ["u128", "char[", "char[]", "char[x]", "u8[0]", "u64[4294967295]", "u8[2]x", ""]
        {
            assert!(laid_out(&named(name), false).is_err(), "{name}");
        }
        assert!(laid_out(&structure(Vec::new()), false).is_err());
    }
}
