//! The bytes that go into a variable: as they are, or as this machine numbers a network device.

use nix::net::if_::{if_nameindex, if_nametoindex};

use crate::desired::{GlobalValue, Value};
use crate::kernel::error::{Error, Phase};

/// A variable's bytes, in its size and the machine's byte order.
///
/// # Errors
/// A device that isn't there; one whose index doesn't fit.
pub fn bytes_of(global: &GlobalValue) -> Result<Vec<u8>, Error> {
    let (device, size) = match &global.value {
        Value::Bytes(bytes) => return Ok(bytes.clone()),
        Value::InterfaceIndex { device, size } => (device, *size as usize),
    };
    let what = format!("global {} (object {})", global.name, global.object);
    let index = if_nametoindex(device.as_str()).map_err(|_| {
        let names = if_nameindex()
            .map(|devices| {
                devices
                    .iter()
                    .map(|device| device.name().to_string_lossy().into_owned())
                    .collect::<Vec<_>>()
                    .join(", ")
            })
            .unwrap_or_default();
        Error::new(Phase::Global, &what, format!("there is no network device {device}"))
            .hint(format!("the devices here are {names}"))
    })?;
    number(index, size).ok_or_else(|| {
        Error::new(
            Phase::Global,
            what,
            format!("index {index} of {device} doesn't fit into {size} bytes"),
        )
    })
}

/// An unsigned integer in `size` bytes of the machine's order; `None` if it doesn't fit.
fn number(value: u32, size: usize) -> Option<Vec<u8>> {
    let mut bytes = value.to_le_bytes().to_vec();
    if bytes.iter().skip(size).any(|byte| *byte != 0) {
        return None;
    }
    bytes.resize(size, 0);
    if cfg!(target_endian = "big") {
        bytes.reverse();
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{bytes_of, number};
    use crate::desired::{GlobalValue, Value};

    #[test]
    fn numbers_are_widened_but_never_cut() {
        assert_eq!(number(7, 8), Some(7u64.to_ne_bytes().to_vec()));
        assert_eq!(number(300, 2), Some(300u16.to_ne_bytes().to_vec()));
        assert_eq!(number(300, 1), None);
    }

    #[test]
    fn a_device_that_is_not_there_is_told_with_those_that_are() {
        let error = bytes_of(&GlobalValue {
            object: "main".to_owned(),
            name: "filter_ifindex".to_owned(),
            value: Value::InterfaceIndex { device: "no-such-device".to_owned(), size: 4 },
        })
        .expect_err("no device has such a long name");
        assert_eq!(
            error.to_string(),
            "cannot set global filter_ifindex (object main): there is no network device \
             no-such-device"
        );
        assert!(error.hints[0].contains("the devices here are"), "{error:?}");
    }
}
