//! Network devices and addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::net::if_::if_indextoname;

use crate::btf::{Layout, Scalar, ScalarKind};
use crate::read::decoders::{Field, Lookups, is_block, is_integer, plain};
use crate::read::value::Value;

/// 4 or 16 bytes in network order: `__be32`, `struct in6_addr`, an array of bytes or words.
pub(super) fn is_address(layout: &Layout) -> bool {
    let word = matches!(layout, Layout::Scalar(Scalar { kind: ScalarKind::Integer, .. }));
    matches!(layout.size(), 4 | 16) && (word || is_block(layout))
}

/// An IPv6 address that maps an IPv4 one is shown as that.
pub(super) fn address(field: Field<'_>, _: &mut Lookups) -> Option<Value> {
    let bytes = field.bytes;
    let address = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(*bytes.first_chunk::<4>()?)),
        16 => IpAddr::V6(Ipv6Addr::from(*bytes.first_chunk::<16>()?)),
        _ => return None,
    };
    Some(Value::Text(address.to_canonical().to_string()))
}

/// As large as an IPv4 address.
pub(super) fn is_host_address(layout: &Layout) -> bool {
    is_integer(layout) && layout.size() == 4
}

/// An address whose number is in the machine's byte order.
pub(super) fn host_address(field: Field<'_>, _: &mut Lookups) -> Option<Value> {
    let address = u32::try_from(field.number()?).ok()?;
    Some(Value::Text(Ipv4Addr::from(address).to_string()))
}

/// As large as a port.
pub(super) fn is_port(layout: &Layout) -> bool {
    is_integer(layout) && layout.size() == 2
}

/// A port in network byte order.
pub(super) fn port(field: Field<'_>, _: &mut Lookups) -> Option<Value> {
    Some(Value::Unsigned(u16::from_be_bytes(field.bytes.try_into().ok()?).into()))
}

/// 6 bytes that aren't a number.
pub(super) fn is_mac(layout: &Layout) -> bool {
    layout.size() == 6 && is_block(layout)
}

pub(super) fn mac(field: Field<'_>, _: &mut Lookups) -> Option<Value> {
    if field.bytes.len() != 6 {
        return None;
    }
    let octets: Vec<String> = field.bytes.iter().map(|octet| format!("{octet:02x}")).collect();
    Some(Value::Text(octets.join(":")))
}

/// The name in the network namespace of this process.
pub(super) fn device(index: i128, lookups: &mut Lookups) -> Value {
    let former = &lookups.former_devices;
    let name = lookups.devices.get(index, || {
        let name = if_indextoname(u32::try_from(index).ok()?).ok();
        // nix 0.31 takes the null pointer for a success, with an empty name.
        let name = name.map(|name| name.to_string_lossy().into_owned());
        name.filter(|name| !name.is_empty()).or_else(|| former.get(&index).cloned())
    });
    name.map_or(plain(index), Value::Text)
}

#[cfg(test)]
mod tests {
    use nix::net::if_::if_nametoindex;

    use crate::btf::Layout;
    use crate::desired::Decoder;
    use crate::read::Value;
    use crate::read::decoders::{Context, Lookups, apply};
    use crate::read::sample::{array, decoded, structure, unsigned};

    fn text(decoder: &Decoder, layout: &Layout, bytes: &[u8]) -> String {
        match decoded(decoder, layout, bytes) {
            Value::Text(text) => text,
            other => panic!("not text: {other:?}"),
        }
    }

    #[test]
    fn a_device_has_its_name_and_a_missing_one_its_number() {
        let loopback = if_nametoindex("lo").expect("every network namespace has lo");
        assert_eq!(text(&Decoder::Ifname, &unsigned(4), &loopback.to_le_bytes()), "lo");
        assert_eq!(
            decoded(&Decoder::Ifname, &unsigned(4), &i32::MAX.to_le_bytes()),
            Value::Unsigned(0x7fff_ffff)
        );
        assert_eq!(decoded(&Decoder::Ifname, &unsigned(4), &[0; 4]), Value::Unsigned(0));
    }

    #[test]
    fn a_device_that_is_gone_keeps_its_name() {
        let mut lookups = Lookups::default();
        let index = i32::MAX.to_le_bytes();
        lookups.devices.get(i32::MAX.into(), || Some("veth7".into()));
        lookups.renew();
        let name = apply(&Decoder::Ifname, &unsigned(4), &index, Context::default(), &mut lookups);
        assert_eq!(name, Some(Value::Text("veth7".into())));
    }

    #[test]
    fn addresses_are_read_in_network_order() {
        assert_eq!(text(&Decoder::Ip, &unsigned(4), &[192, 0, 2, 1]), "192.0.2.1");
        assert_eq!(text(&Decoder::Ip, &array(unsigned(1), 4), &[10, 0, 0, 9]), "10.0.0.9");
        let bytes = array(unsigned(1), 16);
        let mut address = [0; 16];
        assert_eq!(text(&Decoder::Ip, &bytes, &address), "::");
        address[15] = 1;
        assert_eq!(text(&Decoder::Ip, &bytes, &address), "::1");
        let words = structure(16, Vec::new());
        address[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        assert_eq!(text(&Decoder::Ip, &words, &address), "2001:db8::1");
    }

    #[test]
    fn a_mapped_address_is_shown_as_ipv4() {
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 7];
        assert_eq!(text(&Decoder::Ip, &array(unsigned(4), 4), &mapped), "198.51.100.7");
    }

    #[test]
    fn ports_and_hardware_addresses() {
        assert_eq!(decoded(&Decoder::Port, &unsigned(2), &[0xbb, 1]), Value::Unsigned(443));
        assert_eq!(decoded(&Decoder::PortNet, &unsigned(2), &[1, 0xbb]), Value::Unsigned(443));
        assert_eq!(text(&Decoder::IpHost, &unsigned(4), &[1, 2, 0, 192]), "192.0.2.1");
        let mac = [0x02, 0x42, 0xac, 0x11, 0x00, 0x0f];
        assert_eq!(text(&Decoder::Mac, &array(unsigned(1), 6), &mac), "02:42:ac:11:00:0f");
    }
}
