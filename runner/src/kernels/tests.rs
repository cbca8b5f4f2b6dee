//! Files of all kinds, right and wrong, through the door that users take.

use std::fs;
use std::path::PathBuf;

use super::{Arch, Cache, Kernel, elf, open};
use made_up::{Vmlinux, types};

mod made_up;

/// A directory of its own for each test, removed when the test is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("kernels-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory can be made");
        Scratch(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("it is below")).expect("a directory can be made");
        fs::write(&path, bytes).expect("a file can be written");
        path.display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of a temporary directory hurts nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The one kernel of a file.
fn kernel(path: &str) -> Kernel {
    let mut kernels = open(path, &Cache::Off).expect("it is a kernel");
    assert_eq!(kernels.len(), 1);
    kernels.remove(0)
}

fn refusal(path: &str) -> String {
    open(path, &Cache::Off).expect_err("it is no kernel").to_string()
}

#[test]
fn types_alone_are_named_after_their_file() {
    let scratch = Scratch::new("types");
    let machine = kernel(&scratch.write("web-1.btf", &types()));
    assert_eq!((&*machine.name, machine.release, machine.version), ("web-1.btf", None, None));
    assert_eq!(machine.arch, Some(Arch::X86_64));
    let release = kernel(&scratch.write("5.4.0-1009-aws.btf", &types()));
    assert_eq!(release.name, "5.4.0-1009-aws");
    assert_eq!(release.release.as_deref(), Some("5.4.0-1009-aws"));
    assert_eq!(release.version, Some(0x05_04_00));
}

#[test]
fn a_vmlinux_says_what_it_is() {
    let scratch = Scratch::new("vmlinux");
    let kernel = kernel(&scratch.write("vmlinux", &Vmlinux::new().bytes()));
    assert_eq!(kernel.name, "6.1.0-18-amd64");
    assert_eq!(kernel.release.as_deref(), Some("6.1.0-18-amd64"));
    assert_eq!(kernel.version, Some(0x06_01_4c));
    assert_eq!((kernel.arch, kernel.config), (Some(Arch::X86_64), None));
    assert_eq!(kernel.types.kernel().len(), 1);
}

#[test]
fn what_is_no_kernel_is_told_apart() {
    let scratch = Scratch::new("refused");
    let other = |elf: Vmlinux| elf.bytes();
    let module = Vmlinux {
        sections: vec![(".modinfo", b"license=GPL\0".to_vec()), (".BTF", types())],
        elf_type: 1,
        ..Vmlinux::new()
    };
    let ebpf = Vmlinux { architecture: made_up::EBPF, elf_type: 1, ..Vmlinux::new() };
    for (name, bytes, expected) in [
        ("no-types", other(Vmlinux::new().without(".BTF")), "without CONFIG_DEBUG_INFO_BTF"),
        ("program", other(Vmlinux::new().without(".BTF").without(".rodata")), "not a kernel"),
        ("module.ko", other(module), "a kernel module"),
        ("probe.bpf.o", other(ebpf), "an eBPF object"),
        ("cut-off", Vmlinux::new().bytes()[..100].to_vec(), "cut off or damaged"),
        ("text", b"hello".to_vec(), "not a kernel"),
        ("empty", Vec::new(), "not a kernel"),
        ("cut-off.btf", types()[..30].to_vec(), "cut off"),
    ] {
        let path = scratch.write(name, &bytes);
        let told = refusal(&path);
        assert!(told.starts_with(&path) && told.contains(expected), "{name}: {told}");
    }
    let missing = scratch.0.join("missing").display().to_string();
    assert!(refusal(&missing).contains("No such file"), "{}", refusal(&missing));
}

#[test]
fn damaged_files_are_refused_or_read_and_never_more() {
    let whole = Vmlinux::new().bytes();
    for at in 0..whole.len() {
        for flip in [0xff, 0x01, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            // Either answer is fine.
            let _ = elf::read(&*bytes);
        }
        assert!(elf::read(&whole[..at]).is_err(), "{at} of {} bytes", whole.len());
    }
}
