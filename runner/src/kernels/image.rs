//! Boot images: a small program around a compressed kernel.
//!
//! Where the payload lies is said by the header of x86's bzImage (`Documentation/arch/x86/boot.rst`)
//! and of EFI's zboot images (`drivers/firmware/efi/libstub/zboot-header.S`). Others are searched.

use std::io::Read;

use memchr::memmem;

use super::compression::Format;
use super::elf;
use super::error::Problem;
use super::extract::Extract;
use super::release::Banner;
use super::scan::scan;

/// Most places that are tried in an image whose header says nothing.
const MOST_TRIES: usize = 64;

/// Whether a file that begins so is a boot image: an EFI program, or for BIOSes only.
pub(super) fn is_image(start: &[u8]) -> bool {
    start.starts_with(b"MZ") || start.get(0x202..0x206) == Some(b"HdrS")
}

/// Whether a file that begins so is a kernel for arm64 as it lies in memory
/// (`Documentation/arch/arm64/booting.rst`).
pub(super) fn is_flat(start: &[u8]) -> bool {
    start.get(56..60) == Some(b"ARM\x64")
}

/// Reads the kernel in a boot image.
pub(super) fn read(image: &[u8]) -> Result<Extract, Problem> {
    if let Some(payload) = bz_image(image).or_else(|| zboot(image)) {
        let format = Format::of(payload).ok_or_else(|| {
            Problem::Damaged("its header leads to nothing that is compressed".to_owned())
        })?;
        // The build appends the unpacked size where the format doesn't have it. Only this format
        // has no end of its own and would take it for data.
        let payload = match format {
            Format::Lz4Legacy => &payload[..payload.len().saturating_sub(4)],
            _ => payload,
        };
        let mut extract = scan(format.unpack(payload)?)?;
        extract.banner = extract.banner.or_else(|| bz_image_banner(image));
        return Ok(extract);
    }
    search(image)
}

/// The payload that a bzImage's setup header names, since boot protocol 2.08.
fn bz_image(image: &[u8]) -> Option<&[u8]> {
    if !has_setup_header(image) || u16_at(image, 0x206)? < 0x208 {
        return None;
    }
    // The sectors of the setup code, and the boot sector before them.
    let setup = (usize::from(*image.get(0x1f1)?) + 1) * 512;
    let start = setup.checked_add(u32_at(image, 0x248)?)?;
    image.get(start..start.checked_add(u32_at(image, 0x24c)?)?)
}

/// What a bzImage says of its kernel.
fn bz_image_banner(image: &[u8]) -> Option<Banner> {
    if !has_setup_header(image) {
        return None;
    }
    let text = image.get(usize::from(u16_at(image, 0x20e)?) + 0x200..)?;
    let text = text.split(|&byte| byte == 0).next()?;
    Banner::read(str::from_utf8(text).ok()?)
}

fn has_setup_header(image: &[u8]) -> bool {
    image.get(0x202..0x206) == Some(b"HdrS")
}

/// The payload of a zboot image.
fn zboot(image: &[u8]) -> Option<&[u8]> {
    if image.get(4..8) != Some(b"zimg") {
        return None;
    }
    let start = u32_at(image, 8)?;
    image.get(start..start.checked_add(u32_at(image, 12)?)?)
}

/// Looks for a compressed kernel anywhere: unified kernel images hold a whole bzImage or zboot image.
fn search(image: &[u8]) -> Result<Extract, Problem> {
    let mut places: Vec<usize> =
        Format::distinct_magic().flat_map(|magic| memmem::find_iter(image, magic)).collect();
    places.sort_unstable();
    for place in places.into_iter().take(MOST_TRIES) {
        let packed = &image[place..];
        let Some(format) = Format::of(packed) else { continue };
        let Ok(mut stream) = format.unpack(packed) else { continue };
        let mut start = [0; 64];
        if stream.read_exact(&mut start).is_err()
            || !(start.starts_with(elf::MAGIC) || is_flat(&start))
        {
            continue;
        }
        match scan(start.chain(stream)) {
            Err(Problem::NotAKernel | Problem::Damaged(_)) => {}
            other => return other,
        }
    }
    Err(Problem::NoPayload)
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

fn u32_at(data: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(*data.get(at..)?.first_chunk()?) as usize)
}
