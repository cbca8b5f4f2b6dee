//! The recipes of `docs/ci.md`, run as they stand there: on a repository whose probe is right, and after
//! a wrong one came into it.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const RIGHT: &str = "version: 1\ndescription: Right\nobject: rps.bpf.o\nattach:\n  - fexit: { function: get_rps_cpu, program: rps_fexit }\n";
const WRONG: &str = "version: 1\ndescription: Wrong\nobject: rps.bpf.o\nattach:\n  - fexit: { function: get_rps_cpu, program: rps_exit }\n";

/// The block of docs/ci.md that stands for a file.
fn recipe(file: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ci.md");
    let page = fs::read_to_string(page).expect("docs/ci.md is readable");
    let block = page
        .split("\n```")
        .find_map(|block| {
            let (head, text) = block.split_once('\n')?;
            (head.split_once(' ')?.1 == file).then_some(text)
        })
        .unwrap_or_else(|| panic!("docs/ci.md has no block for {file}"));
    format!("{block}\n")
}

fn parsed(file: &str) -> Value {
    serde_saphyr::from_str(&recipe(file)).expect("the recipe is YAML")
}

/// A repository as the recipes expect it, removed when the test is over.
struct Repository(PathBuf);

impl Repository {
    fn new(name: &str) -> Repository {
        let path =
            std::env::temp_dir().join(format!("probe-runner-ci-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("tools")).expect("a directory can be made");
        fs::create_dir_all(path.join("probes.d")).expect("a directory can be made");
        let repository = Repository(path);
        let binary = env!("CARGO_BIN_EXE_probe-runner");
        repository.run(&format!("cp '{binary}' tools/probe-runner"));
        repository.write("probes.d/right.yaml", RIGHT);
        repository
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.0.join(file), text).expect("a file can be written");
    }

    /// Runs a script in the repository as the services do: `bash -e`, here with a home of its own.
    fn shell(&self, script: &str) -> Output {
        let home = self.0.join("home");
        fs::create_dir_all(&home).expect("a directory can be made");
        let added = fs::read_to_string(home.join("path")).unwrap_or_default();
        let found = std::env::var("PATH").unwrap_or_default();
        let path: Vec<&str> = added.lines().chain([found.as_str()]).collect();
        Command::new("bash")
            .args(["-e", "-o", "pipefail", "-c", script])
            .current_dir(&self.0)
            .env("HOME", &home)
            .env("GITHUB_PATH", home.join("path"))
            .env("PATH", path.join(":"))
            .output()
            .expect("bash runs")
    }

    fn run(&self, script: &str) -> String {
        let output = self.shell(script);
        let text = shown(&output);
        assert!(output.status.success(), "{script}\n{text}");
        text
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        // What is left of a temporary directory hurts nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shown(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs a workflow's steps: whether the job would be green, and what the steps wrote. A step after one
/// that failed runs only if it says `always()`.
fn github(repository: &Repository) -> (bool, String) {
    let workflow = parsed(".github/workflows/probes.yml");
    let steps = workflow["jobs"]["check"]["steps"].as_array().expect("there are steps");
    let (mut green, mut text) = (true, String::new());
    for step in steps {
        let Some(script) = step["run"].as_str() else { continue };
        if green || step["if"] == "always()" {
            let output = repository.shell(script);
            text.push_str(&shown(&output));
            green &= output.status.success();
        }
    }
    (green, text)
}

#[test]
fn the_github_workflow_annotates_and_writes_sarif() {
    let repository = Repository::new("github");
    let (green, text) = github(&repository);
    assert!(green, "{text}");
    repository.write("probes.d/wrong.yaml", WRONG);
    let (green, text) = github(&repository);
    assert!(!green, "{text}");
    assert!(text.contains("::error file=probes.d/wrong.yaml,line=5,"), "{text}");
    let workflow = parsed(".github/workflows/probes.yml");
    let steps = workflow["jobs"]["check"]["steps"].as_array().expect("there are steps");
    let uploaded = steps.iter().find_map(|step| step["with"]["sarif_file"].as_str());
    let sarif = repository.0.join(uploaded.expect("SARIF is uploaded"));
    let sarif: Value = serde_json::from_str(&fs::read_to_string(sarif).expect("it is written"))
        .expect("SARIF is JSON");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "unknown-program");
}

/// Runs a GitLab job's script; whether it would pass, and what it wrote.
fn gitlab(repository: &Repository) -> (bool, String) {
    let job = parsed(".gitlab-ci.yml");
    let lines = job["check-probes"]["script"].as_array().expect("there is a script");
    let script: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
    let output = repository.shell(&script.join("\n"));
    (output.status.success(), shown(&output))
}

#[test]
fn the_gitlab_job_writes_a_code_quality_report() {
    let repository = Repository::new("gitlab");
    let (passes, text) = gitlab(&repository);
    assert!(passes, "the job needs jq\n{text}");
    repository.write("probes.d/wrong.yaml", WRONG);
    let (passes, text) = gitlab(&repository);
    assert!(!passes, "{text}");
    assert!(text.contains("error[unknown-program]"), "{text}");
    let job = parsed(".gitlab-ci.yml");
    let report = job["check-probes"]["artifacts"]["reports"]["codequality"].as_str();
    let report = repository.0.join(report.expect("there is a report"));
    let report: Value = serde_json::from_str(&fs::read_to_string(report).expect("it is written"))
        .expect("the report is JSON");
    assert_eq!(report.as_array().map(Vec::len), Some(1), "{report}");
    assert_eq!(report[0]["severity"], "major");
    assert_eq!(report[0]["check_name"], "unknown-program");
    assert_eq!(report[0]["location"]["path"], "probes.d/wrong.yaml");
    assert_eq!(report[0]["location"]["lines"]["begin"], 5);
}

#[test]
fn make_checks_once_and_again_after_a_change() {
    let repository = Repository::new("make");
    repository.write("Makefile", &recipe("Makefile"));
    assert!(repository.run("make check").contains("probe/right ok"));
    assert!(repository.run("make check").contains("Nothing to be done"));
    repository.write("probes.d/wrong.yaml", WRONG);
    let output = repository.shell("make check");
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(shown(&output).contains("error[unknown-program]"), "{}", shown(&output));
}

#[test]
fn the_pre_commit_hook_keeps_wrong_files_out() {
    let repository = Repository::new("pre-commit");
    repository.write(".pre-commit-config.yaml", &recipe(".pre-commit-config.yaml"));
    repository.write("notes.yaml", "not: a probe\n");
    repository.run(
        "git init --quiet . && git config user.name somebody && git config user.email some@body",
    );
    repository.run("printf '%s\\n' home tools > .gitignore && git add . && pre-commit run");
    repository.run("pre-commit install && git commit --quiet --message 'A right probe'");
    repository.write("probes.d/wrong.yaml", WRONG);
    let output = repository.shell("git add . && git commit --quiet --message 'A wrong probe'");
    let text = shown(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("error[unknown-program]"), "{text}");
    assert!(!text.contains("right.yaml"), "only what changed is checked: {text}");
}
