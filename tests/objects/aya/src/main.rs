//! An object as people make them with Rust and aya-ebpf: maps of the old kind (a `maps` section of
//! plain structures, without types) beside one described by types, a global variable, a tail call, and
//! a function that programs share.
#![no_std]
#![no_main]

use aya_ebpf::macros::{btf_map, map, raw_tracepoint, tracepoint};
use aya_ebpf::maps::{HashMap, ProgramArray};
use aya_ebpf::programs::{RawTracePointContext, TracePointContext};
use aya_ebpf::{EbpfContext, btf_maps};

/// The system call that is counted; set by whoever loads the object.
#[unsafe(no_mangle)]
static WANTED: u64 = 0;

/// Calls by process, seen at the tracepoint `raw_syscalls/sys_enter`.
#[map]
static CALLS: HashMap<u32, u64> = HashMap::with_max_entries(1024, 0);

/// The same, seen at the raw tracepoint by the handler in slot 0.
#[btf_map]
static HANDLED: btf_maps::HashMap<u32, u64, 1024> = btf_maps::HashMap::new();

/// Calls that found no handler in slot 0.
#[map]
static MISSED: HashMap<u32, u64> = HashMap::with_max_entries(1024, 0);

#[map]
static HANDLERS: ProgramArray = ProgramArray::with_max_entries(4, 0);

#[tracepoint]
pub fn count_calls(context: TracePointContext) -> u32 {
    // After the common fields: `long id`.
    if let Ok(number) = unsafe { context.read_at::<u64>(8) }
        && is_wanted(number)
    {
        count(&CALLS, context.tgid());
    }
    0
}

#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn dispatch(context: RawTracePointContext) -> i32 {
    if is_wanted(context.arg(1)) {
        unsafe { HANDLERS.tail_call(&context, 0) };
        count(&MISSED, context.tgid());
    }
    0
}

#[raw_tracepoint(tracepoint = "sys_enter")]
pub fn handler(context: RawTracePointContext) -> i32 {
    let process = context.tgid();
    match HANDLED.get_ptr_mut(process) {
        Some(calls) => unsafe { *calls += 1 },
        None => {
            let _ = HANDLED.insert(process, 1_u64, 0);
        }
    }
    0
}

fn is_wanted(number: u64) -> bool {
    // What stands there is decided when the object is loaded.
    let wanted = unsafe { core::ptr::read_volatile(&raw const WANTED) };
    number == wanted
}

#[inline(never)]
fn count(map: &HashMap<u32, u64>, process: u32) {
    match map.get_ptr_mut(process) {
        // One process, one thread: nobody else has this entry.
        Some(calls) => unsafe { *calls += 1 },
        None => {
            let _ = map.insert(process, 1, 0);
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
