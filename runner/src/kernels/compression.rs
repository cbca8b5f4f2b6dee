//! Compressed streams: what kernels and packages come in, told by their first bytes.

use std::fmt;
use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use lz4_flex::frame::FrameDecoder as Lz4Decoder;
use lzma_rust2::{LzmaReader, XzReader};
use ruzstd::decoding::{FrameDecoder as ZstdDecoder, StreamingDecoder as ZstdStream};

use super::error::Problem;

/// What a stream may unpack to, in bytes. A `vmlinux` with its debug information has less.
const LARGEST: u64 = 1 << 30;
/// What may be kept to look back at while unpacking, in bytes: kernels are packed with windows of up
/// to 128 MiB (`zstd --ultra -22`).
const LARGEST_WINDOW: u64 = 128 << 20;
/// The same in KiB, with what the LZMA decoders need besides.
const LARGEST_DICTIONARY_KIB: u32 = 136 << 10;

/// A way to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Gzip,
    Xz,
    Lzma,
    Bzip2,
    Zstd,
    Lz4,
    /// The form from before lz4 had frames, which the kernel's build uses. It has no end.
    Lz4Legacy,
    Lzo,
}

impl Format {
    /// What streams begin with. LZMA's is not a magic number but the settings that everybody uses,
    /// with a dictionary of whole KiB.
    const MAGIC: [(&'static [u8], Format); 8] = [
        (b"\x1f\x8b\x08", Format::Gzip),
        (b"\xfd7zXZ\0", Format::Xz),
        (b"\x5d\0\0", Format::Lzma),
        (b"BZh", Format::Bzip2),
        (b"\x28\xb5\x2f\xfd", Format::Zstd),
        (b"\x04\x22\x4d\x18", Format::Lz4),
        (b"\x02\x21\x4c\x18", Format::Lz4Legacy),
        (b"\x89LZO\0\r\n\x1a\n", Format::Lzo),
    ];

    /// The format of a stream that begins with these bytes.
    pub(super) fn of(start: &[u8]) -> Option<Format> {
        let (_, format) = Format::MAGIC.iter().find(|(magic, _)| start.starts_with(magic))?;
        Some(*format)
    }

    /// The magic number, for those that hardly anything else begins with.
    pub(super) fn distinct_magic() -> impl Iterator<Item = &'static [u8]> {
        let distinct = |format| format != Format::Lzma && format != Format::Bzip2;
        Format::MAGIC
            .into_iter()
            .filter(move |(_, format)| distinct(*format))
            .map(|(magic, _)| magic)
    }

    /// Unpacks a stream, as much of it as is read. What follows its end is not looked at.
    pub(super) fn unpack<'r>(
        self,
        packed: impl BufRead + 'r,
    ) -> Result<Box<dyn Read + 'r>, Problem> {
        let unpacked: Box<dyn Read + 'r> = match self {
            Format::Gzip => Box::new(GzDecoder::new(packed)),
            Format::Xz => Box::new(XzReader::new_mem_limit(packed, false, LARGEST_DICTIONARY_KIB)),
            Format::Lzma => {
                Box::new(LzmaReader::new_mem_limit(packed, LARGEST_DICTIONARY_KIB, None)?)
            }
            Format::Bzip2 => Box::new(BzDecoder::new(packed)),
            Format::Zstd => {
                let mut decoder = ZstdDecoder::new();
                decoder.set_max_window_size(LARGEST_WINDOW);
                let stream = ZstdStream::new_with_decoder(packed, decoder);
                Box::new(stream.map_err(|error| Problem::Damaged(error.to_string()))?)
            }
            Format::Lz4 | Format::Lz4Legacy => Box::new(Lz4Decoder::new(packed)),
            Format::Lzo => return Err(Problem::Lzo),
        };
        Ok(Box::new(Bounded { stream: unpacked, left: LARGEST }))
    }
}

/// A stream that is an error to read beyond some size.
struct Bounded<R> {
    stream: R,
    left: u64,
}

/// A stream went on for too long.
#[derive(Debug)]
pub(super) struct Endless;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        match self.left.checked_sub(length as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(Endless)),
        }
        Ok(length)
    }
}

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it unpacks to more than 1 GiB")
    }
}

impl std::error::Error for Endless {}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use super::{Bounded, Problem};

    #[test]
    fn streams_end_at_their_limit() {
        let read = |left| {
            let mut stream = Bounded { stream: io::repeat(7).take(1000), left };
            io::copy(&mut stream, &mut io::sink()).map_err(Problem::from)
        };
        assert!(matches!(read(1000), Ok(1000)));
        assert!(matches!(read(999), Err(Problem::TooLarge(_))));
    }
}
