//! Kernels that never ran, small enough to be read.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use object::write::{Object, StandardSegment};
use object::{Architecture, BinaryFormat, Endianness, SectionKind};

/// What eBPF objects are for.
pub const EBPF: Architecture = Architecture::Bpf;
/// What a kernel says of itself.
pub const BANNER: &str =
    "Linux version 6.1.0-18-amd64 (who@where) (gcc 12) #1 SMP Debian 6.1.76-1\n";

/// Names of types, in the order of their places.
pub const NAMES: &[u8] = b"\0task_struct\0desc_ptr\0";

/// Types of an x86-64 kernel: two structures with nothing in them.
pub fn types() -> Vec<u8> {
    let structures = [1_u32, 4 << 24, 0, 13, 4 << 24, 10].map(u32::to_le_bytes).concat();
    let length = structures.len() as u32;
    let header = [24, 0, length, length, NAMES.len() as u32].map(u32::to_le_bytes).concat();
    [&[0x9f, 0xeb, 1, 0][..], &header, &structures, NAMES].concat()
}

/// A linked file of some sections.
pub struct Vmlinux {
    pub sections: Vec<(&'static str, Vec<u8>)>,
    pub architecture: Architecture,
    /// `e_type`: 2 is a linked program, 1 a relocatable file.
    pub elf_type: u16,
}

impl Vmlinux {
    /// A kernel with a banner and types.
    pub fn new() -> Vmlinux {
        let constants = [b"\0\0constants", BANNER.as_bytes(), b"\0more"].concat();
        Vmlinux {
            sections: vec![(".rodata", constants), (".BTF", types())],
            architecture: Architecture::X86_64,
            elf_type: 2,
        }
    }

    pub fn without(mut self, name: &str) -> Vmlinux {
        self.sections.retain(|(section, _)| *section != name);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut elf = Object::new(BinaryFormat::Elf, self.architecture, Endianness::Little);
        for (name, data) in &self.sections {
            let segment = elf.segment_name(StandardSegment::Data).to_vec();
            let kind = SectionKind::ReadOnlyData;
            let id = elf.add_section(segment, name.as_bytes().to_vec(), kind);
            elf.append_section_data(id, data, 1);
        }
        let mut bytes = elf.write().expect("the sections are plain");
        bytes[16..18].copy_from_slice(&self.elf_type.to_le_bytes());
        bytes
    }
}

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(data).expect("memory takes it");
    packed.finish().expect("memory takes it")
}
