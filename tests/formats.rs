//! The forms in which `check` tells programs what it found: each is valid by its schema, and the same
//! bytes for every user on every machine.

use jsonschema::Validator;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every wrong file of `tests/ui`, as paths from there.
fn fixtures() -> Vec<String> {
    let ui = root().join("tests/ui");
    let mut files = Vec::new();
    for directory in fs::read_dir(&ui).expect("the directory is readable") {
        let directory = directory.expect("the directory is readable").path();
        for file in fs::read_dir(&directory).expect("the directory is readable") {
            let file = file.expect("the directory is readable").path();
            if file.extension().is_some_and(|extension| extension == "yaml") {
                let below = file.strip_prefix(&ui).expect("it is below");
                files.push(below.display().to_string());
            }
        }
    }
    files.sort();
    files
}

/// Checks all fixtures at once in one form.
fn check_all(format: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_probe-runner"))
        .current_dir(root().join("tests/ui"))
        .args(["check", "-o", format])
        .args(fixtures())
        .output()
        .expect("the binary runs")
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "findings belong on standard output");
    serde_json::from_slice(&output.stdout).expect("the output is JSON")
}

fn findings(report: &Value) -> Vec<&Value> {
    let files = report["files"].as_array().expect("files is a list");
    files.iter().flat_map(|file| file["diagnostics"].as_array().expect("a list")).collect()
}

fn assert_valid(schema: &Value, document: &Value) {
    let validator: Validator = jsonschema::validator_for(schema).expect("the schema is a schema");
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

fn probe_runner(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_probe-runner"))
        .args(arguments)
        .output()
        .expect("the binary runs")
}

#[test]
fn json_is_valid_by_its_schema() {
    let committed = fs::read_to_string(root().join("schemas/check.schema.json"))
        .expect("schemas/check.schema.json is there");
    let printed = probe_runner(&["schema", "check"]).stdout;
    assert!(
        String::from_utf8_lossy(&printed) == committed,
        "schemas/check.schema.json is not what is printed; write it anew: cargo xtask gen"
    );
    let schema = serde_json::from_str(&committed).expect("the schema is JSON");
    let report = json(&check_all("json"));
    assert_valid(&schema, &report);
    assert!(findings(&report).len() >= fixtures().len(), "each fixture has a finding at least");
    let mut damaged = report.clone();
    damaged["files"][0]["diagnostics"][0]["severity"] = "grave".into();
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    assert!(!validator.is_valid(&damaged), "the schema lets anything pass");
}

/// What comes of the tests depends on who runs them and where; the form doesn't.
#[test]
fn what_test_writes_is_valid_by_its_schema() {
    let committed = fs::read_to_string(root().join("schemas/test.schema.json"))
        .expect("schemas/test.schema.json is there");
    let printed = probe_runner(&["schema", "test"]).stdout;
    assert!(
        String::from_utf8_lossy(&printed) == committed,
        "schemas/test.schema.json is not what is printed; write it anew: cargo xtask gen"
    );
    let schema = serde_json::from_str(&committed).expect("the schema is JSON");
    let file = root().join("probes.d/syscalls.yaml").display().to_string();
    let output = probe_runner(&["test", &file, "-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    assert_valid(&schema, &report);
    assert!(!report["tests"].as_array().expect("tests is a list").is_empty(), "{report}");
    let mut damaged = report.clone();
    damaged["tests"][0]["result"] = "fine".into();
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    assert!(!validator.is_valid(&damaged), "the schema lets anything pass");
}

#[test]
fn every_place_is_where_it_says() {
    let report = json(&check_all("json"));
    for finding in findings(&report) {
        let others = finding["others"].as_array().expect("others is a list");
        for place in others.iter().chain([&finding["primary"]]) {
            let path = place["file"].as_str().expect("file is text");
            let text = fs::read_to_string(root().join("tests/ui").join(path)).expect("it is there");
            let number = |name: &str| {
                place[name].as_u64().and_then(|n| usize::try_from(n).ok()).expect("a number")
            };
            let (start, end) = (number("start_byte"), number("end_byte"));
            assert!(start <= end && end <= text.len(), "{place}");
            let before = &text[..start];
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            assert_eq!(number("line"), before.matches('\n').count() + 1, "{place}");
            assert_eq!(number("column"), before[line_start..].chars().count() + 1, "{place}");
        }
    }
}

/// The schema of the standard, which serde-sarif comes with and makes its types from.
fn sarif_schema() -> Value {
    // Other platforms' dependencies need not be here.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", &platform])
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages is a list");
    let package = packages
        .iter()
        .find(|package| package["name"] == "serde-sarif")
        .expect("serde-sarif is a dependency");
    let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
    let schema = fs::read_to_string(manifest.with_file_name("src/schema.json"))
        .expect("serde-sarif comes with the schema");
    // The standard's pattern for languages closes a class that it doesn't open, which is no regular
    // expression in ECMA-262's Unicode mode.
    assert!(schema.contains("[a-zA-Z]{2}]?$"), "the standard's slip is gone: look here again");
    let schema = schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$");
    serde_json::from_str(&schema).expect("the schema is JSON")
}

#[test]
fn sarif_is_valid_by_the_standards_schema() {
    let schema = sarif_schema();
    assert_eq!(schema["title"], "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema");
    let log = json(&check_all("sarif"));
    assert_valid(&schema, &log);
    let run = &log["runs"][0];
    let results = run["results"].as_array().expect("results is a list");
    let report = json(&check_all("json"));
    assert_eq!(results.len(), findings(&report).len());
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules is a list");
    for result in results {
        let index = result["ruleIndex"].as_u64().and_then(|index| usize::try_from(index).ok());
        let rule = &rules[index.expect("each result has a rule")];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["markdown"].as_str().is_some_and(|text| text.len() > 200), "{rule}");
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!(place["uriBaseId"], "%SRCROOT%");
        assert!(!place["uri"].as_str().expect("a URI").starts_with('/'), "{place}");
    }
    let mut damaged = log.clone();
    damaged["runs"][0]["results"][0]["level"] = "grave".into();
    assert!(!jsonschema::validator_for(&schema).expect("it is one").is_valid(&damaged));
}

#[test]
fn columns_of_sarif_are_utf16_and_those_of_json_characters() {
    let scratch = Scratch::new("columns");
    let file = scratch.write(
        "x.yaml",
        "version: 1\nobject: rps.bpf.o\nglobals: { \"😀\": 1, nope: 1 }\nattach:\n  - fexit: { function: get_rps_cpu, program: rps_fexit }\n",
    );
    let column = |format: &str, at: &str| {
        let document = json(&probe_runner(&["check", "-o", format, &file]));
        document.pointer(at).and_then(Value::as_u64)
    };
    assert_eq!(column("json", "/files/0/diagnostics/1/primary/column"), Some(20));
    let at = "/runs/0/results/1/locations/0/physicalLocation/region/startColumn";
    assert_eq!(column("sarif", at), Some(21));
}

#[test]
fn github_gets_a_command_for_each_finding() {
    let output = check_all("github");
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stdout).expect("output is UTF-8");
    let report = json(&check_all("json"));
    assert_eq!(text.lines().count(), findings(&report).len());
    for (line, finding) in text.lines().zip(findings(&report)) {
        let severity = match finding["severity"].as_str().expect("text") {
            "note" => "notice",
            severity => severity,
        };
        let file = finding["primary"]["file"].as_str().expect("text");
        let begin = format!("::{severity} file={file},line={},", finding["primary"]["line"]);
        assert!(line.starts_with(&begin), "{line}\ndoes not begin with\n{begin}");
        let code = finding["code"].as_str().expect("text");
        assert!(line.contains(&format!(",title={code}::")), "{line}");
    }
}

#[test]
fn a_file_with_thousands_of_mistakes_shows_the_first_hundred() {
    let scratch = Scratch::new("thousands");
    let globals: Vec<String> = (0..5_000).map(|index| format!("nope_{index}: 1")).collect();
    let file = scratch.write(
        "x.yaml",
        &format!("version: 1\nobject: rps.bpf.o\nglobals: {{ {} }}\nattach:\n  - fexit: {{ function: get_rps_cpu, program: rps_fexit }}\n", globals.join(", ")),
    );
    let report = json(&probe_runner(&["check", "-o", "json", &file]));
    assert_eq!(findings(&report).len(), 100);
    assert_eq!(report["files"][0]["left_out"], 4_900);
    let people = probe_runner(&["check", &file]);
    let text = String::from_utf8(people.stderr).expect("messages are UTF-8");
    assert!(text.contains("x.yaml has 4900 more findings"), "{text}");
    assert!(text.contains("x.yaml:3:12\n"), "the place is shown, the line is not: {text}");
    assert!(text.len() < 100_000, "{} bytes", text.len());
    let github = probe_runner(&["check", "-o", "github", &file]);
    assert!(String::from_utf8_lossy(&github.stdout).ends_with("::4900 more findings\n"));
}

/// A copy of the fixtures, their objects and the binary, at a place of its own.
fn copied(scratch: &Scratch) {
    let tests = scratch.path.join("tests");
    fs::create_dir_all(&tests).expect("a directory can be made");
    let copy = |from: PathBuf, to: &Path| {
        let status = Command::new("cp").arg("-r").arg(from).arg(to).status();
        assert!(status.is_ok_and(|status| status.success()), "cp copies");
    };
    copy(root().join("tests/ui"), &tests);
    copy(root().join("tests/objects"), &tests);
    copy(PathBuf::from(env!("CARGO_BIN_EXE_probe-runner")), &scratch.path);
}

#[test]
fn the_same_files_give_the_same_bytes_for_anybody_anywhere() {
    let scratch = Scratch::new("anywhere");
    copied(&scratch);
    let binary = scratch.path.join("probe-runner");
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    for format in ["human", "json", "sarif", "github"] {
        let here = check_all(format);
        let mut there = if is_root {
            // Nobody, without a network.
            let mut nobody = Command::new("unshare");
            nobody.args(["--net", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
            nobody.arg(&binary);
            nobody
        } else {
            Command::new(&binary)
        };
        let there = there
            .current_dir(scratch.path.join("tests/ui"))
            .args(["check", "-o", format])
            .args(fixtures())
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("TZ", "Asia/Tokyo")
            .env("LANG", "de_DE.UTF-8")
            .env("LC_ALL", "tr_TR.UTF-8")
            .output()
            .expect("unshare and setpriv, of util-linux, run");
        assert_eq!(there.status.code(), Some(3), "{}", String::from_utf8_lossy(&there.stderr));
        assert!(here.stdout == there.stdout, "{format}: standard output differs");
        assert!(here.stderr == there.stderr, "{format}: standard error differs");
        let place = scratch.path.display().to_string();
        assert!(!String::from_utf8_lossy(&there.stdout).contains(&place), "{format} names a place");
    }
}

/// A directory of its own for each test, removed when the test is over.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir()
            .join(format!("probe-runner-formats-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory can be made");
        Scratch { path }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path.join(name);
        fs::write(&path, text).expect("a file can be written");
        path.display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of a temporary directory hurts nobody.
        let _ = fs::remove_dir_all(&self.path);
    }
}
