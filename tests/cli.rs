//! The binary from outside, as a user without root meets it: exit codes, output, messages.

mod scratch;

use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use scratch::Scratch;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn probe_runner(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_probe-runner"))
        .current_dir(root())
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are UTF-8")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("the output is JSON")
}

const GOOD: &str = "version: 1\ndescription: Counts calls\nobject: syscalls.bpf.o\nattach:\n  - raw_tracepoint: { name: sys_enter, program: dispatch }\n";

#[test]
fn the_probes_that_come_with_it_are_right() {
    let output = probe_runner(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    let files = fs::read_dir(root().join("probes.d")).expect("probes.d is there").count();
    assert_eq!(stdout(&output).lines().count(), files);
    assert!(stdout(&output).lines().all(|line| line.ends_with(" ok")), "{}", stdout(&output));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the name is text")
}

/// Runs the binary as somebody who may do nothing: as nobody, if the tests run as root. The binary is
/// copied to where everybody may run it, by cp: a copy that is open for writing here could be inherited by
/// what another test starts just then, and then it can't be run.
fn without_privileges(scratch: &Scratch, arguments: &[&str]) -> Output {
    let binary = scratch.path().join("probe-runner");
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_probe-runner")).arg(&binary).status();
    assert!(copied.is_ok_and(|status| status.success()), "the binary can be copied");
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let mut command = if is_root {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&binary);
        setpriv
    } else {
        Command::new(&binary)
    };
    command
        .current_dir(scratch.path())
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("setpriv, of util-linux, runs")
}

#[test]
fn warnings_are_mistakes_where_they_are_denied() {
    let scratch = Scratch::new("deny-warnings");
    let clean = scratch.write("clean.yaml", GOOD);
    let bare = GOOD.replace("description: Counts calls\n", "");
    let warned = scratch.write("warned.yaml", &bare);
    let allowed = bare.replace("version: 1", "version: 1 # check: allow(missing-description)");
    let allowed = scratch.write("allowed.yaml", &allowed);
    for (arguments, status) in [
        (vec!["check", &warned], 0),
        (vec!["check", "--deny-warnings", &warned], 3),
        (vec!["check", "--deny-warnings", &clean], 0),
        (vec!["check", "--deny-warnings", &allowed], 0),
    ] {
        let output = probe_runner(&arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn check_needs_no_privileges() {
    let scratch = Scratch::new("unprivileged-check");
    scratch.write("good.yaml", GOOD);
    let output = without_privileges(&scratch, &["check", "good.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn what_needs_privileges_says_so() {
    let scratch = Scratch::new("unprivileged-apply");
    scratch.write("good.yaml", GOOD);
    for arguments in [
        &["apply", "good.yaml"][..],
        &["run", "good.yaml"],
        // Nor does whoever would take it back complain.
        &["swap", "good", "handlers", "59=exec", "--for", "1h"],
    ] {
        let output = without_privileges(&scratch, arguments);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let hints = stderr(&output).matches("hint: run it as root").count();
        assert_eq!(hints, 1, "{}", stderr(&output));
    }
}

/// A probe with one test.
fn with_test(expect: &str) -> String {
    let test = "tests:\n  - name: getpid falls through\n    run: dispatch\n    args: [0, 39]\n";
    format!("{GOOD}{test}    expect: {expect}\n")
}

#[test]
fn a_test_is_checked_before_it_is_run() {
    let scratch = Scratch::new("test-checked");
    let file = scratch.write("good.yaml", with_test("{ maps: { cals: [] } }"));
    for command in ["check", "test"] {
        let output = probe_runner(&[command, &file]);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        assert!(stderr(&output).contains("did you mean `calls`?"), "{}", stderr(&output));
    }
}

#[test]
fn a_probe_without_tests_says_so_and_a_filter_that_fits_nothing_fails() {
    let scratch = Scratch::new("test-none");
    let without = scratch.write("without.yaml", GOOD);
    let output = probe_runner(&["test", &without]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("probe/without: its file has no `tests:`"));
    assert_eq!(stdout(&output), "0 tests: 0 passed, 0 failed\n");

    let file = scratch.write("good.yaml", with_test("{ returns: 0 }"));
    let output = probe_runner(&["test", "--filter", "execve", &file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no test has `execve` in its name"), "{}", stderr(&output));
}

#[test]
fn a_test_that_may_not_be_run_is_no_pass() {
    let scratch = Scratch::new("unprivileged-test");
    scratch.write("good.yaml", with_test("{ returns: 0 }"));
    let output = without_privileges(&scratch, &["test", "good.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("hint: run it as root"), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("1 test: 0 passed, 0 failed, 1 could not be run\n"));
}

#[test]
fn every_file_is_looked_at_and_mistakes_of_one_do_not_hide_another() {
    let scratch = Scratch::new("every-file");
    scratch.write("a.yaml", "version: 1\nobjekt: x\n");
    scratch.write(
        "b.yaml",
        "version: 1\nobject: rps.bpf.o\nattach: []\nglobals: { nope: 1, also: 2 }\n",
    );
    scratch.write("c.yaml", GOOD);
    let output = probe_runner(&["check", text(scratch.path())]);
    assert_eq!(output.status.code(), Some(3));
    let text = stderr(&output);
    for expected in ["a.yaml:2:1", "b.yaml:4:12", "b.yaml:4:21"] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    assert!(stdout(&output).contains("probe/c ok"));
}

#[test]
fn check_speaks_json() {
    let scratch = Scratch::new("check-json");
    let file = scratch.write("a.yaml", "version: 1\nobject: rps.bpf.o\nglobals: { nope: 1 }\n");
    let output = probe_runner(&["check", "-o", "json", &file]);
    assert_eq!(output.status.code(), Some(3));
    let document = json(&output);
    assert_eq!(document["schema_version"], 1);
    let diagnostic = &document["files"][0]["diagnostics"][0];
    assert_eq!(diagnostic["code"], "unknown-global");
    assert_eq!(diagnostic["primary"]["line"], 3);
    assert_eq!(diagnostic["primary"]["column"], 12);
}

#[test]
fn two_files_cannot_define_one_probe() {
    let scratch = Scratch::new("duplicate");
    scratch.write("a.yaml", GOOD);
    scratch.write("b.yaml", format!("name: a\n{GOOD}"));
    let output = probe_runner(&["check", text(scratch.path())]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("error[duplicate-probe]"), "{}", stderr(&output));
    assert!(stderr(&output).contains("a.yaml:1:1"), "{}", stderr(&output));
}

#[test]
fn a_file_that_is_named_twice_is_checked_once() {
    let scratch = Scratch::new("twice");
    let file = scratch.write("a.yaml", GOOD);
    let output = probe_runner(&["check", text(scratch.path()), &file]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output).lines().count(), 1, "{}", stdout(&output));
}

#[test]
fn variables_come_from_files_and_the_command_line() {
    let scratch = Scratch::new("vars");
    let probe = scratch.write(
        "p.yaml",
        "version: 1\nvars: { port: 1 }\nobject: rps.bpf.o\nglobals: { filter_destination_port: \"{{ port }}\" }\nattach:\n  - fexit: { function: get_rps_cpu, program: rps_fexit }\n",
    );
    let vars = scratch.write("vars.yaml", "port: 70000\n");
    let wrong = probe_runner(&["check", &probe, "--vars", &vars]);
    assert_eq!(wrong.status.code(), Some(3));
    assert!(stderr(&wrong).contains("70000 is out of the range"), "{}", stderr(&wrong));
    let right = probe_runner(&["check", &probe, "--vars", &vars, "--set", "port=53"]);
    assert_eq!(right.status.code(), Some(0), "{}", stderr(&right));
    let stray = probe_runner(&["check", &probe, "--set", "prot=53"]);
    assert_eq!(stray.status.code(), Some(1));
    assert!(stderr(&stray).contains("no probe file has a variable `prot`"), "{}", stderr(&stray));
}

#[test]
fn a_file_that_is_not_there_is_the_worlds_fault() {
    let output = probe_runner(&["check", "no/such.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no/such.yaml"), "{}", stderr(&output));
}

#[test]
fn a_wrong_command_line_is_64_and_help_is_0() {
    assert_eq!(probe_runner(&["chekc"]).status.code(), Some(64));
    assert_eq!(probe_runner(&["run"]).status.code(), Some(64));
    assert_eq!(probe_runner(&["check", "--set", "x"]).status.code(), Some(64));
    assert_eq!(probe_runner(&["--help"]).status.code(), Some(0));
}

#[test]
fn inspect_shows_what_an_object_holds() {
    let output = probe_runner(&["inspect", "syscalls.bpf.o", "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document = json(&output);
    let names: Vec<&str> = document["programs"]
        .as_array()
        .expect("programs is a list")
        .iter()
        .filter_map(|program| program["name"].as_str())
        .collect();
    assert_eq!(names, ["dispatch", "exec", "timer"]);
    let dispatch = &document["programs"][0];
    assert_eq!(dispatch["tail_calls"][0]["map"], "handlers");
    let handlers = document["maps"]
        .as_array()
        .and_then(|maps| maps.iter().find(|map| map["name"] == "handlers"))
        .expect("there is a map `handlers`");
    assert_eq!(
        (handlers["type"].as_str(), handlers["max_entries"].as_u64()),
        (Some("prog_array"), Some(300))
    );

    let people = stdout(&probe_runner(&["inspect", "rps.bpf.o"]));
    assert!(people.contains("bytes of its context, uses"), "{people}");
    assert!(people.contains("rps_fexit  section fexit/get_rps_cpu"), "{people}");
    assert!(people.contains("filter_protocol"), "{people}");
}

#[test]
fn what_init_writes_is_right() {
    let scratch = Scratch::new("init");
    for object in [
        "tests/objects/prebuilt/x86_64/attach-kernel.bpf.o",
        "tests/objects/prebuilt/x86_64/attach-user.bpf.o",
        "rps.bpf.o",
        "syscalls.bpf.o",
        "syscalls-exact.bpf.o",
        "timer-latency.bpf.o",
        "tail-call-hello.bpf.o",
    ] {
        let written = probe_runner(&["init", object]);
        assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
        // The file is written elsewhere: the object goes by its whole path there.
        let text = stdout(&written)
            .replace("object: tests/", &format!("object: {}/tests/", root().display()));
        let file = scratch.write(&format!("{}.yaml", object.replace('/', "-")), &text);
        let checked = probe_runner(&["check", &file]);
        assert_eq!(checked.status.code(), Some(0), "{}\n{}", stdout(&written), stderr(&checked));
    }
    let rps = stdout(&probe_runner(&["init", "rps.bpf.o"]));
    assert!(rps.contains("- first_of:\n      - fexit: { function: get_rps_cpu, program: rps_fexit }\n      - kprobe_pair:"), "{rps}");
    let syscalls = stdout(&probe_runner(&["init", "syscalls.bpf.o"]));
    assert!(
        syscalls.contains("raw_tracepoint: { name: sys_enter, program: dispatch }"),
        "{syscalls}"
    );
    assert!(!syscalls.contains("program: timer"), "{syscalls}");
}

#[test]
fn inspect_says_what_is_wrong_with_a_file() {
    let text = probe_runner(&["inspect", "README.md"]);
    assert_eq!(text.status.code(), Some(1));
    assert!(stderr(&text).contains("ELF"), "{}", stderr(&text));
    let missing = probe_runner(&["inspect", "no-such.bpf.o"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("rps.bpf.o"), "{}", stderr(&missing));
}

#[test]
fn the_committed_schema_is_the_one_that_is_printed() {
    let output = probe_runner(&["schema"]);
    assert_eq!(output.status.code(), Some(0));
    let committed =
        fs::read_to_string(root().join("schemas/probe.schema.json")).unwrap_or_default();
    assert_eq!(stdout(&output), committed, "write it anew: cargo xtask gen");
}

#[test]
fn shells_and_man_get_what_they_read() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let completions = probe_runner(&["completions", shell]);
        assert_eq!(completions.status.code(), Some(0));
        assert!(stdout(&completions).contains("object-dir"), "{shell}");
    }
    let page = stdout(&probe_runner(&["man"]));
    assert!(page.contains("\n.TH probe-runner 1"), "{page}");
    let scratch = Scratch::new("man");
    assert_eq!(probe_runner(&["man", text(scratch.path())]).status.code(), Some(0));
    let page =
        fs::read_to_string(scratch.path().join("probe-runner-check.1")).expect("it is written");
    assert!(page.contains("SARIF"), "{page}");
}

#[test]
fn a_reader_that_goes_away_is_not_an_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_probe-runner"))
        .current_dir(root())
        .args(["schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn manual_pages_are_written_into_a_directory_that_is_made() {
    let scratch = Scratch::new("manual");
    let directory = scratch.path().join("share/man1");
    let output = probe_runner(&["man", text(&directory)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page =
        fs::read_to_string(directory.join("probe-runner-apply.1")).expect("a page a command");
    assert!(page.contains("apply"), "{page}");
}
