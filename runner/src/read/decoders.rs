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
use crate::read::decoders::stacks::Whose;
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
    let (fits, need) = match decoder {
        Decoder::Ip => (network::is_address(layout), "an address of 4 or 16 bytes"),
        Decoder::IpHost => (is_integer(layout) && layout.size() == 4, "an integer of 4 bytes"),
        Decoder::PortNet => (is_integer(layout) && layout.size() == 2, "an integer of 2 bytes"),
        Decoder::Ksym => (stacks::is_address(layout), "an address or an integer of 8 bytes"),
        Decoder::Kstack | Decoder::Ustack => {
            (stacks::is_stack(layout), "an array of addresses, or a stack trace's id")
        }
        Decoder::Mac => (network::is_mac(layout), "6 bytes"),
        Decoder::Hex => (numbers::has_digits(layout), "an integer, an address or bytes"),
        Decoder::String => (text::is_text(layout), "an array of characters or bytes"),
        Decoder::Ifname
        | Decoder::Port
        | Decoder::Syscall
        | Decoder::Errno
        | Decoder::Signal
        | Decoder::Process
        | Decoder::User
        | Decoder::Group
        | Decoder::Cgroup
        | Decoder::Device
        | Decoder::Duration
        | Decoder::Time
        | Decoder::Bytes
        | Decoder::Bool
        | Decoder::Static(_) => (is_integer(layout), "an integer"),
    };
    match fits {
        true => Ok(()),
        false => Err(format!("it takes {need}, not {}", kind(layout))),
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
    let number = || decode(layout, bytes)?.as_integer();
    match decoder {
        Decoder::Ip => network::address(bytes),
        Decoder::Mac => network::mac(bytes),
        Decoder::Hex => numbers::hex(layout, bytes),
        Decoder::String => Some(text::string(bytes)),
        Decoder::IpHost => Some(network::host_address(u32::try_from(number()?).ok()?)),
        Decoder::Port => decode(layout, bytes),
        Decoder::PortNet => Some(network::port(bytes.try_into().ok()?)),
        Decoder::Bool => Some(Value::Bool(number()? != 0)),
        Decoder::Static(names) => Some(numbers::named(names, number()?)),
        Decoder::Duration => Some(numbers::duration(number()?)),
        Decoder::Bytes => Some(numbers::size(number()?)),
        Decoder::Ifname => Some(network::device(number()?, lookups)),
        Decoder::Syscall => Some(system::syscall(number()?)),
        Decoder::Errno => Some(system::errno(number()?, layout.size())),
        Decoder::Signal => Some(system::signal(number()?)),
        Decoder::Process => Some(system::process(number()?, lookups)),
        Decoder::User => Some(accounts::user(number()?, lookups)),
        Decoder::Group => Some(accounts::group(number()?, lookups)),
        Decoder::Time => Some(system::time(number()?, lookups)),
        Decoder::Cgroup => Some(places::cgroup(number()?, lookups)),
        Decoder::Device => Some(places::device(number()?, lookups)),
        Decoder::Ksym => {
            let address = u64::try_from(number()?).ok()?;
            Some(stacks::function(address, &mut lookups.symbols))
        }
        Decoder::Kstack => stacks::stack(layout, bytes, Whose::Kernel, &mut lookups.symbols),
        Decoder::Ustack => {
            let whose = Whose::Process(context.process?);
            stacks::stack(layout, bytes, whose, &mut lookups.symbols)
        }
    }
}

/// The number that a decoder shows as this text, where that is certain: names that the machine can't
/// change. `None` for other decoders and for what is no such name.
pub fn number_of(decoder: &Decoder, text: &str) -> Option<i128> {
    match decoder {
        Decoder::Static(names) => {
            names.iter().find(|(_, name)| name == text).map(|(number, _)| *number)
        }
        Decoder::Bool => text.parse::<bool>().ok().map(i128::from),
        Decoder::Syscall => syscall_table::number(text).map(i128::from),
        Decoder::Signal => system::signal_number(text),
        // An error's number is stored with either sign.
        Decoder::Errno
        | Decoder::Ifname
        | Decoder::Ip
        | Decoder::IpHost
        | Decoder::Port
        | Decoder::PortNet
        | Decoder::Mac
        | Decoder::Process
        | Decoder::User
        | Decoder::Group
        | Decoder::Cgroup
        | Decoder::Device
        | Decoder::Ksym
        | Decoder::Kstack
        | Decoder::Ustack
        | Decoder::Duration
        | Decoder::Time
        | Decoder::Bytes
        | Decoder::Hex
        | Decoder::String => None,
    }
}

/// Whether a decoder's values are amounts: ordered by the raw number and aligned to the right. The
/// others are names, ordered as text.
pub(super) fn is_quantity(decoder: &Decoder) -> bool {
    match decoder {
        Decoder::Port
        | Decoder::PortNet
        | Decoder::Duration
        | Decoder::Time
        | Decoder::Bytes
        | Decoder::Hex => true,
        Decoder::Ifname
        | Decoder::Ip
        | Decoder::IpHost
        | Decoder::Mac
        | Decoder::Syscall
        | Decoder::Errno
        | Decoder::Signal
        | Decoder::Process
        | Decoder::User
        | Decoder::Group
        | Decoder::Cgroup
        | Decoder::Device
        | Decoder::Ksym
        | Decoder::Kstack
        | Decoder::Ustack
        | Decoder::String
        | Decoder::Bool
        | Decoder::Static(_) => false,
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
