//! What libbpf makes of an object: asked of a small C program (`tests/oracle/libbpf-link.c`).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{packages, paths};

/// The program, compiled.
pub struct Oracle {
    program: PathBuf,
}

/// A program as libbpf linked it, or why it didn't.
pub struct Theirs {
    /// The program's name.
    pub name: String,
    /// What it became.
    pub result: Result<Relocated, String>,
}

/// Instructions with what their numbers mean.
#[derive(Default)]
pub struct Relocated {
    /// The instructions' bytes.
    pub instructions: Vec<[u8; 8]>,
    /// Names of maps by descriptor.
    pub maps: HashMap<i32, String>,
    /// Names of the maps that the kernel refused, by index.
    pub unmade: HashMap<i32, String>,
}

/// All of an object; an error if libbpf doesn't open it.
pub type Answer = Result<Vec<Theirs>, String>;

impl Oracle {
    /// Compiles the program.
    ///
    /// # Errors
    /// When there is no compiler or no libbpf to build with.
    pub fn build() -> Result<Oracle> {
        let program = paths::target().join("oracle/libbpf-link");
        let source = paths::root().join("tests/oracle/libbpf-link.c");
        let directory = program.parent().context("the path has a directory")?;
        fs::create_dir_all(directory)
            .with_context(|| format!("creating {}", directory.display()))?;
        let status = Command::new("cc")
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .arg(&program)
            .arg(&source)
            .arg("-lbpf")
            .status()
            .context("starting cc")?;
        ensure!(
            status.success(),
            "{} can't be compiled; on Debian or Ubuntu: apt-get install gcc libbpf-dev",
            source.display()
        );
        Ok(Oracle { program })
    }

    /// Links every program of an object, for this kernel or for one of another BTF.
    ///
    /// # Errors
    /// When the program can't be run or says something unexpected.
    pub fn link(&self, object: &Path, btf: Option<&Path>) -> Result<Answer> {
        let output = packages::as_root(&self.program)?
            .arg(object)
            .args(btf)
            .output()
            .context("starting the oracle")?;
        ensure!(
            output.status.success(),
            "the oracle failed on {} ({}): {}",
            object.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        parse(&String::from_utf8_lossy(&output.stdout))
    }
}

fn parse(text: &str) -> Result<Answer> {
    let mut programs: Vec<Theirs> = Vec::new();
    let mut opened = true;
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, programs.last_mut()) {
            ("libbpf", None) => {}
            ("unopened", _) => opened = false,
            ("why", None) if !opened => return Ok(Err(rest.to_owned())),
            ("program", _) => {
                let name = rest.split(' ').next().unwrap_or_default().to_owned();
                let result = match rest.ends_with(" linked") {
                    true => Ok(Relocated::default()),
                    false => Err(String::new()),
                };
                programs.push(Theirs { name, result });
            }
            ("why", Some(Theirs { result: Err(why), .. })) => *why = rest.to_owned(),
            ("map", Some(Theirs { result: Ok(relocated), .. })) => {
                let (fd, name) = numbered(rest)?;
                relocated.maps.insert(fd, name);
            }
            ("unmade", Some(Theirs { result: Ok(relocated), .. })) => {
                let (index, name) = numbered(rest)?;
                relocated.unmade.insert(index, name);
            }
            ("insn", Some(Theirs { result: Ok(relocated), .. })) => {
                let bits = u64::from_str_radix(rest, 16).context("reading an instruction")?;
                relocated.instructions.push(bits.to_be_bytes());
            }
            _ => bail!("the oracle says `{line}`"),
        }
    }
    Ok(Ok(programs))
}

fn numbered(rest: &str) -> Result<(i32, String)> {
    let (number, name) = rest.split_once(' ').context("a number and a name were expected")?;
    Ok((number.parse().context("reading a number")?, name.to_owned()))
}
