//! A kernel's configuration where the kernel carries it (`CONFIG_IKCONFIG`).

use std::io::Read;

use flate2::read::GzDecoder;
use memchr::memmem;

/// What stands around the compressed text (`kernel/configs.c`).
const START: &[u8] = b"IKCFG_ST";
const END: &[u8] = b"IKCFG_ED";
/// Configurations are some 300 KB; what unpacks to more than this is something else.
pub(super) const LARGEST: u64 = 16 << 20;

/// Finds the configuration in a kernel's data.
pub(super) fn find(data: &[u8]) -> Option<String> {
    let start = memmem::find(data, START)? + START.len();
    let length = memmem::find(&data[start..], END)?;
    unpack(&data[start..start + length])
}

/// The text of `/proc/config.gz`; none if it isn't that.
pub(super) fn unpack(packed: impl Read) -> Option<String> {
    let mut text = String::new();
    GzDecoder::new(packed).take(LARGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::{END, START, find};

    #[test]
    fn the_configuration_is_found_in_a_kernel() {
        let text = "CONFIG_BPF=y\nCONFIG_HZ=250\n";
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(text.as_bytes()).expect("memory takes it");
        let packed = packed.finish().expect("memory takes it");
        let kernel = [b"code", START, &packed, END, b"more"].concat();
        assert_eq!(find(&kernel).as_deref(), Some(text));
        for length in 0..kernel.len() - b"more".len() {
            assert_eq!(find(&kernel[..length]), None, "{length} bytes");
        }
    }
}
