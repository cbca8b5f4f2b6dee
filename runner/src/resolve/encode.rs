//! Values as people write them: text to bytes, as the type of the place they are for says.

use crate::btf::{Layout, Scalar as ScalarType, ScalarKind};
use crate::desired::Value;
use crate::resolve::binder::Binder;
use crate::resolve::number;
use crate::spec::values::Globals;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::{At, Span};
use crate::text::suggest::{listed, nearest};
use std::net::IpAddr;
use std::time::Duration;

/// What a value is for.
pub struct Place<'a> {
    /// A variable's or a field's name, of which the ending may say the unit.
    pub name: &'a str,
    /// Its type, where it is known.
    pub layout: Option<&'a Layout>,
    /// Its size in bytes.
    pub size: u32,
    /// What it is, for a diagnostic's note.
    pub described: String,
    /// How mistakes are called.
    pub codes: Codes,
}

/// How mistakes in values are called.
#[derive(Clone, Copy)]
pub struct Codes {
    /// The value is of another type.
    pub mistyped: Code,
    /// The value is too large or too small.
    pub out_of_range: Code,
}

/// What was written: one text, or one for each element.
pub enum Texts {
    /// One text.
    One(At<String>),
    /// The list's place, and a text for each element.
    Many(Span, Vec<At<String>>),
}

/// Renders the templates of what was written.
pub fn texts(value: &At<Globals>, binder: &mut Binder<'_>) -> Option<Texts> {
    match &value.value {
        Globals::One(scalar) => binder.text(&value.with(scalar.clone())).map(Texts::One),
        Globals::Many(elements) => {
            let texts =
                elements.iter().map(|element| binder.text(element)).collect::<Option<_>>()?;
            Some(Texts::Many(value.span, texts))
        }
    }
}

/// A value, or why there is none.
pub type Encoded = Result<Value, Box<Diagnostic>>;

/// The bytes of what was written, in the place's size and the machine's byte order.
///
/// # Errors
/// It doesn't fit the place's type.
pub fn encode(place: &Place<'_>, texts: &Texts) -> Encoded {
    let unknown;
    let layout = match place.layout {
        Some(layout) => layout,
        None => {
            unknown = Layout::untyped(place.size);
            &unknown
        }
    };
    match (layout, texts) {
        (Layout::Scalar(scalar), Texts::One(text)) => encode_scalar(place, scalar, text),
        (Layout::Array { element, len }, Texts::One(text)) => match &**element {
            Layout::Scalar(scalar) if scalar.kind == ScalarKind::Char => {
                encode_text(place, *len, text)
            }
            Layout::Scalar(scalar) if scalar.size == 1 => encode_address(place, *len, text),
            _ => Err(mistyped(place, text.span, "a list of its elements")),
        },
        (Layout::Array { element, len }, Texts::Many(span, elements)) => match &**element {
            Layout::Scalar(scalar) => encode_list(place, scalar, *len, *span, elements),
            _ => Err(not_settable(place, *span)),
        },
        (Layout::Scalar(_), Texts::Many(span, _)) => Err(mistyped(place, *span, "one value")),
        (_, Texts::One(At { span, .. }) | Texts::Many(span, _)) => Err(not_settable(place, *span)),
    }
}

fn encode_scalar(place: &Place<'_>, scalar: &ScalarType, text: &At<String>) -> Encoded {
    let number = match &scalar.kind {
        ScalarKind::Bool => match text.value.as_str() {
            "true" | "1" => 1,
            "false" | "0" => 0,
            _ => return Err(mistyped(place, text.span, "`true` or `false`")),
        },
        ScalarKind::Float => return encode_float(place, scalar, text),
        ScalarKind::Enum(values) => {
            let named = values.iter().find(|(name, _)| *name == text.value).map(|(_, n)| *n);
            match named.or_else(|| number::parse(&text.value)) {
                Some(number) => number,
                None => {
                    let names = || values.iter().map(|(name, _)| name.as_str());
                    let diagnostic = *mistyped(place, text.span, "one of the enum's values");
                    return Err(Box::new(
                        diagnostic
                            .did_you_mean(nearest(&text.value, names()))
                            .help(format!("values: {}", listed(names(), 12))),
                    ));
                }
            }
        }
        ScalarKind::Integer | ScalarKind::Char => match number::parse(&text.value) {
            Some(number) => number,
            None => return encode_named_integer(place, scalar, text),
        },
    };
    in_range(place, scalar, number, text.span).map(Value::Bytes)
}

/// An integer whose name says its unit takes a duration; one that is an interface index takes a
/// device's name.
fn encode_named_integer(place: &Place<'_>, scalar: &ScalarType, text: &At<String>) -> Encoded {
    if let Some(unit) = Unit::of(place.name) {
        let duration = humantime::parse_duration(&text.value).map_err(|error| {
            let wanted = format!("a number of {}, or a duration such as `10ms`", unit.name);
            Box::new(mistyped(place, text.span, &wanted).label(error.to_string()))
        })?;
        let number = unit.count(duration).ok_or_else(|| {
            let wanted = format!("a whole number of {}", unit.name);
            mistyped(place, text.span, &wanted)
        })?;
        return in_range(place, scalar, number, text.span).map(Value::Bytes);
    }
    if place.name.ends_with("ifindex") && is_device_name(&text.value) {
        let device = text.value.clone();
        return Ok(Value::InterfaceIndex { device, size: scalar.size });
    }
    if humantime::parse_duration(&text.value).is_ok() {
        return Err(Box::new(
            Diagnostic::error(
                Code::UnitMismatch,
                text.span,
                format!("`{}` has no unit of time", place.name),
            )
            .label("a duration")
            .note(place.described.as_str())
            .help("write a plain number; only a name that ends in _ns, _us, _ms or _s takes a duration"),
        ));
    }
    Err(mistyped(place, text.span, "a whole number"))
}

/// What the kernel takes as a device's name (`dev_valid_name`, net/core/dev.c).
fn is_device_name(name: &str) -> bool {
    (1..16).contains(&name.len())
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace())
}

/// The unit that a variable's name ends in.
struct Unit {
    name: &'static str,
    nanoseconds: u128,
}

impl Unit {
    fn of(variable: &str) -> Option<Unit> {
        let (_, suffix) = variable.rsplit_once('_')?;
        let (name, nanoseconds) = match suffix {
            "ns" => ("nanoseconds", 1),
            "us" => ("microseconds", 1_000),
            "ms" => ("milliseconds", 1_000_000),
            "s" => ("seconds", 1_000_000_000),
            _ => return None,
        };
        Some(Unit { name, nanoseconds })
    }

    /// How many of this unit a duration is, if that is a whole number.
    fn count(&self, duration: Duration) -> Option<i128> {
        let nanoseconds = duration.as_nanos();
        let whole = nanoseconds.is_multiple_of(self.nanoseconds);
        whole.then(|| i128::try_from(nanoseconds / self.nanoseconds).ok()).flatten()
    }
}

fn encode_float(place: &Place<'_>, scalar: &ScalarType, text: &At<String>) -> Encoded {
    let bytes = match scalar.size {
        4 => text.value.parse::<f32>().ok().map(|number| number.to_ne_bytes().to_vec()),
        8 => text.value.parse::<f64>().ok().map(|number| number.to_ne_bytes().to_vec()),
        _ => None,
    };
    bytes.map(Value::Bytes).ok_or_else(|| mistyped(place, text.span, "a number"))
}

fn encode_text(place: &Place<'_>, len: u32, text: &At<String>) -> Encoded {
    let mut bytes = text.value.clone().into_bytes();
    let room = (len as usize).saturating_sub(1);
    if bytes.len() > room {
        return Err(Box::new(
            Diagnostic::error(
                place.codes.out_of_range,
                text.span,
                format!("the text has {} bytes, `{}` takes {room}", bytes.len(), place.name),
            )
            .note(place.described.as_str()),
        ));
    }
    bytes.resize(len as usize, 0);
    Ok(Value::Bytes(bytes))
}

fn encode_address(place: &Place<'_>, len: u32, text: &At<String>) -> Encoded {
    let ip = text.value.parse::<IpAddr>();
    let bytes = match (len, ip) {
        (16, Ok(IpAddr::V6(ip))) => Some(ip.octets().to_vec()),
        (16, Ok(IpAddr::V4(ip))) => Some(ip.to_ipv6_mapped().octets().to_vec()),
        (4, Ok(IpAddr::V4(ip))) => Some(ip.octets().to_vec()),
        (6, _) => mac(&text.value),
        _ => None,
    };
    let wanted = match len {
        4 => "an IPv4 address, or a list of 4 numbers".to_owned(),
        6 => "a MAC address, or a list of 6 numbers".to_owned(),
        16 => "an IPv4 or IPv6 address, or a list of 16 numbers".to_owned(),
        len => format!("a list of {len} numbers"),
    };
    bytes.map(Value::Bytes).ok_or_else(|| mistyped(place, text.span, &wanted))
}

fn mac(text: &str) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).ok().filter(|_| byte.len() == 2))
        .collect::<Option<_>>()?;
    (bytes.len() == 6).then_some(bytes)
}

fn encode_list(
    place: &Place<'_>,
    scalar: &ScalarType,
    len: u32,
    span: Span,
    elements: &[At<String>],
) -> Encoded {
    if elements.len() != len as usize {
        let message = format!("{} values for {len} elements of `{}`", elements.len(), place.name);
        let diagnostic = Diagnostic::error(place.codes.out_of_range, span, message);
        return Err(Box::new(diagnostic.note(place.described.as_str())));
    }
    let mut bytes = Vec::with_capacity(place.size as usize);
    for element in elements {
        match encode_scalar(place, scalar, element)? {
            Value::Bytes(one) => bytes.extend(one),
            Value::InterfaceIndex { .. } => {
                return Err(mistyped(place, element.span, "a whole number"));
            }
        }
    }
    Ok(Value::Bytes(bytes))
}

/// The number in the variable's size and the machine's byte order.
fn in_range(
    place: &Place<'_>,
    scalar: &ScalarType,
    number: i128,
    span: Span,
) -> Result<Vec<u8>, Box<Diagnostic>> {
    let bits = 8 * scalar.size;
    let (least, most) = match (scalar.signed, bits) {
        (_, 0 | 65..) => return Err(not_settable(place, span)),
        (true, bits) => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
        (false, bits) => (0, (1i128 << bits) - 1),
    };
    if !(least..=most).contains(&number) {
        let message = format!("{number} is out of the range of `{}`", place.name);
        return Err(Box::new(
            Diagnostic::error(place.codes.out_of_range, span, message)
                .label(format!("must be {least} to {most}"))
                .note(place.described.as_str()),
        ));
    }
    let size = scalar.size as usize;
    let bytes = number.to_ne_bytes();
    Ok(if cfg!(target_endian = "little") {
        bytes[..size].to_vec()
    } else {
        bytes[bytes.len() - size..].to_vec()
    })
}

fn mistyped(place: &Place<'_>, span: Span, wanted: &str) -> Box<Diagnostic> {
    let message = format!("the value doesn't fit the type of `{}`", place.name);
    Box::new(
        Diagnostic::error(place.codes.mistyped, span, message)
            .label(format!("must be {wanted}"))
            .note(place.described.as_str()),
    )
}

fn not_settable(place: &Place<'_>, span: Span) -> Box<Diagnostic> {
    let message = format!("`{}` can't be set from a probe file", place.name);
    Box::new(
        Diagnostic::error(place.codes.mistyped, span, message)
            .note(place.described.as_str())
            .help("numbers, booleans, enums, text and arrays of them can be set"),
    )
}
