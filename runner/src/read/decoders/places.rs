//! Control groups and devices: places in file systems that numbers stand for.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::read::decoders::{Lookups, plain};
use crate::read::value::Value;

/// How many control groups are looked at for one readout.
const GROUPS: usize = 100_000;

/// The path below the mount of the control groups, `/` for the root.
pub(super) fn cgroup(id: i128, lookups: &mut Lookups) -> Value {
    let paths =
        lookups.cgroups.get_or_insert_with(|| mount().map_or_else(HashMap::new, |m| walk(&m)));
    let path = u64::try_from(id).ok().and_then(|id| paths.get(&id));
    path.map_or(plain(id), |path| Value::Text(path.clone()))
}

/// Where control groups of version 2 are mounted.
fn mount() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (path, kind) = (words.next()?, words.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(path))
    })
}

/// Every directory by its inode number: a control group's id is that.
fn walk(root: &Path) -> HashMap<u64, String> {
    let mut paths = HashMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop().filter(|_| paths.len() < GROUPS) {
        if let (Ok(metadata), Ok(path)) = (fs::metadata(&directory), directory.strip_prefix(root)) {
            paths.insert(metadata.ino(), format!("/{}", path.display()));
        }
        // One may go while we walk.
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        waiting.extend(
            entries.filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir())).map(|e| e.path()),
        );
    }
    paths
}

/// A device's name in /dev, or `MAJOR:MINOR`. The number is the kernel's own, 12 bits for the major
/// one and 20 for the minor.
pub(super) fn device(number: i128, lookups: &mut Lookups) -> Value {
    let Ok(bits) = u32::try_from(number) else { return plain(number) };
    let (major, minor) = (bits >> 20, bits & 0xf_ffff);
    let name = lookups.numbers.get(number, || {
        ["block", "char"].iter().find_map(|kind| {
            let link = fs::read_link(format!("/sys/dev/{kind}/{major}:{minor}")).ok()?;
            Some(link.file_name()?.to_string_lossy().into_owned())
        })
    });
    Value::Text(name.unwrap_or_else(|| format!("{major}:{minor}")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use crate::desired::Decoder;
    use crate::read::Value;
    use crate::read::decoders::places::{mount, walk};
    use crate::read::sample::{decoded, unsigned};

    fn shown(decoder: &Decoder, number: u64) -> Value {
        decoded(decoder, &unsigned(8), &number.to_le_bytes())
    }

    #[test]
    fn devices_have_names_and_unknown_ones_numbers() {
        // 1:3 is null everywhere.
        assert_eq!(shown(&Decoder::Device, 1 << 20 | 3), Value::Text("null".into()));
        assert_eq!(shown(&Decoder::Device, 4000 << 20 | 7), Value::Text("4000:7".into()));
        assert_eq!(shown(&Decoder::Device, 1 << 40), Value::Unsigned(1 << 40));
    }

    #[test]
    fn control_groups_are_found_by_their_inodes() {
        let directory =
            std::env::temp_dir().join(format!("probe-runner-groups-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("a/b")).expect("the directory can be made");
        let inode =
            |path: &str| std::fs::metadata(directory.join(path)).expect("it is there").ino();
        let (root, inner) = (inode(""), inode("a/b"));
        let paths = walk(&directory);
        std::fs::remove_dir_all(&directory).expect("it can be removed");
        assert_eq!(paths.get(&inner).map(String::as_str), Some("/a/b"));
        assert_eq!(paths.get(&root).map(String::as_str), Some("/"));
        assert_eq!(shown(&Decoder::Cgroup, u64::MAX), Value::Unsigned(u64::MAX.into()));
        if let Some(mount) = mount() {
            let id = std::fs::metadata(mount).expect("it is mounted").ino();
            assert_eq!(shown(&Decoder::Cgroup, id), Value::Text("/".into()));
        }
    }
}
