//! A kernel's release and version, from the texts that carry them.

use memchr::memmem;

/// How the text of `/proc/version` begins, which every kernel carries (`linux_banner`).
const BANNER: &[u8] = b"Linux version ";
/// The text is far shorter; what goes on for longer is something else.
const LONGEST_BANNER: usize = 1024;

/// What a kernel says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Banner {
    /// As `uname -r` says it.
    pub(super) release: String,
    /// As `uname -v` says it: `#1 SMP …`.
    pub(super) build: String,
}

impl Banner {
    /// Takes `6.1.0-18-amd64 (who@where) (compiler) #1 SMP …`; none if that doesn't begin with a
    /// release.
    pub(super) fn read(text: &str) -> Option<Banner> {
        let (release, rest) = text.split_once(' ').unwrap_or((text, ""));
        // The compiler says its own version in a similar way, and has no number of builds.
        let build = rest.find('#').map_or("", |at| &rest[at..]);
        let is_release = release.starts_with(|c: char| c.is_ascii_digit())
            && release.contains('.')
            && release.chars().all(|c| c.is_ascii_graphic());
        is_release.then(|| Banner { release: release.to_owned(), build: build.trim().to_owned() })
    }

    /// Finds the first one in a kernel's data.
    pub(super) fn find(data: &[u8]) -> Option<Banner> {
        memmem::find_iter(data, BANNER).find_map(|at| {
            let rest = &data[at + BANNER.len()..];
            let rest = &rest[..rest.len().min(LONGEST_BANNER)];
            let end = rest.iter().position(|&byte| byte == b'\n' || byte == 0)?;
            Banner::read(str::from_utf8(&rest[..end]).ok()?)
        })
    }
}

/// The release that a file is named after, as in `vmlinuz-6.1.0-18-amd64` and in
/// `5.4.0-1009-aws.btf.tar.xz`; none if it has another kind of name.
pub(super) fn from_file_name(name: &str) -> Option<String> {
    let name = ["vmlinux-", "vmlinuz-", "btf-"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    let mut name = name;
    while let Some(shorter) =
        [".btf", ".tar", ".xz", ".gz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending))
    {
        name = shorter;
    }
    // Two or three numbers: an address of a machine has four, a date or a counter one.
    let numbers = name.split('.').take_while(|part| part.parse::<u16>().is_ok()).count();
    let next = name.split('.').nth(numbers);
    let numbers = numbers
        + usize::from(next.is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit())));
    let major = name.split('.').next()?;
    (matches!(numbers, 2 | 3) && major.len() == 1).then(|| name.to_owned())
}

/// `LINUX_VERSION_CODE` of a kernel: its three numbers in a byte each, 6.1.5 as 0x060105.
///
/// Distributions leave the last number out of the release (`6.1.0-18-amd64`). The first line of the
/// configuration has it (`# Linux/x86 6.1.76 Kernel Configuration`), and Debian's `build`, what `uname -v`
/// says (`#1 SMP … Debian 6.1.76-1`).
pub fn version_code(release: &str, build: &str, config: Option<&str>) -> Option<u32> {
    let configured = config.and_then(|config| {
        let line = config.lines().take(8).find(|line| line.ends_with(" Kernel Configuration"))?;
        line.split(' ').rev().nth(2)
    });
    let debian = || build.split_once("Debian ").map(|(_, rest)| rest);
    code(configured.or_else(debian).unwrap_or(release))
}

/// The first numbers of a text; the last may be missing.
fn code(text: &str) -> Option<u32> {
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|number| number.parse::<u32>().ok())
        .map(|number| number.min(255));
    let (major, minor) = (numbers.next()?, numbers.next()?);
    Some(major << 16 | minor << 8 | numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{Banner, from_file_name, version_code};

    #[test]
    fn the_version_is_what_the_kernel_was_built_with() {
        let code = |release, build| version_code(release, build, None);
        assert_eq!(code("6.18.5", "#1 SMP"), Some(0x06_12_05));
        assert_eq!(code("5.10.300-generic", "#2 SMP"), Some(0x05_0a_ff));
        let debian = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)";
        assert_eq!(code("6.1.0-18-amd64", debian), Some(0x06_01_4c));
        assert_eq!(code("7.3-rc1", "#1"), Some(0x07_03_00));
        assert_eq!(code("rolling", "#1"), None);
    }

    #[test]
    fn the_configuration_knows_the_version_best() {
        let config = "#\n# Automatically generated file; DO NOT EDIT.\n\
                      # Linux/x86 5.15.131 Kernel Configuration\n#\nCONFIG_X=y\n";
        let code = version_code("5.15.0-91-generic", "#101-Ubuntu SMP", Some(config));
        assert_eq!(code, Some(0x05_0f_83));
        assert_eq!(version_code("5.15.0-91-generic", "", Some("CONFIG_X=y")), Some(0x05_0f_00));
    }

    #[test]
    fn a_banner_is_found_among_other_things() {
        let data =
            b"\0Linux version %s\0\x01Linux version 6.1.0-1-x (a@b) (gcc (Debian 14.2.0-19) \
            14.2.0) #1 SMP Debian 6.1.5-1\n\0rest";
        let banner = Banner::find(data).expect("it is there");
        assert_eq!((&*banner.release, &*banner.build), ("6.1.0-1-x", "#1 SMP Debian 6.1.5-1"));
        assert_eq!(Banner::find(b"Linux version 6.1.5 without an end"), None);
        assert_eq!(Banner::find(b""), None);
    }

    #[test]
    fn files_are_named_after_releases_or_after_machines() {
        let release = |name| from_file_name(name);
        assert_eq!(release("5.4.0-1009-aws.btf.tar.xz").as_deref(), Some("5.4.0-1009-aws"));
        assert_eq!(release("6.1.0.btf").as_deref(), Some("6.1.0"));
        assert_eq!(release("6.18.btf").as_deref(), Some("6.18"));
        assert_eq!(
            release("vmlinux-6.5.6-300.fc39.x86_64").as_deref(),
            Some("6.5.6-300.fc39.x86_64")
        );
        for name in ["web-1.btf", "vmlinux", "10.0.0.1.btf", "10.1.btf", "8.8.8.8.btf", "6.btf", ""]
        {
            assert_eq!(release(name), None, "{name}");
        }
    }
}
