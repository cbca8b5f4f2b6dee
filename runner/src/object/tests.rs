//! The inventory of real objects: the shipped programs, and `testdata` for what they don't have.

use super::{
    AttachType, ContextTouch, Inventory, Map, MapType, MapUse, ObjectError, Program, ProgramType,
    TailCall,
};
use crate::btf::{Layout, ScalarKind};

const FEATURES: &[u8] = include_bytes!("testdata/features.bpf.o");
const OLD_MAPS: &[u8] = include_bytes!("testdata/old-maps.bpf.o");
const AYA: &[u8] = include_bytes!("../../../tests/objects/aya/aya-probe.bpf.o");
const RPS: &[u8] = include_bytes!("../../../ebpf-programs/prebuilt/x86_64/rps.bpf.o");
const PAIRS: &[u8] = include_bytes!("../../../tests/objects/prebuilt/x86_64/pairs.bpf.o");
const SYSCALLS: &[u8] = include_bytes!("../../../ebpf-programs/prebuilt/x86_64/syscalls.bpf.o");

fn features() -> Inventory {
    Inventory::read(FEATURES).expect("a good object")
}

fn program<'a>(inventory: &'a Inventory, name: &str) -> &'a Program {
    let mut programs = inventory.programs.iter();
    programs.find(|program| program.name == name).expect(name)
}

fn map<'a>(inventory: &'a Inventory, name: &str) -> &'a Map {
    let mut maps = inventory.maps.iter();
    maps.find(|map| map.name == name).expect(name)
}

fn tail_call(map: &str, slot: Option<u32>) -> TailCall {
    TailCall { map: Some(map.to_owned()), slot }
}

#[test]
fn programs_are_functions_outside_of_text() {
    let inventory = features();
    let names: Vec<_> = inventory.programs.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["first", "dispatch", "second", "looping", "own_section"]);
    assert_eq!(inventory.license.as_deref(), Some("Dual MIT/GPL"));
    assert!(inventory.has_btf);
    assert_eq!(program(&inventory, "own_section").section.program_type, None);
    assert_eq!(program(&inventory, "own_section").instructions, 2);
    let looping = &program(&inventory, "looping").section;
    assert_eq!(looping.attach_type, AttachType::Other("trace_kprobe_multi"));
    assert_eq!(looping.target.as_deref(), Some("tcp_*"));
}

#[test]
fn programs_use_what_their_subprograms_use() {
    let inventory = features();
    let dispatch = program(&inventory, "dispatch");
    // `counts` and `hidden` are used by a static function, `hidden` is static itself.
    assert_eq!(dispatch.maps, ["handlers", "counts", "hidden"]);
    assert_eq!(dispatch.helpers, [1, 12]);
    // The last is called by a global function.
    assert_eq!(program(&inventory, "first").helpers, [5, 8, 130]);
    assert_eq!(program(&inventory, "first").maps, ["events"]);
}

#[test]
fn callbacks_count_as_subprograms() {
    let inventory = features();
    let looping = program(&inventory, "looping");
    assert_eq!(looping.helpers, [12, 181]);
    assert_eq!(looping.tail_calls, [tail_call("handlers", Some(5))]);
}

#[test]
fn tail_calls_name_their_slots() {
    let inventory = features();
    let slots = [Some(11), Some(12), None];
    assert_eq!(
        program(&inventory, "dispatch").tail_calls,
        slots.map(|slot| tail_call("handlers", slot))
    );
}

#[test]
fn core_relocations_are_counted_by_program() {
    let inventory = features();
    assert_eq!(program(&inventory, "looping").core_relocations, 2);
    assert_eq!(program(&inventory, "dispatch").core_relocations, 0);
}

#[test]
fn maps_have_the_attributes_of_their_types() {
    let inventory = features();
    let names: Vec<_> = inventory.maps.iter().map(|map| map.name.as_str()).collect();
    assert_eq!(names, ["handlers", "events", "counts", "hidden"]);

    let counts = map(&inventory, "counts");
    assert_eq!(counts.map_type, MapType::HASH);
    assert_eq!((counts.key_size, counts.value_size), (8, 8));
    assert_eq!((counts.max_entries, counts.flags), (1024, 1));
    assert!(counts.pin_by_name);
    assert!(matches!(&counts.key, Some(Layout::Struct { name, .. }) if name == "key"));

    let events = map(&inventory, "events");
    assert_eq!(events.map_type, MapType::RINGBUF);
    assert_eq!((events.key_size, events.value_size, events.max_entries), (0, 0, 4096));
    assert!(!events.pin_by_name);
}

#[test]
fn program_arrays_have_their_static_slots() {
    let inventory = features();
    let handlers = map(&inventory, "handlers");
    assert_eq!((handlers.key_size, handlers.value_size), (4, 4));
    let slots = [(59, "first"), (222, "second"), (223, "second")];
    assert_eq!(handlers.static_slots, slots.map(|(slot, name)| (slot, name.to_owned())));
}

#[test]
fn globals_have_places_values_and_types() {
    let inventory = features();
    let found: Vec<_> = inventory
        .globals
        .iter()
        .map(|global| (global.name.as_str(), global.section.as_str(), global.default.as_slice()))
        .collect();
    let table = [1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 3, 0, 0, 0];
    assert_eq!(
        found,
        [
            ("filter", ".rodata", &[7, 0, 0, 0][..]),
            ("colour", ".rodata", &[0xfb, 0xff, 0xff, 0xff]),
            ("step", ".rodata", &[3, 0]),
            ("table", ".data", &table),
            ("tag", ".data.tags", b"ab\0\0"),
            ("dispatch.calls", ".bss", &[0; 4]),
            ("total", ".bss", &[0; 8]),
        ]
    );
    for global in &inventory.globals {
        let layout = global.layout.as_ref().expect("every variable has a type");
        assert_eq!(layout.size(), global.size, "{}", global.name);
        assert_eq!(global.default.len(), global.size as usize);
    }
    let Some(Layout::Scalar(colour)) = &inventory.globals[1].layout else {
        panic!("not a scalar");
    };
    assert_eq!(colour.name, "enum colour");
    let values = [("RED".to_owned(), 0), ("GREEN".to_owned(), -5)];
    assert_eq!(colour.kind, ScalarKind::Enum(values.to_vec()));
}

#[test]
fn structures_are_found_by_tag() {
    let inventory = features();
    let (_, record) = inventory
        .structs
        .iter()
        .find(|(tag, _)| tag == "record")
        .expect("the map's value is of that type");
    let Layout::Struct { size, fields, .. } = record else {
        panic!("not a structure");
    };
    assert_eq!(*size, 72);
    let places: Vec<_> = fields.iter().map(|f| (f.name.as_str(), f.bit_offset / 8)).collect();
    let expected = [
        ("time", 0),
        ("bits", 8),
        ("", 40),
        ("pointer", 48),
        ("wide", 56),
        ("real", 64),
        ("path", 72),
    ];
    assert_eq!(places, expected);
    let Layout::Struct { fields, .. } = &fields[1].layout else {
        panic!("not a structure");
    };
    let widths: Vec<_> = fields.iter().map(|f| (f.bit_offset, f.bit_width)).collect();
    assert_eq!(widths[..3], [(0, Some(3)), (3, Some(5)), (8, Some(40))]);
}

#[test]
fn externs_are_what_the_kernel_must_have() {
    assert_eq!(features().externs, ["LINUX_KERNEL_VERSION", "bpf_rcu_read_lock"]);
}

#[test]
fn old_objects_need_no_btf() {
    let inventory = Inventory::read(OLD_MAPS).expect("a good object");
    assert!(!inventory.has_btf);
    let hello = program(&inventory, "hello");
    assert_eq!(hello.section.program_type, Some(ProgramType::Kprobe));
    assert_eq!(hello.maps, ["counts", "jumps"]);
    assert_eq!(hello.tail_calls, [tail_call("jumps", Some(2))]);
    let counts = map(&inventory, "counts");
    assert_eq!((counts.key_size, counts.value_size), (8, 16));
    assert_eq!((counts.max_entries, counts.flags), (100, 1));
    assert!(counts.pin_by_name && !map(&inventory, "jumps").pin_by_name);
    let [wanted] = &inventory.globals[..] else {
        panic!("one variable");
    };
    assert_eq!((wanted.name.as_str(), wanted.size, &wanted.layout), ("wanted", 4, &None));
    assert_eq!(wanted.default, [42, 0, 0, 0]);
}

/// aya-ebpf's maps are of the old kind, but for those that ask for types.
#[test]
fn objects_of_aya_have_maps_of_both_kinds() {
    let inventory = Inventory::read(AYA).expect("a good object");
    let names: Vec<&str> = inventory.maps.iter().map(|map| map.name.as_str()).collect();
    assert_eq!(names, ["CALLS", "HANDLERS", "MISSED", "HANDLED"]);
    for map in &inventory.maps {
        assert_eq!(map.value.is_some(), map.name == "HANDLED", "{}", map.name);
    }
    assert_eq!(map(&inventory, "HANDLERS").map_type, MapType::PROG_ARRAY);
    assert_eq!((map(&inventory, "CALLS").key_size, map(&inventory, "CALLS").value_size), (4, 8));
    assert_eq!(map(&inventory, "HANDLED").max_entries, 1024);
    let dispatch = program(&inventory, "dispatch");
    assert_eq!(dispatch.section.program_type, Some(ProgramType::RawTracepoint));
    assert_eq!(dispatch.section.target.as_deref(), Some("sys_enter"));
    assert_eq!(dispatch.tail_calls, [tail_call("HANDLERS", Some(0))]);
    assert_eq!(dispatch.maps, ["HANDLERS", "MISSED"]);
    let [wanted] = &inventory.globals[..] else {
        panic!("one variable");
    };
    assert_eq!((wanted.name.as_str(), wanted.size), ("WANTED", 8));
}

#[test]
fn shipped_programs_are_what_the_probes_name() {
    let rps = Inventory::read(RPS).expect("a good object");
    let fexit = program(&rps, "rps_fexit");
    assert_eq!(fexit.section.attach_type, AttachType::TraceFexit);
    assert_eq!(fexit.section.target.as_deref(), Some("get_rps_cpu"));
    assert!(fexit.core_relocations > 0);
    let record = map(&rps, "rps_record");
    assert_eq!((record.map_type, record.key_size), (MapType::HASH, 16));
    let globals: Vec<_> = rps.globals.iter().map(|global| global.name.as_str()).collect();
    assert!(globals.contains(&"count_all") && globals.contains(&"filter_ifindex"));

    let syscalls = Inventory::read(SYSCALLS).expect("a good object");
    assert_eq!(program(&syscalls, "dispatch").tail_calls, [tail_call("handlers", None)]);
    assert_eq!(map(&syscalls, "handlers").map_type, MapType::PROG_ARRAY);
    assert!(syscalls.structs.iter().any(|(tag, _)| tag == "syscall_event"));
}

#[test]
fn programs_tell_what_they_read_of_their_context() {
    let rps = Inventory::read(RPS).expect("a good object");
    let reads = |name: &str| -> Vec<(u32, bool)> {
        let context = &program(&rps, name).context;
        assert!(context.iter().all(|one| one.touch == ContextTouch::Read && !one.relocated));
        context.iter().map(|one| (one.offset, one.certain)).collect()
    };
    // Three arguments, the third unused, and the result.
    assert_eq!(reads("rps_fexit"), [(0, true), (8, true), (24, true)]);
    assert_eq!(program(&rps, "rps_fexit").context_end(), 32);
    // `struct pt_regs` of x86-64: si, di and sp; then ax and sp.
    assert_eq!(reads("rps_entry"), [(104, true), (112, true), (152, true)]);
    assert_eq!(reads("rps_return"), [(80, true), (152, true)]);

    // The context is handed to a subprogram here.
    let syscalls = Inventory::read(SYSCALLS).expect("a good object");
    assert_eq!(program(&syscalls, "dispatch").context_end(), 16);
}

#[test]
fn programs_tell_what_they_do_with_their_maps() {
    let rps = Inventory::read(RPS).expect("a good object");
    let pairs = Inventory::read(PAIRS).expect("a good object");
    let of_map = |object: &Inventory, name: &str, map: &str| -> Vec<(MapUse, u32)> {
        let calls = program(object, name).map_calls.iter();
        calls.filter(|call| call.map == map).map(|call| (call.usage, call.pid_bytes)).collect()
    };
    assert_eq!(of_map(&rps, "rps_entry", "rps_in_flight"), [(MapUse::Lookup, 0)]);
    let counted = [(MapUse::Lookup, 0), (MapUse::Update, 0)];
    assert_eq!(of_map(&rps, "rps_return", "rps_record"), counted);
    let taken = [(MapUse::Lookup, 0), (MapUse::Delete, 0)];
    assert_eq!(of_map(&pairs, "return_by_stack", "by_stack"), taken);
}

#[test]
fn programs_tell_how_much_stack_they_use() {
    let inventory = features();
    let stack = &program(&inventory, "dispatch").stack;
    assert!(stack.tail_calls && stack.before_tail_call.is_none(), "{stack:?}");
    assert_eq!(stack.deepest.functions[0], "dispatch");
    assert!(!program(&inventory, "first").stack.tail_calls);
}

#[test]
fn objects_may_lie_at_any_address() {
    let mut shifted = vec![0];
    shifted.extend(FEATURES);
    let inventory = Inventory::read(&shifted[1..]).expect("a good object");
    assert_eq!(inventory.programs.len(), features().programs.len());
}

fn message(bytes: &[u8]) -> String {
    match Inventory::read(bytes) {
        Ok(_) => panic!("this is not a good object"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn errors_say_what_a_file_is_instead() {
    let elf = |class, data, machine: [u8; 2]| {
        let mut bytes = FEATURES.to_vec();
        bytes[4] = class;
        bytes[5] = data;
        bytes[18..20].copy_from_slice(&machine);
        bytes
    };
    assert_eq!(message(b""), "the file is empty, not an eBPF object");
    assert_eq!(
        message(b"int main(void)\n{"),
        "not an ELF file: it is text that begins with `int main(void)`"
    );
    assert_eq!(
        message(&[1, 2, 0xff, 0xfe, 5]),
        "not an ELF file: it begins with the bytes 01 02 ff fe"
    );
    assert!(message(b"BC\xc0\xde5").contains("LLVM bitcode"));
    assert_eq!(
        message(&elf(2, 1, [62, 0])),
        "an ELF file for x86-64, not for BPF; compile it with `clang -target bpf`"
    );
    assert_eq!(
        message(&elf(1, 1, [40, 0])),
        "an ELF file for arm, not for BPF; compile it with `clang -target bpf`"
    );
    assert!(message(&elf(2, 2, [0, 247])).starts_with("a big-endian object"));
    let truncated = message(&FEATURES[..5000]);
    assert!(truncated.contains("cut off") && truncated.contains("5000"), "{truncated}");
    assert!(message(&FEATURES[..20]).contains("header is incomplete"));
}

#[test]
fn maps_without_their_types_are_told() {
    // Renames `.BTF`, which an object compiled without -g lacks. Its name is the end of another.
    let mut bytes = FEATURES.to_vec();
    let name = bytes.windows(9).rposition(|window| window == b".rel.BTF\0");
    bytes[name.expect("the section's name") + 4] = b'_';
    assert_eq!(Inventory::read(&bytes).err(), Some(ObjectError::NoBtf));
}
