//! Kernels that never ran, small enough to be read.

use object::write::{Object, StandardSegment};
use object::{Architecture, BinaryFormat, Endianness, SectionKind};

/// What eBPF objects are for.
pub const EBPF: Architecture = Architecture::Bpf;
/// What a kernel says of itself.
pub const BANNER: &str =
    "Linux version 6.1.0-18-amd64 (who@where) (gcc 12) #1 SMP Debian 6.1.76-1\n";

/// Types of an x86-64 kernel: `struct desc_ptr`, with nothing in it.
pub fn types() -> Vec<u8> {
    let names = b"\0desc_ptr\0";
    let structure = [1_u32, 4 << 24, 10].map(u32::to_le_bytes).concat();
    let header = [24, 0, structure.len() as u32, structure.len() as u32, names.len() as u32];
    let start = [0x9f, 0xeb, 1, 0];
    [&start[..], &header.map(u32::to_le_bytes).concat(), &structure, names].concat()
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
