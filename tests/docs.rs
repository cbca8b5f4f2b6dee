//! What the documents tell people to type, typed: commands are taken, transcripts are what is printed,
//! probe files are right. Commands that need the kernel are only parsed here.

mod scratch;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use scratch::Scratch;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The pages for users, by their paths from the root. `docs/diagnostics.md` and `docs/ci.md` have tests of
/// their own.
fn pages() -> Vec<(String, String)> {
    let pages = fs::read_dir(root().join("docs")).expect("the directory is readable");
    let pages = pages.map(|page| page.expect("the directory is readable").file_name());
    let mut names: Vec<String> = pages
        .map(|page| format!("docs/{}", page.to_string_lossy()))
        .filter(|page| page.ends_with(".md") && !page.ends_with("/diagnostics.md"))
        .collect();
    names.push("README.md".to_owned());
    names.sort();
    let text = |name: &String| fs::read_to_string(root().join(name)).expect("the page is readable");
    names.into_iter().map(|name| (name.clone(), text(&name))).collect()
}

/// A page's blocks of code: what stands behind the opening marks, and the text.
fn blocks(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'))
}

fn in_shell(line: &str, directory: &Path, tools: &Path) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new("sh")
        .args(["-c", line])
        .current_dir(directory)
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("NO_COLOR", "1")
        .output()
        .expect("there is a shell")
}

/// Asked for help at their end, commands are parsed up to there and do nothing.
#[test]
fn commands_are_taken() {
    let scratch = Scratch::new("docs-commands");
    let tool = scratch.write(
        "probe-runner",
        format!("#!/bin/sh\nexec {} \"$@\" --help\n", env!("CARGO_BIN_EXE_probe-runner")),
    );
    let made = Command::new("chmod").args(["+x", &tool]).status().expect("chmod runs");
    assert!(made.success());
    let (mut refused, mut count) = (Vec::new(), 0);
    for (name, page) in pages() {
        let lines = blocks(&page).filter(|(kind, _)| matches!(*kind, "" | "sh"));
        let lines = lines.flat_map(|(_, text)| text.lines());
        let lines = lines.map(|line| line.strip_prefix("$ ").unwrap_or(line));
        for line in lines.filter(|line| line.starts_with("probe-runner ")) {
            count += 1;
            let output = in_shell(line, scratch.path(), scratch.path());
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                refused.push(format!("{name}: {line}\n{said}"));
            }
        }
    }
    assert!(count >= 20, "only {count} commands were found: is the test looking?");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// The transcripts of `check` are of files that are there, and what a terminal shows.
#[test]
fn transcripts_are_what_is_printed() {
    let scratch = Scratch::new("docs-transcripts");
    let tool = scratch.path().join("probe-runner");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_probe-runner"), tool).expect("it can be linked");
    let mut count = 0;
    for (name, page) in pages() {
        for (_, text) in blocks(&page) {
            let Some((command, shown)) = text.split_once('\n') else { continue };
            // That one is of kernels that nobody has at hand.
            if !command.starts_with("$ probe-runner check ") || command.contains("--kernel") {
                continue;
            }
            count += 1;
            let output = in_shell(&command[2..], &root(), scratch.path());
            let printed = [output.stderr, output.stdout].concat();
            let printed = String::from_utf8(printed).expect("it is text");
            assert_eq!(printed.trim_end(), shown.trim_end(), "{name}: {command}");
        }
    }
    assert!(count >= 2, "only {count} transcripts were found: is the test looking?");
}

/// Whole probe files in the pages.
#[test]
fn probe_files_are_right() {
    let scratch = Scratch::new("docs-files");
    let mut files = Vec::new();
    for (name, page) in pages() {
        let whole = blocks(&page).filter(|(kind, text)| {
            *kind == "yaml" && text.lines().any(|line| line.starts_with("version: 1"))
        });
        for (_, text) in whole {
            let file =
                format!("{}-{}.yaml", name.replace(['/', '.'], "-").to_lowercase(), files.len());
            files.push(scratch.write(&file, format!("{text}\n")));
        }
    }
    assert!(files.len() >= 3, "only {} files were found: is the test looking?", files.len());
    let output = Command::new(env!("CARGO_BIN_EXE_probe-runner"))
        .arg("check")
        .args(&files)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
