//! What a stream is, by its first bytes, and the kernel or kernels in it.

use std::io::{BufReader, Chain, Cursor, Read};
use std::ops::ControlFlow;

use super::compression::Format;
use super::error::Problem;
use super::extract::Extract;
use super::members::Member;
use super::naming::Role;
use super::scan::scan;
use super::{deb, elf, image, members, rpm};

/// Bytes from which it can be told what a stream is.
const START: u64 = 1024;
/// Boot images have some 15 MB, unified ones with an initrd a few times that.
const LARGEST_IMAGE: u64 = 256 << 20;
/// How often something may be compressed.
const MOST_LAYERS: u32 = 3;

/// A stream whose start is known.
struct Peeked<'r> {
    start: Vec<u8>,
    stream: Chain<Cursor<Vec<u8>>, &'r mut dyn Read>,
}

impl<'r> Peeked<'r> {
    fn new(stream: &'r mut dyn Read) -> Result<Peeked<'r>, Problem> {
        let mut start = Vec::new();
        (&mut *stream).take(START).read_to_end(&mut start)?;
        Ok(Peeked { stream: Cursor::new(start.clone()).chain(stream), start })
    }

    fn is_tar(&self) -> bool {
        self.start.get(257..262) == Some(b"ustar")
    }
}

/// The kernels in a file.
pub(super) fn kernels(file: &mut dyn Read) -> Result<Vec<Member>, Problem> {
    kernels_below(file, MOST_LAYERS)
}

fn kernels_below(stream: &mut dyn Read, layers: u32) -> Result<Vec<Member>, Problem> {
    let mut peeked = Peeked::new(stream)?;
    if deb::is_deb(&peeked.start) {
        return deb::read(&mut peeked.stream);
    }
    if rpm::is_rpm(&peeked.start) {
        return rpm::read(&mut peeked.stream);
    }
    if peeked.is_tar() {
        return members::all_of_tar(&mut peeked.stream);
    }
    match Format::of(&peeked.start) {
        Some(format) if layers > 0 => {
            kernels_below(&mut format.unpack(BufReader::new(peeked.stream))?, layers - 1)
        }
        _ => Ok(vec![Member::whole(innermost(peeked)?)]),
    }
}

/// Shows the modules in a package or an archive: the path of each, and the module unpacked.
pub(super) fn modules(
    file: &mut dyn Read,
    show: &mut dyn FnMut(&str, Vec<u8>),
) -> Result<(), Problem> {
    let mut peeked = Peeked::new(file)?;
    let look_at = |path: &str, content: &mut dyn Read| {
        if Role::of(path.rsplit('/').next().unwrap_or(path)) == Role::Module {
            show(path, unpacked(content)?);
        }
        Ok(ControlFlow::Continue(()))
    };
    if deb::is_deb(&peeked.start) {
        return deb::with_files(&mut peeked.stream, |files, _| members::tar(files, look_at));
    }
    if rpm::is_rpm(&peeked.start) {
        return rpm::with_files(&mut peeked.stream, |files| members::cpio(files, look_at));
    }
    if peeked.is_tar() {
        return members::tar(&mut peeked.stream, look_at);
    }
    match Format::of(&peeked.start) {
        Some(format) => members::tar(&mut format.unpack(BufReader::new(peeked.stream))?, look_at),
        None => Ok(()),
    }
}

fn unpacked(content: &mut dyn Read) -> Result<Vec<u8>, Problem> {
    let peeked = Peeked::new(content)?;
    let mut bytes = Vec::new();
    match Format::of(&peeked.start) {
        Some(format) => {
            let unpacked = format.unpack(BufReader::new(peeked.stream))?;
            unpacked.take(LARGEST_IMAGE).read_to_end(&mut bytes)?;
        }
        None => drop(peeked.stream.take(LARGEST_IMAGE).read_to_end(&mut bytes)?),
    }
    Ok(bytes)
}

/// The kernel in a file of an archive.
pub(super) fn kernel(stream: &mut dyn Read) -> Result<Extract, Problem> {
    kernel_below(stream, MOST_LAYERS)
}

fn kernel_below(stream: &mut dyn Read, layers: u32) -> Result<Extract, Problem> {
    let peeked = Peeked::new(stream)?;
    match Format::of(&peeked.start) {
        Some(format) if layers > 0 => {
            kernel_below(&mut format.unpack(BufReader::new(peeked.stream))?, layers - 1)
        }
        _ => innermost(peeked),
    }
}

fn innermost(peeked: Peeked<'_>) -> Result<Extract, Problem> {
    let Peeked { start, stream } = peeked;
    if Extract::is_types(&start) {
        Extract::read_types(stream)
    } else if start.starts_with(elf::MAGIC) || image::is_flat(&start) {
        scan(stream)
    } else if image::is_image(&start) {
        let mut image = Vec::new();
        stream.take(LARGEST_IMAGE).read_to_end(&mut image)?;
        image::read(&image)
    } else if members::is_cpio(&start) {
        Err(Problem::Initrd)
    } else {
        Err(Problem::NotAKernel)
    }
}
