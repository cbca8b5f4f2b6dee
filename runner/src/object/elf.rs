//! The ELF file behind an object: its sections, symbols and relocations as plain data.
//!
//! The only place that knows the ELF crate. What is returned lies inside the file, doesn't overlap
//! and refers to nothing that isn't there, so that work on it is bounded by the file's size.

use object::elf::{
    EM_386, EM_AARCH64, EM_ARM, EM_BPF, EM_RISCV, EM_X86_64, ET_REL, FileHeader64, SHF_EXECINSTR,
    SHF_MERGE, SHT_NOBITS, SHT_NULL, SHT_REL, SHT_SYMTAB, STB_LOCAL, STB_WEAK, STT_FUNC,
    STT_NOTYPE, STT_OBJECT, STT_SECTION, STV_HIDDEN, STV_INTERNAL,
};
use object::read::elf::{FileHeader, SectionHeader, Sym};
use object::{LittleEndian, SectionIndex};

use super::error::ObjectError;

/// Longer names are not looked at to the end: no symbol has them, and endless ones would be slow.
const MAX_NAME: usize = 4096;

/// Size of the header of a 64-bit ELF file.
const HEADER_SIZE: usize = 64;
/// Size of an entry of the section table.
const SECTION_HEADER_SIZE: u64 = 64;

/// An object file's parts.
pub(super) struct Elf<'a> {
    /// By ELF section index; the first is a placeholder.
    pub(super) sections: Vec<Section<'a>>,
    /// By ELF symbol index; the first is a placeholder.
    pub(super) symbols: Vec<Symbol<'a>>,
}

/// A section.
pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    /// `SHF_EXECINSTR`: it holds instructions.
    pub(super) executable: bool,
    /// `SHF_MERGE`: constants that the compiler made, not variables.
    pub(super) mergeable: bool,
    /// `SHT_NOBITS`: all zero, and no bytes in the file.
    pub(super) zeroed: bool,
    /// Size in bytes, of zeroed sections too.
    pub(super) size: u64,
    /// Its bytes in the file.
    pub(super) bytes: &'a [u8],
    /// Its relocations by ascending offset.
    pub(super) relocations: Vec<Relocation>,
}

/// A symbol.
pub(super) struct Symbol<'a> {
    pub(super) name: &'a str,
    pub(super) kind: SymbolKind,
    /// Not visible outside of the file (`static`).
    pub(super) local: bool,
    /// May be missing, or be replaced by another of the name (`__weak`).
    pub(super) weak: bool,
    /// Global in the source and not meant to be seen outside of the file (`__hidden`).
    pub(super) hidden: bool,
    pub(super) place: Place,
    /// Offset in its section.
    pub(super) value: u64,
    pub(super) size: u64,
}

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SymbolKind {
    Function,
    Data,
    Section,
    /// No type: undefined symbols, labels, and variables of old compilers.
    Unspecified,
    Other,
}

/// Where a symbol is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the section of that index, which exists.
    Section(usize),
    /// Somewhere else.
    Undefined,
    /// In no section: an absolute number or something rarer.
    Nowhere,
}

/// A place in a section that depends on where a symbol ends up.
#[derive(Clone, Copy)]
pub(super) struct Relocation {
    /// Offset in the section, in bytes.
    pub(super) offset: u64,
    /// Index of the symbol, which exists.
    pub(super) symbol: usize,
}

impl<'a> Elf<'a> {
    pub(super) fn read(data: &'a [u8]) -> Result<Elf<'a>, ObjectError> {
        check_identity(data)?;
        let header = FileHeader64::<LittleEndian>::parse(data).map_err(damaged)?;
        let endian = LittleEndian;
        if header.e_machine(endian) != EM_BPF {
            return Err(ObjectError::OtherMachine {
                machine: machine_name(header.e_machine(endian).0),
            });
        }
        if header.e_type(endian) != ET_REL {
            return Err(ObjectError::NotRelocatable);
        }
        let table_end = header
            .e_shoff(endian)
            .saturating_add(u64::from(header.e_shnum(endian)) * SECTION_HEADER_SIZE);
        if table_end > data.len() as u64 {
            return Err(ObjectError::Damaged {
                what: format!(
                    "its section table ends at byte {table_end}, the file at byte {}",
                    data.len()
                ),
            });
        }
        let headers = header.section_headers(endian, data).map_err(damaged)?;
        let names = match headers.is_empty() {
            true => return Err(cut_off("it has no sections")),
            false => {
                let index = header.shstrndx(endian, data).map_err(damaged)?;
                string_table(headers, index as usize, data)?
            }
        };

        let mut sections = Vec::with_capacity(headers.len());
        let mut total = 0u64;
        for section in headers {
            let kind = section.sh_type(endian);
            let bytes = match kind {
                SHT_NULL => &[][..],
                _ => section.data(endian, data).map_err(damaged)?,
            };
            total += bytes.len() as u64;
            let flags = section.sh_flags(endian).0;
            sections.push(Section {
                name: name_at(names, section.sh_name(endian))?,
                executable: flags & SHF_EXECINSTR.0 != 0,
                mergeable: flags & SHF_MERGE.0 != 0,
                zeroed: kind == SHT_NOBITS,
                size: section.sh_size(endian),
                bytes,
                relocations: Vec::new(),
            });
        }
        if total > data.len() as u64 {
            return Err(cut_off("its sections overlap"));
        }

        let symbols = read_symbols(headers, data)?;
        for header in headers {
            read_relocations(header, data, &mut sections, symbols.len())?;
        }
        for section in &mut sections {
            section.relocations.sort_by_key(|relocation| relocation.offset);
        }
        Ok(Elf { sections, symbols })
    }

    /// The first section of that name.
    pub(super) fn section(&self, name: &str) -> Option<&Section<'a>> {
        self.sections.iter().find(|section| section.name == name)
    }
}

impl Section<'_> {
    /// The relocations of the bytes from `start` up to `end`.
    pub(super) fn relocations_in(&self, start: u64, end: u64) -> &[Relocation] {
        let begin = self.relocations.partition_point(|relocation| relocation.offset < start);
        let rest = &self.relocations[begin..];
        &rest[..rest.partition_point(|relocation| relocation.offset < end)]
    }
}

type Header = object::elf::SectionHeader64<LittleEndian>;

fn read_symbols<'a>(headers: &[Header], data: &'a [u8]) -> Result<Vec<Symbol<'a>>, ObjectError> {
    let endian = LittleEndian;
    let Some(table) = headers.iter().find(|header| header.sh_type(endian) == SHT_SYMTAB) else {
        return Err(cut_off("it has no symbol table; strip it with `llvm-strip -g`, not more"));
    };
    let names = string_table(headers, table.link(endian).0, data)?;
    let symbols: &[object::elf::Sym64<LittleEndian>] =
        table.data_as_array(endian, data).map_err(damaged)?;
    symbols
        .iter()
        .map(|symbol| {
            let index = symbol.st_shndx(endian);
            let place = match index.index() {
                Some(index) if usize::from(index) < headers.len() => {
                    Place::Section(usize::from(index))
                }
                Some(_) => return Err(cut_off("a symbol's section is missing")),
                None if symbol.is_undefined(endian) => Place::Undefined,
                None => Place::Nowhere,
            };
            Ok(Symbol {
                name: name_at(names, symbol.st_name(endian))?,
                kind: match symbol.st_type() {
                    STT_FUNC => SymbolKind::Function,
                    STT_OBJECT => SymbolKind::Data,
                    STT_SECTION => SymbolKind::Section,
                    STT_NOTYPE => SymbolKind::Unspecified,
                    _ => SymbolKind::Other,
                },
                local: symbol.st_bind() == STB_LOCAL,
                weak: symbol.st_bind() == STB_WEAK,
                hidden: matches!(symbol.st_visibility(), STV_HIDDEN | STV_INTERNAL),
                place,
                value: symbol.st_value(endian),
                size: symbol.st_size(endian),
            })
        })
        .collect()
}

/// Adds the relocations of one section, if it holds some, to the section that they are for.
fn read_relocations(
    header: &Header,
    data: &[u8],
    sections: &mut [Section<'_>],
    symbols: usize,
) -> Result<(), ObjectError> {
    let endian = LittleEndian;
    if header.sh_type(endian) != SHT_REL {
        return Ok(());
    }
    let SectionIndex(target) = header.info_link(endian);
    let Some(target) = sections.get_mut(target) else {
        return Err(cut_off("relocations are for a section that is missing"));
    };
    let entries: &[object::elf::Rel64<LittleEndian>] =
        header.data_as_array(endian, data).map_err(damaged)?;
    for entry in entries {
        let symbol = entry.r_sym(endian) as usize;
        if symbol >= symbols {
            return Err(cut_off("a relocation's symbol is missing"));
        }
        target.relocations.push(Relocation { offset: entry.r_offset.get(endian), symbol });
    }
    Ok(())
}

fn string_table<'a>(
    headers: &[Header],
    index: usize,
    data: &'a [u8],
) -> Result<&'a [u8], ObjectError> {
    match headers.get(index) {
        Some(header) => header.data(LittleEndian, data).map_err(damaged),
        None => Err(cut_off("its names are missing")),
    }
}

fn name_at(table: &[u8], offset: u32) -> Result<&str, ObjectError> {
    let rest = table.get(offset as usize..).unwrap_or_default();
    let rest = &rest[..rest.len().min(MAX_NAME)];
    let name = rest.split(|&byte| byte == 0).next().unwrap_or_default();
    if offset != 0 && name.len() == rest.len() {
        return Err(cut_off("a name is missing"));
    }
    str::from_utf8(name).map_err(|_| cut_off("a name is not text"))
}

/// Tells files that are no 64-bit little-endian ELF files apart, by their first bytes.
fn check_identity(data: &[u8]) -> Result<(), ObjectError> {
    if data.is_empty() {
        return Err(ObjectError::Empty);
    }
    if !data.starts_with(b"\x7fELF") {
        return Err(ObjectError::NotElf { looks_like: describe(data) });
    }
    // Byte 4 is EI_CLASS (1: 32 bits, 2: 64), byte 5 EI_DATA (1: little-endian, 2: big-endian),
    // and the machine follows at byte 18 in the file's own byte order.
    let machine = data.get(18..20).unwrap_or_default();
    match (data.get(4), data.get(5), machine) {
        (Some(2), Some(1), _) if data.len() >= HEADER_SIZE => Ok(()),
        (Some(2), Some(1), _) => Err(cut_off("its header is incomplete")),
        (_, Some(2), &[0, 247]) => Err(ObjectError::BigEndian),
        (_, Some(1), &[low, high]) => Err(ObjectError::OtherMachine {
            machine: machine_name(u16::from_le_bytes([low, high])),
        }),
        (_, Some(2), &[high, low]) => Err(ObjectError::OtherMachine {
            machine: machine_name(u16::from_be_bytes([high, low])),
        }),
        _ => Err(cut_off("its header is incomplete")),
    }
}

/// What a file that isn't ELF seems to be.
fn describe(data: &[u8]) -> String {
    let known: [(&[u8], &str); 6] = [
        (b"BC\xc0\xde", "it is LLVM bitcode; finish it with `llc -march=bpf -filetype=obj`"),
        (b"!<arch>\n", "it is an archive of object files"),
        (b"\x1f\x8b", "it is compressed by gzip"),
        (b"\x28\xb5\x2f\xfd", "it is compressed by zstd"),
        (b"\xfd7zXZ\0", "it is compressed by xz"),
        (b"PK\x03\x04", "it is a zip archive"),
    ];
    if let Some((_, name)) = known.iter().find(|(magic, _)| data.starts_with(magic)) {
        return (*name).to_owned();
    }
    let line = data.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = &line[..line.len().min(40)];
    match str::from_utf8(line) {
        Ok(text) if !text.trim().is_empty() && !text.contains(char::is_control) => {
            format!("it is text that begins with `{}`", text.trim())
        }
        _ => {
            let first: Vec<String> = data.iter().take(4).map(|b| format!("{b:02x}")).collect();
            format!("it begins with the bytes {}", first.join(" "))
        }
    }
}

fn machine_name(machine: u16) -> String {
    let known = [
        (EM_386, "x86"),
        (EM_X86_64, "x86-64"),
        (EM_AARCH64, "arm64"),
        (EM_ARM, "arm"),
        (EM_RISCV, "RISC-V"),
        (EM_BPF, "32-bit BPF"),
    ];
    match known.iter().find(|(known, _)| known.0 == machine) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("machine {machine}"),
    }
}

fn damaged(error: object::read::Error) -> ObjectError {
    ObjectError::Damaged { what: error.to_string() }
}

fn cut_off(what: &str) -> ObjectError {
    ObjectError::Damaged { what: what.to_owned() }
}
