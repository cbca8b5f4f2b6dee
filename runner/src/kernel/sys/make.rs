//! The commands of bpf(2) that make maps, type information and programs, and what fills a map
//! before a program sees it.

use std::ffi::{CStr, c_int};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

use crate::kernel::sys::abi::{
    BtfLoadAttr, ElemAttr, MapCreateAttr, MapFdAttr, PathAttr, ProgLoadAttr,
};
use crate::kernel::sys::unpreempted::bpf_on_elements;
use crate::kernel::sys::{CheckedMap, bpf, bpf_fd, c_path, pointer, pointer_mut, raw};

const BPF_MAP_CREATE: c_int = 0;
const BPF_MAP_UPDATE_ELEM: c_int = 2;
const BPF_PROG_LOAD: c_int = 5;
const BPF_OBJ_PIN: c_int = 6;
const BPF_BTF_LOAD: c_int = 18;
const BPF_MAP_FREEZE: c_int = 22;

/// The flag without which the kernel doesn't look at a NUMA node.
const BPF_F_NUMA_NODE: u32 = 1 << 2;
/// Names are cut to 15 bytes and a NUL.
const NAME_SIZE: usize = 16;
/// The log's first size. Most refusals need less.
const FIRST_LOG: usize = 64 << 10;
/// A longer log is not read to its end: BTF_LOAD takes no larger buffer before Linux 5.16.
const LARGEST_LOG: usize = (16 << 20) - 1;
/// How often a load is repeated that a signal interrupted, as the kernel asks for by EAGAIN.
const ATTEMPTS: usize = 5;

/// What `BPF_MAP_CREATE` is to make.
#[derive(Clone, Copy, Default)]
pub struct MapRequest<'a> {
    /// `enum bpf_map_type`.
    pub map_type: u32,
    /// In bytes.
    pub key_size: u32,
    /// In bytes, of one CPU for per-CPU maps.
    pub value_size: u32,
    /// In entries, or bytes for ring buffers.
    pub max_entries: u32,
    /// `map_flags`.
    pub flags: u32,
    /// What the inner maps of a map of maps are like.
    pub inner: Option<BorrowedFd<'a>>,
    /// Where its memory is to be.
    pub numa_node: Option<u32>,
    /// `map_extra`, whose meaning depends on the type (Linux 5.16).
    pub extra: u64,
    /// What the kernel's lists call it.
    pub name: &'a str,
    /// The types of its keys and values.
    pub types: Option<MapTypes<'a>>,
}

/// The types of a map's keys and values, as ids in a BTF.
#[derive(Clone, Copy)]
pub struct MapTypes<'a> {
    /// The BTF.
    pub btf: BorrowedFd<'a>,
    /// The key's type; 0 for none.
    pub key: u32,
    /// The value's type.
    pub value: u32,
}

/// What `BPF_PROG_LOAD` is to verify.
#[derive(Clone, Copy, Default)]
pub struct ProgramRequest<'a> {
    /// `enum bpf_prog_type`.
    pub program_type: u32,
    /// `enum bpf_attach_type`.
    pub attach_type: u32,
    /// `prog_flags`.
    pub flags: u32,
    /// What the kernel's lists call it.
    pub name: &'a str,
    /// `GPL` and the like.
    pub license: &'a CStr,
    /// Instructions of 8 bytes.
    pub instructions: &'a [u8],
    /// The type of the kernel that it is verified for.
    pub target: Option<TargetType<'a>>,
    /// What says which types and source lines it has.
    pub debug: Option<DebugInfo<'a>>,
    /// Descriptors that instructions name by their index here.
    pub descriptors: &'a [RawFd],
}

/// A function, tracepoint or the like that a program is verified for.
#[derive(Clone, Copy)]
pub struct TargetType<'a> {
    /// The module's BTF; none for the kernel proper's.
    pub module: Option<BorrowedFd<'a>>,
    /// Its id there.
    pub id: u32,
}

/// A program's types: what `.BTF.ext` says about its instructions.
#[derive(Clone, Copy)]
pub struct DebugInfo<'a> {
    /// The object's BTF.
    pub btf: BorrowedFd<'a>,
    /// Which function begins where.
    pub functions: Records<'a>,
    /// Which source line begins where.
    pub lines: Records<'a>,
}

/// Records of one size.
#[derive(Clone, Copy, Default)]
pub struct Records<'a> {
    /// One after the other.
    pub bytes: &'a [u8],
    /// Size of one in bytes.
    pub size: u32,
}

/// The kernel's answer to something that it read and didn't like.
#[derive(Debug)]
pub struct Refusal {
    /// The error number.
    pub error: io::Error,
    /// What the verifier said; empty if it said nothing.
    pub log: String,
}

/// Makes a map.
pub fn map_create(request: &MapRequest<'_>) -> io::Result<OwnedFd> {
    let mut attr = MapCreateAttr {
        map_type: request.map_type,
        key_size: request.key_size,
        value_size: request.value_size,
        max_entries: request.max_entries,
        map_flags: request.flags,
        inner_map_fd: request.inner.map_or(0, raw),
        map_name: name(request.name),
        map_extra: request.extra,
        ..MapCreateAttr::default()
    };
    if let Some(node) = request.numa_node {
        attr.map_flags |= BPF_F_NUMA_NODE;
        attr.numa_node = node;
    }
    if let Some(types) = request.types {
        attr.btf_fd = raw(types.btf);
        attr.btf_key_type_id = types.key;
        attr.btf_value_type_id = types.value;
    }
    bpf_fd(BPF_MAP_CREATE, &mut attr)
}

/// Stores an element. `value` is as large as the kernel's copy of a value: for per-CPU maps that of
/// all possible CPUs.
///
/// # Errors
/// `InvalidInput` if a buffer is smaller than the kernel's.
pub fn map_update(map: &CheckedMap<'_>, key: &[u8], value: &[u8]) -> io::Result<()> {
    map.check_keys(key.len(), 1)?;
    map.check_values(value.len(), 1)?;
    let mut attr = ElemAttr {
        map_fd: raw(map.fd),
        key: pointer(key),
        value: pointer(value),
        ..ElemAttr::default()
    };
    bpf_on_elements(BPF_MAP_UPDATE_ELEM, &mut attr).map(drop)
}

/// Takes the right to change a map away from everybody but programs.
pub fn map_freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    bpf(BPF_MAP_FREEZE, &mut MapFdAttr { map_fd: raw(map) }).map(drop)
}

/// Pins a map, program or link.
pub fn obj_pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    let mut attr =
        PathAttr { pathname: path.as_ptr() as u64, bpf_fd: raw(object), ..PathAttr::default() };
    bpf(BPF_OBJ_PIN, &mut attr).map(drop)
}

/// Gives the kernel type information.
pub fn btf_load(btf: &[u8]) -> Result<OwnedFd, Refusal> {
    with_log(|log| {
        let mut attr = BtfLoadAttr {
            btf: pointer(btf),
            btf_size: u32::try_from(btf.len()).map_err(io::Error::other)?,
            ..BtfLoadAttr::default()
        };
        if !log.is_empty() {
            attr.btf_log_level = 1;
            attr.btf_log_size = u32::try_from(log.len()).map_err(io::Error::other)?;
            attr.btf_log_buf = pointer_mut(log);
        }
        bpf_fd(BPF_BTF_LOAD, &mut attr)
    })
}

/// Loads a program: the verifier looks at it. A log is asked for only when it refuses.
pub fn prog_load(request: &ProgramRequest<'_>) -> Result<OwnedFd, Refusal> {
    with_log(|log| {
        let mut attr = prog_load_attr(request)?;
        if !log.is_empty() {
            attr.log_level = 1;
            attr.log_size = u32::try_from(log.len()).map_err(io::Error::other)?;
            attr.log_buf = pointer_mut(log);
        }
        bpf_fd(BPF_PROG_LOAD, &mut attr)
    })
}

/// Loads the program `return 0`, to see whether the kernel accepts its kind.
pub fn load_trivial(program_type: u32, attach_type: u32, target: u32) -> io::Result<OwnedFd> {
    // r0 = 0; exit
    const RETURN_0: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
    let request = ProgramRequest {
        program_type,
        attach_type,
        license: c"GPL",
        instructions: &RETURN_0,
        target: (target != 0).then_some(TargetType { module: None, id: target }),
        ..ProgramRequest::default()
    };
    bpf_fd(BPF_PROG_LOAD, &mut prog_load_attr(&request)?)
}

/// Whether programs of this kernel can ask for the cookie of their attachment.
pub fn knows_cookies() -> bool {
    // call bpf_get_attach_cookie (174); r0 = 0; exit
    const ASK: [u8; 24] =
        [0x85, 0, 0, 0, 174, 0, 0, 0, 0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
    const PROG_TYPE_TRACEPOINT: u32 = 5;
    let request = ProgramRequest {
        program_type: PROG_TYPE_TRACEPOINT,
        license: c"GPL",
        instructions: &ASK,
        ..ProgramRequest::default()
    };
    prog_load_attr(&request).and_then(|mut attr| bpf_fd(BPF_PROG_LOAD, &mut attr)).is_ok()
}

fn prog_load_attr(request: &ProgramRequest<'_>) -> io::Result<ProgLoadAttr> {
    let mut attr = ProgLoadAttr {
        prog_type: request.program_type,
        insn_cnt: count(Records { bytes: request.instructions, size: 8 })?,
        insns: pointer(request.instructions),
        license: request.license.as_ptr() as u64,
        prog_flags: request.flags,
        prog_name: name(request.name),
        expected_attach_type: request.attach_type,
        ..ProgLoadAttr::default()
    };
    if let Some(target) = request.target {
        attr.attach_btf_id = target.id;
        attr.attach_btf_obj_fd = target.module.map_or(0, raw);
    }
    if let Some(debug) = request.debug {
        attr.prog_btf_fd = raw(debug.btf);
        attr.func_info_rec_size = debug.functions.size;
        attr.func_info = pointer(debug.functions.bytes);
        attr.func_info_cnt = count(debug.functions)?;
        attr.line_info_rec_size = debug.lines.size;
        attr.line_info = pointer(debug.lines.bytes);
        attr.line_info_cnt = count(debug.lines)?;
    }
    if !request.descriptors.is_empty() {
        attr.fd_array = request.descriptors.as_ptr() as u64;
    }
    Ok(attr)
}

/// How many records there are, without a rest.
fn count(records: Records<'_>) -> io::Result<u32> {
    let size = records.size as usize;
    match records.bytes.len().checked_div(size) {
        Some(count) if count * size == records.bytes.len() => {
            u32::try_from(count).map_err(io::Error::other)
        }
        None if records.bytes.is_empty() => Ok(0),
        _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    }
}

/// Calls once without a log and, if that fails, with one that is large enough.
fn with_log(mut call: impl FnMut(&mut [u8]) -> io::Result<OwnedFd>) -> Result<OwnedFd, Refusal> {
    let first = match patiently(&mut call, &mut []) {
        Ok(fd) => return Ok(fd),
        Err(error) => error,
    };
    let mut log = vec![0; FIRST_LOG];
    loop {
        match patiently(&mut call, &mut log) {
            Ok(fd) => return Ok(fd),
            Err(error) => {
                let is_cut = error.raw_os_error() == Some(libc::ENOSPC);
                if is_cut && log.len() < LARGEST_LOG {
                    log = vec![0; (log.len() * 16).min(LARGEST_LOG)];
                    continue;
                }
                // What the log says belongs to the second call; a cut log hides its error number.
                let error = if is_cut { first } else { error };
                return Err(Refusal { error, log: text(&log) });
            }
        }
    }
}

fn patiently(
    call: &mut impl FnMut(&mut [u8]) -> io::Result<OwnedFd>,
    log: &mut [u8],
) -> io::Result<OwnedFd> {
    for _ in 1..ATTEMPTS {
        match call(log) {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => {}
            result => return result,
        }
    }
    call(log)
}

/// The text before the first NUL.
fn text(log: &[u8]) -> String {
    let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
    String::from_utf8_lossy(&log[..end]).into_owned()
}

/// A name as the kernel takes it: letters, digits, `_` and `.`, cut to 15 bytes.
fn name(name: &str) -> [u8; NAME_SIZE] {
    let mut bytes = [0; NAME_SIZE];
    for (to, from) in bytes[..NAME_SIZE - 1].iter_mut().zip(name.bytes()) {
        let is_taken = from.is_ascii_alphanumeric() || matches!(from, b'_' | b'.');
        *to = if is_taken { from } else { b'_' };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{FIRST_LOG, LARGEST_LOG, Records, Refusal, count, name, with_log};

    #[test]
    fn names_fit() {
        assert_eq!(&name("get_rps_cpu"), b"get_rps_cpu\0\0\0\0\0");
        assert_eq!(&name("a-name.that_is_too_long"), b"a_name.that_is_\0");
    }

    #[test]
    fn a_rest_of_a_record_is_refused() {
        assert_eq!(count(Records { bytes: &[0; 24], size: 8 }).expect("three records"), 3);
        assert_eq!(count(Records::default()).expect("no records"), 0);
        assert!(count(Records { bytes: &[0; 9], size: 8 }).is_err());
        assert!(count(Records { bytes: &[0; 8], size: 0 }).is_err());
    }

    #[test]
    fn the_log_grows_until_it_holds_what_is_said() {
        let mut sizes = Vec::new();
        let result = with_log(|log| {
            sizes.push(log.len());
            if log.len() <= FIRST_LOG && !log.is_empty() {
                return Err(io::Error::from_raw_os_error(libc::ENOSPC));
            }
            log.iter_mut().zip(b"it is bad").for_each(|(to, from)| *to = *from);
            Err(io::Error::from_raw_os_error(libc::EACCES))
        });
        let Err(Refusal { error, log }) = result else { panic!("it was refused") };
        assert_eq!(error.raw_os_error(), Some(libc::EACCES));
        assert_eq!(log, "it is bad");
        assert_eq!(sizes, [0, FIRST_LOG, FIRST_LOG * 16]);
    }

    #[test]
    fn an_endless_log_ends() {
        let mut largest = 0;
        let result = with_log(|log| {
            largest = largest.max(log.len());
            let errno = if log.is_empty() { libc::EINVAL } else { libc::ENOSPC };
            Err(io::Error::from_raw_os_error(errno))
        });
        let Err(Refusal { error, .. }) = result else { panic!("it was refused") };
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        assert_eq!(largest, LARGEST_LOG);
    }
}
