//! What a file among others may be, by its name: in directories and in packages most are no kernels.

/// What a name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A kernel or its types.
    Kernel,
    /// A kernel's configuration.
    Config,
    Module,
    /// A package of a distribution.
    Package,
    Other,
}

/// How kernels are called; more may follow after a `-`.
const KERNELS: [&str; 4] = ["vmlinuz", "vmlinux", "bzImage", "Image"];
/// What may stand at the end of a name: how the file is compressed or for what it is packed.
const ENDINGS: [&str; 8] = [".gz", ".xz", ".zst", ".bz2", ".lz4", ".lzma", ".efi", ".unsigned"];
/// Companions of kernels that begin like them.
const COMPANIONS: [&str; 6] = [".hmac", ".sig", ".py", ".map", ".sha256", ".asc"];

impl Role {
    /// By the last part of a path.
    pub(super) fn of(name: &str) -> Role {
        let plain = ENDINGS.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        if name.ends_with(".deb") || name.ends_with(".rpm") {
            Role::Package
        } else if plain.ends_with(".ko") {
            Role::Module
        } else if name == "config" || name.starts_with("config-") {
            Role::Config
        } else if plain.ends_with(".btf") || plain.ends_with(".btf.tar") || is_kernel(plain) {
            Role::Kernel
        } else {
            Role::Other
        }
    }
}

fn is_kernel(name: &str) -> bool {
    let named_so = KERNELS.iter().any(|kernel| {
        let rest = name.strip_prefix(kernel);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    named_so && !COMPANIONS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn names_promise_what_distributions_keep() {
        for (role, names) in [
            (
                Role::Kernel,
                &[
                    "vmlinuz",
                    "vmlinuz-6.1.0-18-amd64",
                    "vmlinux",
                    "vmlinux.xz",
                    "vmlinux-6.4.0.gz",
                    "Image",
                    "Image.gz",
                    "bzImage",
                    "vmlinuz.efi",
                    "vmlinuz.unsigned",
                    "vmlinuz-6.5.6-300.fc39.aarch64",
                    "5.4.0-1009-aws.btf",
                    "5.4.0-1009-aws.btf.tar.xz",
                    "web-1.btf",
                    "a.btf.gz",
                ][..],
            ),
            (Role::Config, &["config", "config-6.1.0-18-amd64"]),
            (Role::Module, &["af_key.ko", "af_key.ko.xz", "af_key.ko.zst"]),
            (Role::Package, &["linux-image-6.1_amd64.deb", "kernel-core-6.5.6.x86_64.rpm"]),
            (
                Role::Other,
                &[
                    "vmlinux.h",
                    "vmlinux.lds",
                    "vmlinux-gdb.py",
                    "vmlinuz-6.1.hmac",
                    "initrd.img-6.1",
                    "System.map-6.1",
                    "Images",
                    "README",
                    "",
                ],
            ),
        ] {
            for name in names {
                assert_eq!(Role::of(name), role, "{name}");
            }
        }
    }
}
