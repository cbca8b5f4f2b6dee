//! Running programs without attaching them.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::kernel::sys::abi::TestRunAttr;
use crate::kernel::sys::{
    CheckedMap, MapRequest, ProgramRequest, bpf, map_create, map_lookup, map_update, pointer,
    prog_load, raw,
};
use crate::object::MapType;

const BPF_PROG_TEST_RUN: c_int = 10;
const PROG_TYPE_RAW_TRACEPOINT: u32 = 17;

/// Words of a raw tracepoint's context (`MAX_BPF_FUNC_ARGS`).
pub const CONTEXT_WORDS: usize = 12;

/// Runs a raw tracepoint's program once, here and now, and gives what it returns. Its tail calls are
/// followed.
///
/// The context is always a whole one: the kernel asks for as many words as the program reads, but
/// not for those that a program reads which is tail-called.
///
/// # Errors
/// ENOTSUPP (524) for other programs, and for these before Linux 5.10.
pub fn raw_tracepoint_run(
    program: BorrowedFd<'_>,
    context: &[u64; CONTEXT_WORDS],
) -> io::Result<u32> {
    let bytes: Vec<u8> = context.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let mut attr = TestRunAttr {
        prog_fd: raw(program),
        ctx_size_in: u32::try_from(bytes.len()).map_err(io::Error::other)?,
        ctx_in: pointer(&bytes),
        ..TestRunAttr::default()
    };
    bpf(BPF_PROG_TEST_RUN, &mut attr)?;
    Ok(attr.retval)
}

/// Bytes in the kernel's own memory, for as long as this lives.
pub struct KernelBytes {
    _map: OwnedFd,
    address: u64,
}

impl KernelBytes {
    /// Puts bytes there: into an array map, whose value a program of two instructions says the
    /// address of.
    ///
    /// # Errors
    /// EPERM, or EACCES with a refusal by the verifier, without CAP_BPF and CAP_PERFMON.
    pub fn new(bytes: &[u8]) -> io::Result<KernelBytes> {
        let size = bytes.len().next_multiple_of(8);
        let value_size = u32::try_from(size + 8).map_err(io::Error::other)?;
        let request = MapRequest {
            map_type: MapType::ARRAY.0,
            key_size: 4,
            value_size,
            max_entries: 1,
            name: "test_memory",
            ..MapRequest::default()
        };
        let map = map_create(&request)?;
        let checked = CheckedMap::new(map.as_fd())?;
        let mut value = bytes.to_vec();
        value.resize(size + 8, 0);
        map_update(&checked, &[0; 4], &value)?;
        let instructions =
            tell_address(map.as_raw_fd(), i16::try_from(size).map_err(io::Error::other)?);
        let request = ProgramRequest {
            program_type: PROG_TYPE_RAW_TRACEPOINT,
            license: c"GPL",
            instructions: &instructions,
            ..ProgramRequest::default()
        };
        let program = prog_load(&request).map_err(|refusal| refusal.error)?;
        raw_tracepoint_run(program.as_fd(), &[0; CONTEXT_WORDS])?;
        map_lookup(&checked, &[0; 4], &mut value)?;
        let address = value[size..].try_into().map(u64::from_ne_bytes).map_err(io::Error::other)?;
        Ok(KernelBytes { _map: map, address })
    }

    /// Where they are.
    pub fn address(&self) -> u64 {
        self.address
    }
}

/// r1 = the value of the array's only entry; *(u64 *)(r1 + offset) = r1; r0 = 0; exit
fn tell_address(map: i32, offset: i16) -> Vec<u8> {
    const PSEUDO_MAP_VALUE: u8 = 2;
    let instruction = |opcode: u8, registers: u8, offset: i16, immediate: i32| {
        let [low, high] = offset.to_ne_bytes();
        let [a, b, c, d] = immediate.to_ne_bytes();
        [opcode, registers, low, high, a, b, c, d]
    };
    [
        instruction(0x18, 1 | PSEUDO_MAP_VALUE << 4, 0, map),
        instruction(0, 0, 0, 0),
        instruction(0x7b, 1 | 1 << 4, offset, 0),
        instruction(0xb7, 0, 0, 0),
        instruction(0x95, 0, 0, 0),
    ]
    .concat()
}
