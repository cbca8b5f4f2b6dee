//! Decoders: raw values to what people call them.
//!
//! One file a family. A decoder takes the bytes of a field and its layout and gives a value to show
//! in the raw one's place. What it can't make sense of (a device that is gone, a number without a
//! name) it shows as the number: decoding never fails and never hides a row.

mod accounts;
mod lookups;
mod network;
mod numbers;
mod places;
mod stacks;
mod system;
mod text;

pub use lookups::Lookups;
pub use stacks::StackSource;

use crate::btf::{Layout, Scalar, ScalarKind};
use crate::desired::Decoder;
use crate::read::decode::decode;
use crate::read::value::Value;
use crate::syscall_table;

/// Nanoseconds and bytes as the decoders of these names write them.
pub(super) fn duration_text(nanoseconds: i128) -> String {
    numbers::duration_text(nanoseconds)
}

/// See [`duration_text`].
pub(super) fn bytes_text(bytes: i128) -> String {
    numbers::size_text(bytes)
}

/// Whether a decoder can take a field of this type.
///
/// # Errors
/// What the decoder needs and what the field is instead, as half a sentence.
pub fn fits(decoder: &Decoder, layout: &Layout) -> Result<(), String> {
    let way = way(decoder);
    match (way.fits)(layout) {
        true => Ok(()),
        false => Err(format!("it takes {}, not {}", way.takes, kind(layout))),
    }
}

/// What a decoder needs to know of the row around a field.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// The process that the row is about.
    pub process: Option<u32>,
}

/// What to show for a field's bytes; `None` where the decoder doesn't fit or bytes are missing.
pub fn apply(
    decoder: &Decoder,
    layout: &Layout,
    bytes: &[u8],
    context: Context,
    lookups: &mut Lookups,
) -> Option<Value> {
    let field = Field { layout, bytes, process: context.process };
    match way(decoder).show {
        Show::Number(show) => Some(show(field.number()?, lookups)),
        Show::Name(names) => Some(numbers::named(names, field.number()?)),
        Show::Field(show) => show(field, lookups),
    }
}

/// Whether a decoder's values are amounts: ordered by the raw number and aligned to the right. The
/// others are names, ordered as text.
pub(super) fn is_quantity(decoder: &Decoder) -> bool {
    way(decoder).is_quantity
}

/// The number that a decoder shows as this text, where that is certain: names that the machine can't
/// change, which stand for one number each (an error's is stored with either sign). `None` for other
/// decoders and for what is no such name.
pub fn number_of(decoder: &Decoder, text: &str) -> Option<i128> {
    match decoder {
        Decoder::Static(names) => {
            names.iter().find(|(_, name)| name == text).map(|(number, _)| *number)
        }
        Decoder::Bool => text.parse::<bool>().ok().map(i128::from),
        Decoder::Syscall => syscall_table::number(text).map(i128::from),
        Decoder::Signal => system::signal_number(text),
        _ => None,
    }
}

/// A field of a row: its type, its bytes and what the row says besides.
#[derive(Clone, Copy)]
struct Field<'a> {
    layout: &'a Layout,
    bytes: &'a [u8],
    process: Option<u32>,
}

impl Field<'_> {
    fn number(self) -> Option<i128> {
        decode(self.layout, self.bytes)?.as_integer()
    }
}

/// How a decoder works.
struct Way<'a> {
    /// What it takes, in words.
    takes: &'static str,
    fits: fn(&Layout) -> bool,
    show: Show<'a>,
    is_quantity: bool,
}

enum Show<'a> {
    /// From the number that the field is.
    Number(fn(i128, &mut Lookups) -> Value),
    /// The name that the probe file gives the number.
    Name(&'a [(i128, String)]),
    /// From all that there is.
    Field(fn(Field<'_>, &mut Lookups) -> Option<Value>),
}

/// All that is known of a decoder, a row each.
fn way(decoder: &Decoder) -> Way<'_> {
    match decoder {
        Decoder::Ifname => number(network::device),
        Decoder::Ip => field("an address of 4 or 16 bytes", network::is_address, network::address),
        Decoder::IpHost => {
            field("an integer of 4 bytes", network::is_host_address, network::host_address)
        }
        Decoder::Port => field("an integer", is_integer, numbers::unchanged).quantity(),
        Decoder::PortNet => {
            field("an integer of 2 bytes", network::is_port, network::port).quantity()
        }
        Decoder::Mac => field("6 bytes", network::is_mac, network::mac),
        Decoder::Syscall => number(system::syscall),
        Decoder::Errno => field("an integer", is_integer, system::errno),
        Decoder::Signal => number(system::signal),
        Decoder::Process => number(system::process),
        Decoder::User => number(accounts::user),
        Decoder::Group => number(accounts::group),
        Decoder::Cgroup => number(places::cgroup),
        Decoder::Device => number(places::device),
        Decoder::Ksym => {
            field("an address or an integer of 8 bytes", stacks::is_address, stacks::function)
        }
        Decoder::Kstack => field(STACK, stacks::is_stack, stacks::of_kernel),
        Decoder::Ustack => field(STACK, stacks::is_stack, stacks::of_process),
        Decoder::Duration => number(numbers::duration).quantity(),
        Decoder::Time => number(system::time).quantity(),
        Decoder::Bytes => number(numbers::size).quantity(),
        Decoder::Hex => {
            field("an integer, an address or bytes", numbers::has_digits, numbers::hex).quantity()
        }
        Decoder::String => field("an array of characters or bytes", text::is_text, text::string),
        Decoder::Bool => number(numbers::truth),
        Decoder::Static(names) => {
            Way { show: Show::Name(names), ..number(|number, _| plain(number)) }
        }
    }
}

/// What [`Decoder::Kstack`] and [`Decoder::Ustack`] take.
const STACK: &str = "an array of addresses, or a stack trace's id";

/// A decoder of whole numbers.
fn number(show: fn(i128, &mut Lookups) -> Value) -> Way<'static> {
    let show = Show::Number(show);
    Way { takes: "an integer", fits: is_integer, show, is_quantity: false }
}

/// A decoder of something else, or of numbers whose type matters.
fn field(
    takes: &'static str,
    fits: fn(&Layout) -> bool,
    show: fn(Field<'_>, &mut Lookups) -> Option<Value>,
) -> Way<'static> {
    Way { takes, fits, show: Show::Field(show), is_quantity: false }
}

impl Way<'_> {
    /// The same for amounts.
    fn quantity(self) -> Self {
        Way { is_quantity: true, ..self }
    }
}

fn is_integer(layout: &Layout) -> bool {
    matches!(layout, Layout::Scalar(scalar) if scalar.kind != ScalarKind::Float)
}

/// Bytes that no type gives another meaning: an array of integers, a structure, an unknown shape.
fn is_block(layout: &Layout) -> bool {
    match layout {
        Layout::Array { element, .. } => is_integer(element),
        Layout::Struct { .. } | Layout::Union { .. } | Layout::Opaque { .. } => true,
        Layout::Scalar(_) | Layout::Pointer => false,
    }
}

/// What a type is, with its article.
fn kind(layout: &Layout) -> String {
    match layout {
        Layout::Scalar(Scalar { name, .. }) => format!("`{name}`"),
        Layout::Struct { name, .. } if name.is_empty() => "a structure".into(),
        Layout::Struct { name, .. } => format!("`struct {name}`"),
        Layout::Union { name, .. } if name.is_empty() => "a union".into(),
        Layout::Union { name, .. } => format!("`union {name}`"),
        Layout::Array { element, len: 0 } => format!("an array of {}", kind(element)),
        Layout::Array { element, len } => format!("an array of {len} × {}", kind(element)),
        Layout::Pointer => "a pointer".into(),
        Layout::Opaque { size } => format!("{size} bytes of unknown shape"),
    }
}

/// A number that has no name.
fn plain(number: i128) -> Value {
    match u128::try_from(number) {
        Ok(number) => Value::Unsigned(number),
        Err(_) => Value::Signed(number),
    }
}

#[cfg(test)]
mod tests {
    use crate::btf::{Layout, ScalarKind};
    use crate::desired::Decoder;
    use crate::read::decoders::{Context, Lookups, apply, fits};
    use crate::read::sample::{array, chars, scalar, structure, unsigned};

    #[test]
    fn a_misfit_says_what_is_needed_and_what_is_there() {
        let cases = [
            (Decoder::Ifname, chars(16), "it takes an integer, not an array of 16 × `char`"),
            (Decoder::Ip, unsigned(8), "it takes an address of 4 or 16 bytes, not `__u64`"),
            (
                Decoder::Ip,
                array(unsigned(1), 6),
                "it takes an address of 4 or 16 bytes, not an array of 6 × `__u8`",
            ),
            (Decoder::Mac, unsigned(4), "it takes 6 bytes, not `__u32`"),
            (Decoder::String, unsigned(4), "it takes an array of characters or bytes, not `__u32`"),
            (
                Decoder::Hex,
                scalar(ScalarKind::Float, 8),
                "it takes an integer, an address or bytes, not `double`",
            ),
            (Decoder::Time, structure(8, Vec::new()), "it takes an integer, not `struct sample`"),
            (Decoder::Bytes, Layout::Pointer, "it takes an integer, not a pointer"),
            (
                Decoder::Bool,
                Layout::Opaque { size: 4 },
                "it takes an integer, not 4 bytes of unknown shape",
            ),
        ];
        for (decoder, layout, reason) in cases {
            assert_eq!(fits(&decoder, &layout), Err(reason.to_owned()));
        }
    }

    #[test]
    fn missing_bytes_show_nothing() {
        let mut lookups = Lookups::default();
        for decoder in [Decoder::Ifname, Decoder::Port, Decoder::Ip, Decoder::Mac, Decoder::Hex] {
            assert_eq!(
                apply(&decoder, &unsigned(4), &[1, 2, 3], Context::default(), &mut lookups),
                None
            );
        }
    }
}
