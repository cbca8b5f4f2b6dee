//! `explain` and `docs/diagnostics.md`: each example is checked, and is as wrong or right as it says.

use probe_runner::text::codes::Code;
use probe_runner::text::explain;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Codes whose examples need more than one file; their text has examples that are not checked.
const SEVERAL_FILES: [Code; 2] = [Code::DuplicateProbe, Code::Unreadable];

fn probe_runner(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_probe-runner"))
        .current_dir(directory)
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The blocks of a text that begin with "```yaml KIND".
fn examples<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let mark = format!("```yaml {kind}\n");
    text.split(mark.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// What `check` says about an example, which lies beside the test objects and is called `example.yaml`.
/// A first line `# check: OPTIONS` gives it options.
fn check(scratch: &Path, example: &str) -> String {
    fs::write(scratch.join("example.yaml"), example).expect("a file can be written");
    let objects = root().join("tests/objects/prebuilt/x86_64").display().to_string();
    let mut arguments = vec!["check", "example.yaml", "--object-dir", &objects];
    let options = example.lines().next().and_then(|line| line.strip_prefix("# check: "));
    let options: Vec<String> = options.unwrap_or_default().split_whitespace().map(beside).collect();
    arguments.extend(options.iter().map(String::as_str));
    let output = probe_runner(scratch, &arguments);
    String::from_utf8(output.stderr).expect("messages are UTF-8")
}

/// Kernels lie beside the test objects too.
fn beside(word: &str) -> String {
    match word.ends_with(".vmlinux") {
        true => root().join("tests/objects/prebuilt/x86_64").join(word).display().to_string(),
        false => word.to_owned(),
    }
}

#[test]
fn examples_are_as_wrong_and_as_right_as_they_say() {
    let scratch = std::env::temp_dir().join(format!("probe-runner-explain-{}", std::process::id()));
    fs::create_dir_all(&scratch).expect("a directory can be made");
    let mut failures = Vec::new();
    let mut checked = 0;
    for code in Code::ALL.iter().filter(|code| !SEVERAL_FILES.contains(code)) {
        let text = explain::text(*code).unwrap_or_default();
        let wrong = examples(text, "wrong");
        if wrong.is_empty() {
            failures.push(format!("{code}: docs/diagnostics.md has no ```yaml wrong for it"));
        }
        for example in wrong {
            checked += 1;
            let said = check(&scratch, example);
            let others = said.lines().filter_map(error_of).any(|found| found != code.name());
            if others || !said.contains(&format!("[{}]", code.name())) {
                failures.push(format!("{code}: the wrong example gives\n{said}\nfor\n{example}"));
            }
        }
        for example in examples(text, "right") {
            checked += 1;
            let said = check(&scratch, example);
            if said.lines().any(|line| error_of(line).is_some())
                || said.contains(&format!("[{}]", code.name()))
            {
                failures.push(format!("{code}: the right example gives\n{said}\nfor\n{example}"));
            }
        }
    }
    // What is left of a temporary directory hurts nobody.
    let _ = fs::remove_dir_all(&scratch);
    assert!(checked > 60, "only {checked} examples were found: is the test looking?");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The code in the first line of an error, `error[CODE]: …`.
fn error_of(line: &str) -> Option<&str> {
    line.strip_prefix("error[")?.split(']').next()
}

#[test]
fn explain_shows_a_codes_text_and_lists_all_without_one() {
    let here = Path::new(".");
    let text = |arguments: &[&str]| {
        let output = probe_runner(here, arguments);
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).expect("output is UTF-8")
    };
    let one = text(&["explain", "slot-type-mismatch"]);
    assert!(one.starts_with("slot-type-mismatch\n\nPrograms of different types"), "{one}");
    assert_eq!(text(&["explain", "error[slot-type-mismatch]"]), one);
    let all = text(&["explain"]);
    assert_eq!(all.lines().count(), Code::ALL.len());
    let misspelt = probe_runner(here, &["explain", "slot-typ-mismatch"]);
    assert_eq!(misspelt.status.code(), Some(64));
    let message = String::from_utf8(misspelt.stderr).expect("messages are UTF-8");
    assert!(message.contains("did you mean `slot-type-mismatch`?"), "{message}");
}
