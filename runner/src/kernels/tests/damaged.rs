//! Files that were cut off, flipped, or made to hurt.

use std::fs;
use std::io::{self, Read};

use flate2::Compression;
use flate2::read::GzEncoder;

use super::{Vmlinux, elf, made};
use crate::kernels::contents;
use crate::kernels::error::Problem;
use crate::kernels::members::Member;

const FILES: [&str; 26] = [
    "vmlinux.gz",
    "vmlinux.xz",
    "vmlinux.lzma",
    "vmlinux.bz2",
    "vmlinux.zst",
    "vmlinux.lz4",
    "vmlinuz-gz",
    "vmlinuz-xz",
    "vmlinuz-lzma",
    "vmlinuz-bz2",
    "vmlinuz-zst",
    "vmlinuz-lz4",
    "vmlinuz-lzo",
    "vmlinuz-no-types",
    "unified.efi",
    "Image",
    "Image.gz",
    "vmlinuz.efi",
    "image-xz.deb",
    "image-gzip.deb",
    "image-zstd.deb",
    "meta.deb",
    "core-zstdio.rpm",
    "5.4.0-1009-test.btf.tar.xz",
    "fleet.btf.tar.gz",
    "initrd.img",
];

fn read(bytes: &[u8]) -> Result<Vec<Member>, Problem> {
    contents::kernels(&mut &*bytes)
}

/// Places in a file: those of lz4's old form are few, since its decoder sets 16 MB aside each time.
fn places(name: &str, length: usize) -> impl Iterator<Item = usize> {
    let places = if name.contains("lz4") { 16 } else { 400 };
    (0..length).step_by(length.div_ceil(places))
}

#[test]
fn damaged_elf_files_are_refused_or_read_and_never_more() {
    let whole = Vmlinux::new().bytes();
    for at in 0..whole.len() {
        for flip in [0xff, 0x01, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            // Either answer is fine.
            let _ = elf::read(&*bytes);
        }
        assert!(elf::read(&whole[..at]).is_err(), "{at} of {} bytes", whole.len());
    }
}

#[test]
fn damaged_files_are_refused_or_read_and_never_more() {
    for name in FILES {
        let whole = fs::read(made(name)).expect("it is committed");
        for at in places(name, whole.len()) {
            for flip in [0xff, 0x01, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                // Either answer is fine.
                let _ = read(&bytes);
            }
        }
    }
}

#[test]
fn files_that_are_cut_off_are_no_kernels() {
    for name in FILES {
        let whole = fs::read(made(name)).expect("it is committed");
        let is_kernel = read(&whole).is_ok();
        let mut enough = false;
        for length in places(name, whole.len()) {
            let result = read(&whole[..length]);
            // Nothing is looked at beyond a kernel's types, but an archive has several.
            assert!(!enough || result.is_ok() || name.contains("fleet"), "{name}: {length} bytes");
            enough = result.is_ok();
            assert!(!enough || is_kernel && length > whole.len() / 8, "{name}: {length} bytes");
        }
    }
}

/// A kernel without types that unpacks to a thousand times its size.
#[test]
fn what_never_ends_is_given_up() {
    let start = Vmlinux::new().without(".BTF").bytes();
    let endless = (&*start).chain(io::repeat(0)).take(300 << 20);
    let mut packed = GzEncoder::new(endless, Compression::fast());
    let told = match contents::kernels(&mut packed) {
        Err(problem) => problem.to_string(),
        Ok(kernels) => panic!("{kernels:?}"),
    };
    assert!(told.contains("256 MiB"), "{told}");
}
