//! Wrong probe files and what `check` says about them.
//!
//! Each `tests/ui/CODE/*.yaml` triggers the diagnostic `CODE`; the file beside it ending in `.stderr`
//! holds what `probe-runner check` writes to standard error, byte for byte. After a change that is
//! meant, `BLESS=1 cargo test --test ui` writes them anew; read the difference before you commit it.

use probe_runner::text::codes::Code;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui")
}

fn sorted(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)
        .expect("the directory is readable")
        .map(|entry| entry.expect("the directory is readable").path())
        .collect();
    entries.sort();
    entries
}

#[test]
fn wrong_files_are_explained() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut failures = Vec::new();
    let mut count = 0;
    for directory in sorted(&fixtures()) {
        for file in sorted(&directory) {
            if file.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            count += 1;
            if let Err(failure) = case(&directory, &file, bless) {
                failures.push(failure);
            }
        }
    }
    assert!(count >= 12, "only {count} fixtures were found");
    assert!(
        failures.is_empty(),
        "{} of {count} fail:\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

fn case(directory: &Path, file: &Path, bless: bool) -> Result<(), String> {
    let code = directory.file_name().expect("it has a name").to_string_lossy().into_owned();
    let name = file.file_name().expect("it has a name").to_string_lossy().into_owned();
    let output = Command::new(env!("CARGO_BIN_EXE_probe-runner"))
        .current_dir(directory)
        .args(["check", &name])
        .args(options(file))
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    let stderr = String::from_utf8(output.stderr).expect("messages are UTF-8");
    let is_usable = !stderr.contains("error[");
    let expected_exit = if is_usable { 0 } else { 3 };
    if output.status.code() != Some(expected_exit) {
        return Err(format!("{code}/{name}: exit {:?}\n{stderr}", output.status.code()));
    }
    if !stderr.contains(&format!("[{code}]")) {
        return Err(format!("{code}/{name}: the code is not reported\n{stderr}"));
    }
    if !stderr.contains(&format!("{name}:")) {
        return Err(format!("{code}/{name}: there is no position\n{stderr}"));
    }
    let blessed = file.with_extension("stderr");
    if bless {
        fs::write(&blessed, &stderr).expect("the fixture is writable");
        return Ok(());
    }
    let expected = fs::read_to_string(&blessed).unwrap_or_default();
    if stderr == expected {
        Ok(())
    } else {
        Err(format!("{code}/{name}\n--- expected\n{expected}\n--- got\n{stderr}"))
    }
}

/// What `check` is given besides, by the fixture's first line: `# check: --kernel old.vmlinux`. Kernels lie
/// beside the test objects.
fn options(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let options = text.lines().next().and_then(|line| line.strip_prefix("# check: --"));
    let words = options.map(|options| format!("--{options}")).unwrap_or_default();
    words
        .split_whitespace()
        .map(|word| match word.ends_with(".vmlinux") {
            true => format!("../../objects/prebuilt/x86_64/{word}"),
            false => word.to_owned(),
        })
        .collect()
}

/// Codes that only a whole directory or an unreadable file can trigger; `tests/cli.rs` has them.
const ELSEWHERE: [Code; 2] = [Code::DuplicateProbe, Code::Unreadable];

#[test]
fn every_code_has_a_fixture() {
    let with_fixture: BTreeSet<String> = sorted(&fixtures())
        .iter()
        .map(|path| path.file_name().expect("it has a name").to_string_lossy().into_owned())
        .collect();
    let without: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| !ELSEWHERE.contains(code))
        .map(|code| code.name())
        .filter(|name| !with_fixture.contains(*name))
        .collect();
    assert!(without.is_empty(), "no fixture in tests/ui for: {without:?}");
}
