//! The ways in for bytes that come from anywhere: a function for each, which fuzzers and tests call.
//!
//! A function does with the bytes all that the product would, short of a kernel. It panics where the
//! product would, or where two of its answers contradict each other. It returns how far the bytes got,
//! so that a test sees whether it looks behind the first check; what that counts is the function's own.

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use nix::sys::memfd::{MFdFlags, memfd_create};
use probe_runner::btf::{
    Btf, BtfFeatures, Editor, KernelTypes, Layout, add_byte, sanitize, size_of,
};
use probe_runner::formats::{github, json, sarif};
use probe_runner::object::link::{KernelFacts, Linkable, Request};
use probe_runner::object::store::ObjectStore;
use probe_runner::object::{Inventory, executable};
use probe_runner::probe_files::{ProbeFile, ProbeFiles};
use probe_runner::resolve::resolve;
use probe_runner::scaffold;
use probe_runner::spec::yaml as reader;
use probe_runner::text::diagnostic::Findings;
use probe_runner::text::render;
use probe_runner::text::source::Sources;
use probe_runner::text::template::Scope;

/// What takes an input.
pub type Target = fn(&[u8]) -> usize;

/// Every target by the name of its fuzzer.
pub const ALL: [(&str, Target); 6] = [
    ("elf", elf),
    ("executable", executable),
    ("btf", btf),
    ("core", core),
    ("link", link),
    ("yaml", yaml),
];

/// Types that are looked for by name, at most: a search reads all of the strings.
const SEARCHES: usize = 20;

/// Programs of an object that are linked, at most. An object of a few KiB can name thousands.
const PROGRAMS: usize = 40;

/// An object's inventory, and what `inspect` and `init` would make of it. Counts programs and maps.
pub fn elf(bytes: &[u8]) -> usize {
    match Inventory::read(bytes) {
        Ok(inventory) => {
            scaffold::probe_file("any", "any.bpf.o", &inventory);
            inventory.programs.len() + inventory.maps.len()
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            0
        }
    }
}

/// An executable in which functions and USDT probes are looked for. Counts what was found.
pub fn executable(bytes: &[u8]) -> usize {
    let file = || {
        let memory = memfd_create("any", MFdFlags::MFD_CLOEXEC).expect("memory is a file");
        let mut written = 0;
        while written < bytes.len() {
            written += nix::unistd::write(memory.as_fd(), &bytes[written..]).expect("it takes all");
        }
        memory.into()
    };
    let function = executable::function_offset(file(), "main").is_ok();
    let sites = executable::usdt_sites(file(), "any", "tick").map_or(0, |sites| sites.len());
    usize::from(function) + sites
}

/// Types on their own, as a kernel's, and as a module's. Counts them.
pub fn btf(bytes: &[u8]) -> usize {
    let module = Btf::parse_split(bytes.to_vec(), Arc::clone(&MADE_UP_KERNEL.types));
    let alone = Btf::parse(bytes.to_vec());
    for types in [&module, &alone].into_iter().flatten() {
        look_at(types);
    }
    if let Ok(types) = &alone {
        write_again(types);
    }
    [module, alone].iter().flatten().map(|types| types.types().count()).sum()
}

fn look_at(btf: &Btf) {
    for (id, _) in btf.types() {
        size_of(btf, id);
        std::hint::black_box(Layout::of(btf, id).to_string());
    }
    let named = btf.types().filter(|(_, ty)| !ty.name().is_empty());
    for (_, ty) in named.take(SEARCHES) {
        if let Some(kind) = ty.kind() {
            assert!(btf.find(ty.name(), kind).is_some(), "a name that is there is found");
        }
    }
}

fn write_again(btf: &Btf) {
    let mut editor = Editor::new(btf);
    let byte = add_byte(&mut editor);
    sanitize(&mut editor, &BtfFeatures { enum64: false, ..BtfFeatures::ALL }, byte);
    assert!(Btf::parse(editor.finish()).is_ok(), "what is written can be read");
}

/// An object whose programs are linked for a kernel that is made up. Counts those that could be.
pub fn core(bytes: &[u8]) -> usize {
    link_all(bytes, &MADE_UP_KERNEL.by_name)
}

/// A kernel's types and an object that is linked for it: the types' length in four bytes, the types,
/// the object. Counts the programs that could be linked.
pub fn link(bytes: &[u8]) -> usize {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return 0;
    };
    let length = u32::from_le_bytes(*length) as usize;
    let Some((types, object)) = rest.split_at_checked(length) else {
        return 0;
    };
    match Btf::parse(types.to_vec()) {
        Ok(types) => link_all(object, &KernelTypes::new(types)),
        Err(_) => 0,
    }
}

fn link_all(bytes: &[u8], kernel: &KernelTypes) -> usize {
    let Ok(object) = Linkable::open(bytes) else {
        return 0;
    };
    let programs: Vec<&str> = object.programs().take(PROGRAMS).collect();
    let mut linked = 0;
    for program in programs {
        let request = Request {
            programs: &[program],
            kernel: Some(kernel),
            facts: Some(&FACTS),
            globals: &[],
            features: BtfFeatures { enum64: false, ..BtfFeatures::ALL },
        };
        // What is needed and what is used must agree, whatever the object looks like.
        let needs = object.needs(&[program]);
        let result = object.link(&request);
        let without = object.link(&Request { kernel: None, ..request });
        assert!(!needs.types.is_empty() || without.is_ok() == result.is_ok());
        match result {
            Ok(result) => {
                linked += 1;
                let types = result.btf.map(Btf::parse);
                assert!(types.is_none_or(|types| types.is_ok()), "what is written can be read");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    linked
}

/// A probe file that is checked against the built-in objects, and whose mistakes are shown. Counts 1
/// for one that could be read, 2 for one without mistakes.
pub fn yaml(bytes: &[u8]) -> usize {
    let Ok(text) = str::from_utf8(bytes) else {
        return 0;
    };
    let mut sources = Sources::default();
    let id = sources.add("any.yaml".into(), text.into());
    let mut findings = Findings::new(id);
    let parsed = reader::parse(sources.get(id));
    let is_whole = parsed.mistakes.is_empty();
    parsed.mistakes.into_iter().for_each(|mistake| findings.push(mistake));
    let model = parsed.spec.and_then(|spec| {
        let file = Path::new("/nowhere/any.yaml");
        let mut store = OBJECTS.lock().expect("nobody panicked");
        let scope = Scope::of_this_machine();
        let model = resolve(&spec, file, &scope, &[], &mut store, &mut findings);
        is_whole.then_some(model)
    });
    let read = usize::from(model.is_some());
    let file = ProbeFile::check(&sources, findings, model);
    let mut files = ProbeFiles { sources, files: vec![file] };
    files.lint();
    files.report_allows();
    let [ProbeFile { findings, checked, .. }] = &files.files[..] else {
        unreachable!("it is one file");
    };
    let shown = render::human(&files.sources, findings);
    assert!(checked.is_some() || !shown.is_empty(), "a wrong file has a message");
    if let Some(checked) = checked {
        assert!(!checked.desired().probe.is_empty());
    }
    let reached = read + usize::from(checked.is_some());
    github::write(&files, &mut Vec::new()).expect("memory takes everything");
    serde_json::to_string(&json::Report::new(&files, None)).expect("it is JSON");
    serde_json::to_string(&sarif::log(&files)).expect("it is JSON");
    reached
}

/// The built-in objects that probe files name, read once.
static OBJECTS: LazyLock<Mutex<ObjectStore>> = LazyLock::new(Mutex::default);

struct Kernel {
    types: Arc<Btf>,
    by_name: KernelTypes,
}

/// The types of `tests/objects/made-up-kernel.bpf.c`.
static MADE_UP_KERNEL: LazyLock<Kernel> = LazyLock::new(|| {
    let bytes = include_bytes!("../objects/prebuilt/x86_64/made-up-kernel.bpf.o");
    let object = Linkable::open(bytes).expect("a good object");
    let types = object.types().expect("it has types").clone();
    Kernel { types: Arc::new(types.clone()), by_name: KernelTypes::new(types) }
});

static FACTS: LazyLock<KernelFacts> = LazyLock::new(|| {
    let config = [
        ("CONFIG_HZ", "250"),
        ("CONFIG_BPF_SYSCALL", "y"),
        ("CONFIG_BPF", "m"),
        ("CONFIG_LOG_BUF_SHIFT", "0x12"),
        ("CONFIG_CC_VERSION_TEXT", "\"a compiler with a name too long\""),
    ];
    KernelFacts {
        version: 0x060102,
        has_cookies: true,
        has_syscall_wrapper: true,
        config: config.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        addresses: [("schedule".to_owned(), 0xffff_ffff_8123_4567)].into(),
    }
});
