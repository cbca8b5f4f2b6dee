//! A kernel as a stream of bytes: finds the types in it by what they look like, and what stands before
//! them. So an image needs to be unpacked only up to there, and has to be no ELF file (arm64's isn't).
//!
//! Kernels have their constants, which hold the banner and the configuration, before their types
//! (`RO_DATA` of `include/asm-generic/vmlinux.lds.h`).

use std::io::Read;

use memchr::memmem;

use super::LARGEST_BTF;
use super::config;
use super::elf;
use super::error::Problem;
use super::extract::Extract;
use super::release::Banner;

/// BTF's magic number, its version 1, and no flags.
const BTF: &[u8] = &[0x9f, 0xeb, 1, 0];
/// A name in the types of every kernel and, of other types that a kernel carries along (those of
/// eBPF programs that are built in), in none.
const TASK: &[u8] = b"\0task_struct\0";
/// What `e_machine` says of an eBPF object.
const EBPF: [u8; 2] = [247, 0];
/// Bytes read at once.
const STEP: u64 = 1 << 20;
/// Types come within the first 100 MB of the greatest kernels; what has none in this many is none.
const LARGEST: usize = 256 << 20;

/// Reads a kernel's stream up to the end of its types.
pub(super) fn scan(mut stream: impl Read) -> Result<Extract, Problem> {
    let mut data = Vec::new();
    let mut searched = 0;
    loop {
        let before = data.len();
        let result = stream.by_ref().take(STEP).read_to_end(&mut data);
        let ended = result.is_err() || data.len() == before;
        if before == 0 {
            refuse_unlinked(&data)?;
        }
        match find(&data, searched, ended) {
            Search::Found { start, end } => {
                let banner = Banner::find(&data[..start]);
                let config = config::find(&data[..start]);
                data.truncate(end);
                return Extract::new(data.split_off(start), banner, config);
            }
            Search::NotBefore(position) => searched = position,
        }
        result?;
        if ended {
            let is_kernel = Banner::find(&data).is_some();
            return Err(if is_kernel { Problem::NoTypes } else { Problem::NotAKernel });
        }
        if data.len() > LARGEST {
            return Err(Problem::TooLarge("it goes on for 256 MiB without types"));
        }
    }
}

/// Files that hold types and are not linked are tempting and wrong.
fn refuse_unlinked(start: &[u8]) -> Result<(), Problem> {
    // An ELF file's `e_type` is 1 if it isn't linked.
    match (start.starts_with(elf::MAGIC), start.get(16..18), start.get(18..20)) {
        (true, Some([1, 0]), Some(machine)) if machine == EBPF => Err(Problem::EbpfObject),
        (true, Some([1, 0]), _) => Err(Problem::Module),
        _ => Ok(()),
    }
}

enum Search {
    Found {
        start: usize,
        end: usize,
    },
    /// There are none that begin before this position.
    NotBefore(usize),
}

/// Finds a kernel's types from a position on. Unless the data has `ended`, more of it may come.
fn find(data: &[u8], from: usize, ended: bool) -> Search {
    for at in memmem::find_iter(&data[from..], BTF).map(|at| from + at) {
        let size = match extent(&data[at..]) {
            Extent::Bytes(size) => Some(size),
            Extent::CutOff => None,
            Extent::Nonsense => continue,
        };
        match size.and_then(|size| data.get(at..at + size)) {
            Some(types) if memmem::find(types, TASK).is_some() => {
                return Search::Found { start: at, end: at + types.len() };
            }
            None if !ended => return Search::NotBefore(at),
            _ => {}
        }
    }
    Search::NotBefore(data.len().saturating_sub(BTF.len() - 1).max(from))
}

/// How far BTF goes, by its header.
enum Extent {
    Bytes(usize),
    /// There is too little of the header to tell.
    CutOff,
    /// It is no header.
    Nonsense,
}

fn extent(data: &[u8]) -> Extent {
    let word = |index: usize| {
        let bytes = data.get(4 * index..4 * index + 4)?.try_into().ok()?;
        Some(u64::from(u32::from_le_bytes(bytes)))
    };
    // `struct btf_header`: its size, then offsets and lengths of the types, the strings and, where the
    // header is long enough, the layouts.
    let Some(header) = word(1) else { return Extent::CutOff };
    let parts = match header {
        24 => 2,
        32 => 3,
        _ => return Extent::Nonsense,
    };
    let mut end = 0;
    for part in 0..parts {
        match (word(2 + 2 * part), word(3 + 2 * part)) {
            (Some(offset), Some(length)) => end = end.max(header + offset + length),
            _ => return Extent::CutOff,
        }
    }
    if end > LARGEST_BTF { Extent::Nonsense } else { Extent::Bytes(end as usize) }
}
