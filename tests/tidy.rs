//! The invariants of ARCHITECTURE.md that a compiler doesn't hold: data flows one way through the
//! rooms of `runner/src`, each foreign crate has one room, and documents name files that exist.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use probe_runner::desired::{Decoder, HookKind};

/// Foreign crates and the only files or rooms that may name them.
const ROOMS: &[(&str, &[&str])] = &[
    ("annotate_snippets", &["text/render.rs"]),
    ("aya", &["kernel"]),
    ("blazesym", &["read/decoders/stacks.rs"]),
    ("bzip2", &["kernels/compression.rs"]),
    ("clap_complete", &["cli.rs", "commands/manual.rs"]),
    ("clap_mangen", &["commands/manual.rs"]),
    ("cpio", &["kernels/members.rs"]),
    ("crc32fast", &["kernels/cache.rs"]),
    ("csv", &["read/sinks/csv.rs"]),
    ("flate2", &["kernels", "serve/page.rs"]),
    ("granit_parser", &["spec/comments.rs"]),
    ("http_body_util", &["serve/http.rs"]),
    ("hyper", &["serve/http.rs"]),
    ("hyper_util", &["serve/http.rs"]),
    ("lz4_flex", &["kernels/compression.rs"]),
    ("lzma_rust2", &["kernels/compression.rs"]),
    ("mediatype", &["serve/accept.rs"]),
    ("memchr", &["kernels"]),
    ("minijinja", &["text/template"]),
    (
        "object",
        &["object/elf.rs", "object/executable.rs", "kernels/elf.rs", "kernels/tests/made_up.rs"],
    ),
    ("percent_encoding", &["formats/sarif.rs"]),
    ("ratatui", &["watch/screen.rs", "watch/view"]),
    ("ruzstd", &["kernels/compression.rs"]),
    ("serde_saphyr", &["spec/yaml.rs"]),
    ("serde_sarif", &["formats/sarif.rs"]),
    ("sha2", &["object/store.rs", "kernels/cache.rs"]),
    ("syscalls", &["syscall_table.rs"]),
    ("tar", &["kernels/members.rs"]),
    ("tokio", &["serve/http.rs"]),
    ("wildmatch", &["resolve/slots.rs", "kernel/attach/kprobe_multi.rs"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("the directory is readable") {
        let path = entry.expect("the directory is readable").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Every source file of the runner: its path below `src` and its text.
fn sources() -> Vec<(String, String)> {
    let src = root().join("runner/src");
    rust_files(&src)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&src).expect("it is below").display().to_string();
            (name, fs::read_to_string(&path).expect("the file is readable"))
        })
        .collect()
}

/// Lines of code, without comments and strings' insides being looked at.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.starts_with("//"))
}

/// The top-level modules in the order of `lib.rs`, which is the order of the data flow.
fn rooms_in_order() -> Vec<String> {
    let lib = fs::read_to_string(root().join("runner/src/lib.rs")).expect("lib.rs is readable");
    lib.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn data_flows_one_way() {
    let rooms = rooms_in_order();
    let position: BTreeMap<&str, usize> =
        rooms.iter().enumerate().map(|(index, room)| (room.as_str(), index)).collect();
    let mut wrong = Vec::new();
    let mut imports = 0;
    for (file, text) in sources() {
        let room = file.split(['/', '.']).next().expect("split gives at least one part");
        let Some(own) = position.get(room) else { continue };
        for (line, code) in code(&text) {
            for used in code.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(other) = position.get(used.as_str()) else { continue };
                imports += 1;
                if other > own {
                    wrong.push(format!("{file}:{line}: {room} uses {used}, which comes after it"));
                }
            }
        }
    }
    assert!(imports > 100, "only {imports} imports were found: is the test looking?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What should run is made of checked probes. The way past the rules is for tests, which show that kernels
/// refuse what the rules refuse.
#[test]
fn nothing_runs_unproven() {
    let is_of_rules = |file: &str| file == "rules.rs" || file.starts_with("rules/");
    let (inside, outside): (Vec<_>, Vec<_>) =
        sources().into_iter().partition(|(file, _)| is_of_rules(file));
    let uses = inside
        .iter()
        .flat_map(|(_, text)| code(text))
        .filter(|(_, code)| code.contains("unproven"));
    assert!(uses.count() >= 3, "the function has another name: is the test looking?");
    for (file, text) in &outside {
        for (line, code) in code(text) {
            let is_use = code.contains("rules::") && code.contains("unproven");
            assert!(!is_use, "{file}:{line}: {code}");
        }
    }
}

#[test]
fn foreign_crates_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for (file, text) in sources() {
        for (line, code) in code(&text) {
            for (name, rooms) in ROOMS.iter().copied() {
                let is_used = code.contains(&format!("use {name}::"))
                    || code.contains(&format!(" {name}::")) && !code.contains("crate::")
                    || code.contains(&format!("({name}::"));
                if !is_used {
                    continue;
                }
                *found.entry(name).or_default() += 1;
                let at_home = rooms.iter().any(|room| {
                    file == *room
                        || file.starts_with(&format!("{room}/"))
                        || file == format!("{room}.rs")
                });
                if !at_home {
                    wrong.push(format!("{file}:{line}: {name} belongs to {rooms:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (name, _) in ROOMS.iter().copied() {
        assert!(found.contains_key(name), "{name} is used nowhere: is the test looking?");
    }
}

#[test]
fn unsafe_code_lives_in_one_room() {
    let mut files = Vec::new();
    for (file, text) in sources() {
        let has_unsafe = code(&text).any(|(_, line)| line.contains("unsafe {"));
        let may_have = file == "kernel/sys.rs" || file.starts_with("kernel/sys/");
        assert!(!has_unsafe || may_have, "{file}");
        files.extend(has_unsafe.then_some(file));
    }
    assert!(files.iter().any(|file| file == "kernel/sys.rs"), "found in {files:?} only");
}

/// Back-ticked paths of the documents: those with a `/` and an ending, or with a final `/`.
#[test]
fn documents_name_files_that_exist() {
    let root = root();
    let mut documents: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "ebpf-programs/README.md"].map(str::to_owned).to_vec();
    let pages = fs::read_dir(root.join("docs")).expect("the directory is readable");
    let pages = pages.map(|page| page.expect("the directory is readable").file_name());
    let pages = pages.map(|page| format!("docs/{}", page.to_string_lossy()));
    documents.extend(pages.filter(|page| page.ends_with(".md")));
    let mut wrong = Vec::new();
    let mut checked = 0;
    for document in documents {
        let text = fs::read_to_string(root.join(&document)).expect("the document is readable");
        for quoted in text.split('`').skip(1).step_by(2) {
            let looks_like_a_path = !quoted.contains([' ', '*', '<', '…', '{', '$', '\n', ':'])
                && !quoted.starts_with(['/', '-'])
                && quoted.contains('/')
                && (quoted.ends_with('/')
                    || quoted.rsplit('/').next().is_some_and(|f| f.contains('.')));
            if !looks_like_a_path {
                continue;
            }
            checked += 1;
            let bases = [root.clone(), root.join("runner/src"), root.join("ebpf-programs")];
            if !bases.iter().any(|base| base.join(quoted).exists()) {
                wrong.push(format!("{document}: {quoted}"));
            }
        }
    }
    assert!(checked > 10, "only {checked} paths were found: is the test looking?");
    assert!(wrong.is_empty(), "no such file:\n{}", wrong.join("\n"));
}

/// What a probe file can say by a name stands in the page about probe files.
#[test]
fn every_decoder_and_every_way_of_attaching_is_described() {
    let page = fs::read_to_string(root().join("docs/probe-file.md")).expect("the page is readable");
    let decoders = Decoder::plain().map(|decoder| decoder.name());
    let kinds = HookKind::ALL.iter().map(|kind| kind.name());
    let is_described = |name: &&str| {
        page.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{name}`")))
    };
    let missing: Vec<&str> = decoders.chain(kinds).filter(|name| !is_described(name)).collect();
    assert!(missing.is_empty(), "not in docs/probe-file.md: {missing:?}");
}
