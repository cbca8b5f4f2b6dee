//! RPM packages: a lead and two headers, which say nothing that is needed here, and a compressed cpio
//! archive (`docs/manual/format_v4.md` of RPM's sources).

use std::io::{BufRead, BufReader, Read};

use super::compression::Format;
use super::error::Problem;
use super::members::{Member, first_of_cpio, pass_over};

/// What a package begins with.
const MAGIC: &[u8] = b"\xed\xab\xee\xdb";
const LEAD: u64 = 96;
/// What each header begins with, a version included.
const HEADER_MAGIC: &[u8] = b"\x8e\xad\xe8\x01";
const HEADER: usize = 16;
/// Bytes of an entry of a header's index.
const INDEX_ENTRY: u64 = 16;

/// Whether a file that begins so is a package.
pub(super) fn is_rpm(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// The kernel in a package.
pub(super) fn read(file: &mut dyn Read) -> Result<Vec<Member>, Problem> {
    with_files(file, first_of_cpio)
}

/// Shows the archive of a package's files.
pub(super) fn with_files<T>(
    file: &mut dyn Read,
    show: impl FnOnce(&mut dyn Read) -> Result<T, Problem>,
) -> Result<T, Problem> {
    pass_over(file, LEAD)?;
    let signatures = header(file)?;
    pass_over(file, signatures.next_multiple_of(8) - signatures)?;
    header(file)?;
    let mut payload = BufReader::new(file);
    match Format::of(payload.fill_buf()?) {
        Some(format) => show(&mut format.unpack(payload)?),
        None => show(&mut payload),
    }
}

/// Passes over a header; the bytes that it takes.
fn header(file: &mut dyn Read) -> Result<u64, Problem> {
    let mut start = [0; HEADER];
    file.read_exact(&mut start)?;
    if !start.starts_with(HEADER_MAGIC) {
        return Err(Problem::Damaged("a header of the package is missing".to_owned()));
    }
    let number = |at: usize| {
        let bytes = start[at..].first_chunk().copied().unwrap_or_default();
        u64::from(u32::from_be_bytes(bytes))
    };
    let (entries, data) = (number(8), number(12));
    let length = entries * INDEX_ENTRY + data;
    pass_over(file, length)?;
    Ok(HEADER as u64 + length)
}
