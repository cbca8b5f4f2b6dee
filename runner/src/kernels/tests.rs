//! Files of all kinds, right and wrong, through the door that users take. `testdata/make.sh` makes
//! them with the tools that make the real ones.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Arch, Cache, Kernel, elf, open};
use made_up::{Vmlinux, types};

mod cached;
mod damaged;
mod directories;
mod made_up;

const RELEASE: &str = "6.1.0-18-test";
const CONFIG: &str = "# Linux/x86 6.1.76 Kernel Configuration\nCONFIG_BPF=y\nCONFIG_HZ=250\n";

/// A file of `testdata/made`.
fn made(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kernels/testdata/made");
    directory.join(name).display().to_string()
}

/// A directory of its own for each test, removed when the test is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("kernels-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory can be made");
        Scratch(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("it is below")).expect("a directory can be made");
        fs::write(&path, bytes).expect("a file can be written");
        path.display().to_string()
    }

    fn copy(&self, from: &str, name: &str) -> String {
        self.write(name, &fs::read(made(from)).expect("it is committed"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of a temporary directory hurts nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn kernels(path: &str) -> Vec<Kernel> {
    open(path, &Cache::Off).unwrap_or_else(|error| panic!("{error}"))
}

/// The one kernel of a file.
fn kernel(path: &str) -> Kernel {
    let mut kernels = kernels(path);
    assert_eq!(kernels.len(), 1, "{path}");
    kernels.remove(0)
}

fn refusal(path: &str) -> String {
    match open(path, &Cache::Off) {
        Ok(kernels) => panic!("{path}: {kernels:?}"),
        Err(error) => error.to_string(),
    }
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
fn every_kind_of_image_says_what_it_is() {
    let with_config = Some(CONFIG.to_owned());
    for (names, arch, config) in [
        (
            &[
                "vmlinux",
                "vmlinux.gz",
                "vmlinux.xz",
                "vmlinux.lzma",
                "vmlinux.bz2",
                "vmlinux.zst",
                "vmlinux.lz4",
                "vmlinuz-gz",
                "vmlinuz-xz",
                "vmlinuz-lzma",
                "vmlinuz-bz2",
                "vmlinuz-zst",
                "vmlinuz-lz4",
                "unified.efi",
            ][..],
            Arch::X86_64,
            &with_config,
        ),
        (&["vmlinuz-no-config"], Arch::X86_64, &None),
        (&["Image", "Image.gz", "vmlinuz.efi"], Arch::Aarch64, &None),
    ] {
        for name in names {
            let kernel = kernel(&made(name));
            assert_eq!(kernel.release.as_deref(), Some(RELEASE), "{name}");
            assert_eq!((&*kernel.name, kernel.version), (RELEASE, Some(0x06_01_4c)), "{name}");
            assert_eq!((kernel.arch, &kernel.config), (Some(arch), config), "{name}");
            assert_eq!(kernel.types.kernel().len(), 2, "{name}");
            assert_eq!(kernel.origin, made(name));
        }
    }
}

#[test]
fn packages_give_their_kernel() {
    let boot = format!("boot/vmlinuz-{RELEASE}");
    let modules = format!("lib/modules/{RELEASE}/vmlinuz");
    let usr = format!("usr/{modules}.unsigned");
    for (names, inside, config) in [
        (
            &["image-xz.deb", "image-gzip.deb", "image-zstd.deb", "image-none.deb"][..],
            &boot,
            CONFIG,
        ),
        (
            &["core-zstdio.rpm", "core-xzdio.rpm", "core-gzdio.rpm", "core-bzdio.rpm"],
            &modules,
            CONFIG,
        ),
        (&["binary.deb"], &usr, CONFIG),
    ] {
        for name in names {
            let kernel = kernel(&made(name));
            assert_eq!(kernel.name, RELEASE, "{name}");
            assert_eq!(kernel.config.as_deref(), Some(config), "{name}");
            assert_eq!(kernel.origin, format!("{}:{inside}", made(name)));
        }
    }
}

#[test]
fn archives_of_types_give_all_of_them() {
    let hub = kernel(&made("5.4.0-1009-test.btf.tar.xz"));
    assert_eq!(hub.release.as_deref(), Some("5.4.0-1009-test"));
    let fleet = kernels(&made("fleet.btf.tar.gz"));
    let names: Vec<&str> = fleet.iter().map(|kernel| &*kernel.name).collect();
    assert_eq!(names, ["5.4.0-1009-test", "web-1.btf"]);
}

#[test]
fn what_has_no_kernel_says_where_it_is() {
    for (name, expected) in [
        ("vmlinuz-no-types", "without CONFIG_DEBUG_INFO_BTF"),
        ("vmlinuz-lzo", "lzop -d"),
        ("vmlinux.lzo", "lzop -d"),
        ("initrd.img", "an initrd"),
        ("modules.deb", "only modules and no kernel in it"),
        (
            "meta.deb",
            "no kernel in it; it asks for `linux-binary-6.1.0-18-test` and `linux-modules-6.1.0-18-test`",
        ),
        ("no-such-file", "No such file"),
    ] {
        let path = made(name);
        let told = refusal(&path);
        assert!(told.starts_with(&path) && told.contains(expected), "{name}: {told}");
    }
}

#[test]
fn what_is_no_kernel_is_told_apart() {
    let scratch = Scratch::new("refused");
    let module = Vmlinux {
        sections: vec![(".modinfo", b"license=GPL\0".to_vec()), (".BTF", types())],
        elf_type: 1,
        ..Vmlinux::new()
    };
    let ebpf = Vmlinux { architecture: made_up::EBPF, elf_type: 1, ..Vmlinux::new() };
    let module = module.bytes();
    for (name, bytes, expected) in [
        ("no-types", Vmlinux::new().without(".BTF").bytes(), "without CONFIG_DEBUG_INFO_BTF"),
        ("program", Vmlinux::new().without(".BTF").without(".rodata").bytes(), "not a kernel"),
        ("module.ko", module.clone(), "a kernel module"),
        ("module.ko.gz", made_up::gzip(&module), "a kernel module"),
        ("probe.bpf.o", ebpf.bytes(), "an eBPF object"),
        ("cut-off", Vmlinux::new().bytes()[..100].to_vec(), "cut off or damaged"),
        ("text", b"hello".to_vec(), "not a kernel"),
        ("empty", Vec::new(), "not a kernel"),
        ("cut-off.btf", types()[..30].to_vec(), "cut off"),
        (
            "boxes",
            made_up::gzip(&made_up::gzip(&made_up::gzip(&made_up::gzip(b"hello")))),
            "not a kernel",
        ),
        ("tool.efi", [&b"MZ"[..], &[0; 4096]].concat(), "no compressed kernel was found"),
    ] {
        let path = scratch.write(name, &bytes);
        let told = refusal(&path);
        assert!(told.starts_with(&path) && told.contains(expected), "{name}: {told}");
    }
}
