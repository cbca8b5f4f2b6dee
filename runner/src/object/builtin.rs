//! The objects that come with the binary, for the architecture it runs on.

macro_rules! built_in {
    ($arch:literal: $($name:literal)*) => {
        #[cfg(target_arch = $arch)]
        const OBJECTS: &[(&str, &[u8])] = &[$((
            $name,
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"), "/../ebpf-programs/prebuilt/", $arch, "/", $name
            )),
        ),)*];
    };
}

built_in!("x86_64": "rps.bpf.o" "syscalls.bpf.o" "syscalls-exact.bpf.o" "tail-call-hello.bpf.o" "timer-latency.bpf.o");
built_in!("aarch64": "rps.bpf.o" "syscalls.bpf.o" "syscalls-exact.bpf.o" "tail-call-hello.bpf.o" "timer-latency.bpf.o");

/// The built-in object of a file name.
pub fn find(name: &str) -> Option<&'static [u8]> {
    OBJECTS.iter().find(|(built_in, _)| *built_in == name).map(|(_, bytes)| *bytes)
}

/// Every built-in object's file name.
pub fn names() -> impl Iterator<Item = &'static str> {
    OBJECTS.iter().map(|(name, _)| *name)
}
