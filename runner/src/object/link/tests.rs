//! Linking the objects of `tests/objects`, whose sources say what they are about.

mod answers;
mod code;
mod externs;
mod types;

use super::{KernelFacts, LinkError, Linkable, Linked, LinkedProgram, Request};
use crate::btf::{BtfFeatures, KernelTypes};

/// The bytes of a test object.
macro_rules! object {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/objects/prebuilt/x86_64/",
            $name,
            ".bpf.o"
        ))
    };
}
use object;

const MADE_UP_KERNEL: &[u8] = object!("made-up-kernel");

/// The types of the kernel that isn't.
fn made_up_kernel() -> KernelTypes {
    let object = Linkable::open(MADE_UP_KERNEL).expect("a good object");
    KernelTypes::new(object.types().expect("it has types").clone())
}

fn facts() -> KernelFacts {
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
}

/// Links programs for the made-up kernel.
fn link(bytes: &[u8], programs: &[&str]) -> Result<Linked, LinkError> {
    let kernel = made_up_kernel();
    let facts = facts();
    let object = Linkable::open(bytes).expect("a good object");
    object.link(&Request {
        programs,
        kernel: Some(&kernel),
        facts: Some(&facts),
        globals: &[],
        features: BtfFeatures::ALL,
    })
}

/// Links one program, which must succeed.
fn program(bytes: &[u8], name: &str) -> LinkedProgram {
    let mut linked = link(bytes, &[name]).expect(name);
    linked.programs.pop().expect("one was asked for")
}

/// Links one program, which must fail, and returns the message.
fn message(bytes: &[u8], name: &str) -> String {
    match link(bytes, &[name]) {
        Ok(_) => panic!("{name} was linked"),
        Err(error) => error.to_string(),
    }
}
