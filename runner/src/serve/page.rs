//! Metrics as the bytes of an answer.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::read::sinks::prometheus::{Format, Metrics};

/// How an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wish {
    /// Which text.
    pub format: Format,
    /// Whether it is compressed.
    pub gzip: bool,
}

/// Writes the answer.
pub fn write(metrics: &Metrics, wish: Wish) -> io::Result<Arc<[u8]>> {
    let mut bytes = Vec::new();
    if wish.gzip {
        let mut encoder = GzEncoder::new(&mut bytes, Compression::fast());
        let mut buffered = io::BufWriter::with_capacity(1 << 16, &mut encoder);
        metrics.write(&mut buffered, wish.format)?;
        buffered.flush()?;
        drop(buffered);
        encoder.finish()?;
    } else {
        metrics.write(&mut bytes, wish.format)?;
    }
    Ok(bytes.into())
}
