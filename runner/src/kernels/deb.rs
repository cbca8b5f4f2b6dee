//! Debian's packages: an `ar` archive of two compressed tar archives (deb(5)).
//!
//! The archive is read by hand: it is nothing but headers of 60 bytes, and the crate for the format
//! reserves as much memory for tables, which packages don't have, as a damaged header asks for.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;

use super::compression::Format;
use super::error::Problem;
use super::members::{Member, first_of_tar, pass_over, tar};

/// What an archive begins with, and how the name of the first file of a package does.
const MAGIC: &[u8] = b"!<arch>\ndebian-binary";
const ARCHIVE_MAGIC: u64 = 8;
const HEADER: usize = 60;
/// A package's description is a few KB; what has more of it is something else.
const LARGEST_DESCRIPTION: u64 = 1 << 20;

/// Whether a file that begins so is a package.
pub(super) fn is_deb(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// The kernel in a package.
pub(super) fn read(file: &mut dyn Read) -> Result<Vec<Member>, Problem> {
    let mut found = Vec::new();
    with_files(file, |files, needs| {
        found = first_of_tar(files, needs)?;
        Ok(())
    })?;
    Ok(found)
}

/// Shows the archive of a package's files, and the packages that it depends on.
pub(super) fn with_files(
    file: &mut dyn Read,
    show: impl FnOnce(&mut dyn Read, Vec<String>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    pass_over(file, ARCHIVE_MAGIC)?;
    let mut needs = Vec::new();
    loop {
        let mut header = [0; HEADER];
        file.read_exact(&mut header)?;
        let (name, size) = parse(&header)
            .ok_or_else(|| Problem::Damaged("a header of the archive is wrong".to_owned()))?;
        // Files begin at even positions.
        let mut content = file.take(size);
        if name.starts_with("control.tar") {
            unpacked(name, &mut content, |control| {
                needs = dependencies(control)?;
                Ok(())
            })?;
        } else if name.starts_with("data.tar") {
            return unpacked(name, &mut content, |files| show(files, needs));
        }
        let rest = content.limit() + size % 2;
        pass_over(file, rest)?;
    }
}

/// A file's name and size in bytes.
fn parse(header: &[u8; HEADER]) -> Option<(&str, u64)> {
    let text =
        |range: std::ops::Range<usize>| str::from_utf8(&header[range]).ok().map(str::trim_end);
    let name = text(0..16)?.trim_end_matches('/');
    let size = text(48..58)?.parse().ok()?;
    (&header[58..] == b"`\n").then_some((name, size))
}

/// Shows what is in one of the package's archives.
fn unpacked(
    name: &str,
    packed: &mut dyn Read,
    show: impl FnOnce(&mut dyn Read) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut packed = BufReader::new(packed);
    let start = packed.fill_buf()?;
    match Format::of(start) {
        Some(format) => show(&mut format.unpack(packed)?),
        None if name.ends_with(".tar") => show(&mut packed),
        None => Err(Problem::Damaged(format!("its {name} is compressed in an unknown way"))),
    }
}

/// The packages that this one depends on: the first of each list of alternatives.
fn dependencies(control: &mut dyn Read) -> Result<Vec<String>, Problem> {
    let mut description = String::new();
    tar(control, |path, content| {
        if path.trim_start_matches("./") != "control" {
            return Ok(ControlFlow::Continue(()));
        }
        content.take(LARGEST_DESCRIPTION).read_to_string(&mut description)?;
        Ok(ControlFlow::Break(()))
    })?;
    let line = description.lines().find_map(|line| line.strip_prefix("Depends:"));
    let names = line.unwrap_or_default().split(',');
    Ok(names.filter_map(|name| name.split_whitespace().next()).map(str::to_owned).collect())
}
