//! What a target begins with: files of this repository that are good, or wrong in an ordinary way, and
//! what fuzzing has found.

use std::fs;
use std::path::{Path, PathBuf};

/// A seed: where it comes from, and its bytes.
pub type Seed = (String, Vec<u8>);

/// The seeds of a target; `root` is the repository's directory.
pub fn of(target: &str, root: &Path) -> Vec<Seed> {
    let mut seeds = match target {
        "elf" | "core" => objects(root),
        "btf" => objects(root).into_iter().filter_map(types_of).collect(),
        "link" => with_types(&objects(root)),
        "yaml" => probe_files(root),
        "executable" => vec![("executable".to_owned(), executable())],
        _ => Vec::new(),
    };
    seeds.extend(findings(target, root));
    seeds
}

/// The inputs that once made a target fail.
pub fn findings(target: &str, root: &Path) -> Vec<Seed> {
    files(&root.join("tests/hostile/findings").join(target), "")
}

fn objects(root: &Path) -> Vec<Seed> {
    ["tests/objects/prebuilt/x86_64", "ebpf-programs/prebuilt/x86_64", "runner/src/object/testdata"]
        .iter()
        .flat_map(|directory| files(&root.join(directory), ".o"))
        .collect()
}

fn probe_files(root: &Path) -> Vec<Seed> {
    let mut seeds = files(&root.join("probes.d"), ".yaml");
    for code in list(&root.join("tests/ui")) {
        seeds.extend(files(&code, ".yaml"));
    }
    seeds
}

/// The files of a directory by name; none if there is no such directory.
fn files(directory: &Path, ending: &str) -> Vec<Seed> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    list(directory)
        .into_iter()
        .filter(|path| path.is_file() && name(path).ends_with(ending))
        .map(|path| (name(&path), fs::read(&path).expect("the file is readable")))
        .collect()
}

fn list(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let entries = entries.map(|entry| entry.expect("the directory is readable").path());
    let mut paths: Vec<PathBuf> = entries.collect();
    paths.sort();
    paths
}

/// The BTF in an object, found by its magic number and version.
fn types_of((name, object): Seed) -> Option<Seed> {
    let header = [0x9f, 0xeb, 1, 0, 24, 0, 0, 0];
    let at = object.windows(header.len()).position(|window| window == header)?;
    let word = |index: usize| {
        let bytes = object.get(at + 4 * index..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    // The strings come last.
    let length = word(1)? + word(4)? + word(5)?;
    Some((name, object.get(at..at + length)?.to_vec()))
}

/// The small objects, each behind the types of the kernel that is made up, as `link` takes them.
fn with_types(objects: &[Seed]) -> Vec<Seed> {
    let kernel = objects.iter().find(|(name, _)| name == "made-up-kernel.bpf.o");
    let Some((_, types)) = kernel.cloned().and_then(types_of) else {
        return Vec::new();
    };
    let length = u32::try_from(types.len()).unwrap_or_default().to_le_bytes();
    objects
        .iter()
        .map(|(name, object)| (name.clone(), [&length, &types[..], object].concat()))
        .collect()
}

/// An executable of one function with the USDT probe `any:tick` in it. It is written here since a
/// compiler's executables are large.
fn executable() -> Vec<u8> {
    const CODE: u64 = 0x1000;
    let names = b"\0.text\0.symtab\0.strtab\0.note.stapsdt\0.stapsdt.base\0main\0";
    let name = |wanted: &str| {
        let at = names.windows(wanted.len()).position(|window| window == wanted.as_bytes());
        u32::try_from(at.unwrap_or_default()).unwrap_or_default()
    };
    let symbol = [
        &name("main").to_le_bytes()[..],
        // A global function in section 1.
        &[0x12, 0, 1, 0],
        &CODE.to_le_bytes(),
        &4_u64.to_le_bytes(),
    ];
    let description =
        [&[CODE + 2, CODE, 0].map(u64::to_le_bytes).concat()[..], b"any\0tick\0\0\0\0"];
    let description = description.concat();
    let note = [
        &[8, description.len() as u32, 3].map(u32::to_le_bytes).concat()[..],
        b"stapsdt\0",
        &description,
    ];
    let parts =
        [vec![0x90; 4], [&[0; 24][..], &symbol.concat()].concat(), names.to_vec(), note.concat()];
    let places = parts.iter().scan(64 + 56, |end, part| {
        let at = *end;
        *end += part.len() as u64;
        Some((at, part.len() as u64))
    });
    let places: Vec<(u64, u64)> = places.collect();

    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    let sections_at: u64 = 64 + 56 + parts.iter().map(|part| part.len() as u64).sum::<u64>();
    bytes.extend([CODE, 64, sections_at].map(u64::to_le_bytes).concat());
    bytes.extend([0; 4]);
    bytes.extend([64_u16, 56, 1, 64, 6, 3].map(u16::to_le_bytes).concat());
    // One loaded segment: the code.
    bytes.extend([1_u32, 5].map(u32::to_le_bytes).concat());
    bytes.extend([places[0].0, CODE, CODE, 4, 4, 1].map(u64::to_le_bytes).concat());
    bytes.extend(parts.concat());
    bytes.resize(bytes.len() + 64, 0);
    // Type, flags, address, place, linked section and first global symbol, size of an entry.
    let sections = [
        (".text", 1, 6, CODE, places[0], (0, 0), 0),
        (".symtab", 2, 0, 0, places[1], (3, 1), 24),
        (".strtab", 3, 0, 0, places[2], (0, 0), 0),
        (".note.stapsdt", 7, 0, 0, places[3], (0, 0), 0),
        (".stapsdt.base", 1, 2, CODE, (places[0].0, 1), (0, 0), 0),
    ];
    for (section, kind, flags, address, (at, size), (link, info), entry) in sections {
        bytes.extend([name(section), kind].map(u32::to_le_bytes).concat());
        bytes.extend([flags, address, at, size].map(u64::to_le_bytes).concat());
        bytes.extend([link, info].map(u32::to_le_bytes).concat());
        bytes.extend([1_u64, entry].map(u64::to_le_bytes).concat());
    }
    bytes
}
