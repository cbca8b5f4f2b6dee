//! Directories of kernels.

use std::os::unix::fs::symlink;

use super::made_up::NAMES;
use super::{RELEASE, Scratch, kernels, refusal, types};
use crate::kernels::{Cache, open_all};

fn names(path: &str) -> Vec<String> {
    kernels(path).into_iter().map(|kernel| kernel.name).collect()
}

#[test]
fn all_kernels_of_a_directory_are_found_in_order() {
    let scratch = Scratch::new("directory");
    for release in ["6.12.1-b", "6.9.3-a", "5.10.0"] {
        scratch.write(&format!("x86_64/{release}.btf"), &types());
    }
    scratch.copy("vmlinuz-xz", "boot/vmlinuz-6.1.0-18-test");
    scratch.copy("initrd.img", "boot/initrd.img-6.1.0-18-test");
    scratch.write("boot/config-6.1.0-18-test", b"CONFIG_X=y\n");
    scratch.copy("meta.deb", "packages/linux-image-test.deb");
    scratch.write("notes.txt", b"hello");
    let expected = ["5.10.0", RELEASE, "6.9.3-a", "6.12.1-b"];
    assert_eq!(names(&scratch.path("")), expected);
    // Other names of the same files, and directories that lead back, change nothing.
    let link = |to: &str, name| symlink(to, scratch.0.join(name)).expect("a link can be made");
    link("boot/vmlinuz-6.1.0-18-test", "vmlinuz");
    link("nowhere", "vmlinuz.old");
    link(".", "again");
    assert_eq!(names(&scratch.path("")), expected);
}

#[test]
fn a_directory_without_kernels_says_what_was_looked_for() {
    let scratch = Scratch::new("nothing");
    let empty = refusal(&scratch.path(""));
    assert!(empty.contains("no kernel in this directory; looked for vmlinuz*"), "{empty}");
    scratch.copy("meta.deb", "linux-image-test.deb");
    assert_eq!(refusal(&scratch.path("")), empty);
}

#[test]
fn one_kernel_of_a_directory_that_cannot_be_read_is_an_error() {
    let scratch = Scratch::new("one-wrong");
    scratch.write("6.1.0.btf", &types());
    let wrong = scratch.copy("vmlinuz-no-types", "vmlinuz-5.4");
    let told = refusal(&scratch.path(""));
    assert!(told.contains(&wrong) && told.contains("CONFIG_DEBUG_INFO_BTF"), "{told}");
}

#[test]
fn a_copy_of_sys_kernel_btf_has_its_modules() {
    let scratch = Scratch::new("copied");
    scratch.write("web-1/vmlinux", &types());
    // One type that continues the two of the kernel, whose name is its own.
    let structure = [NAMES.len() as u32, 4 << 24, 1].map(u32::to_le_bytes).concat();
    let header = [24, 0, 12, 12, 8].map(u32::to_le_bytes).concat();
    let module = [&[0x9f, 0xeb, 1, 0][..], &header, &structure, b"in_mod1\0"].concat();
    scratch.write("web-1/some_module", &module);
    let mut found = kernels(&scratch.path("web-1"));
    assert_eq!(found.len(), 1);
    let kernel = found.remove(0);
    assert_eq!(kernel.name, "web-1");
    let found = kernel.types.find("in_mod1", crate::btf::Kind::Struct);
    assert_eq!(found.and_then(|found| found.module), Some("some_module"));
}

#[test]
fn the_configuration_may_lie_beside_the_kernel() {
    let scratch = Scratch::new("beside");
    let image = scratch.copy("vmlinuz-no-config", "vmlinuz-6.1.0-18-test");
    assert_eq!(super::kernel(&image).config, None);
    scratch.write("config-6.1.0-18-test", b"CONFIG_X=y\n");
    assert_eq!(super::kernel(&image).config.as_deref(), Some("CONFIG_X=y\n"));
}

#[test]
fn the_same_kernel_counts_once_and_different_ones_are_told_apart() {
    let scratch = Scratch::new("several");
    let one = scratch.write("one/web.btf", &types());
    let same = scratch.write("same/web.btf", &types());
    let other =
        scratch.write("other/web.btf", &types().iter().copied().chain([0]).collect::<Vec<_>>());
    let new = scratch.write("7.1.btf", &types());
    let open = |paths: &[&String]| {
        let paths: Vec<String> = paths.iter().map(|path| path.to_string()).collect();
        let kernels = open_all(&paths, &Cache::Off).unwrap_or_else(|error| panic!("{error}"));
        kernels.into_iter().map(|kernel| kernel.name).collect::<Vec<_>>()
    };
    assert_eq!(open(&[&one, &new, &same, &one]), ["7.1", "web.btf"]);
    let apart = [format!("web.btf ({one})"), format!("web.btf ({other})")];
    assert_eq!(open(&[&other, &one]), apart);
}
