//! The compiler of eBPF objects: which one is used and how it is called.
//!
//! One major version is required, since another one gives other bytes. Nothing
//! in here knows which objects there are.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// The major version of LLVM that the committed objects are built with.
const VERSION: &str = "19";

/// A clang and an llvm-strip of the required version.
pub struct Toolchain {
    clang: String,
    strip: String,
}

impl Toolchain {
    /// Finds `clang-19` and `llvm-strip-19`, or the same under their plain names.
    ///
    /// # Errors
    /// When either is missing in that version; the message says how to get it.
    pub fn find() -> anyhow::Result<Self> {
        let clang = find_tool("clang")?;
        let strip = find_tool("llvm-strip")?;
        if let (Some(clang), Some(strip)) = (clang, strip) {
            return Ok(Self { clang, strip });
        }
        bail!(
            "clang {VERSION} and llvm-strip {VERSION} are needed to compile eBPF objects \
             (another version gives other bytes).\n\
             On Debian or Ubuntu: apt-get install clang-{VERSION} llvm-{VERSION}"
        )
    }

    /// Compiles one source, named relative to `root`, into a stripped object.
    ///
    /// Paths in the object are relative to `root`, and the compiler runs there:
    /// that is also where it finds the source lines that the verifier's messages
    /// quote.
    ///
    /// # Errors
    /// When the compiler can't be started or refuses the source; what it had to
    /// say has gone to standard error by then.
    pub fn compile(
        &self,
        root: &Path,
        source: &Path,
        define: &str,
        object: &Path,
    ) -> anyhow::Result<()> {
        let mut map = std::ffi::OsString::from("-ffile-prefix-map=");
        map.push(root);
        map.push("=");

        let mut clang = Command::new(&self.clang);
        clang
            .current_dir(root)
            // Clang prefers this name of its directory: make it the mapped one.
            .env("PWD", root)
            .args(["-g", "-O2", "-Wall", "-Wextra", "-Werror", "-target", "bpf", define])
            .arg(map)
            .arg("-c")
            .arg(source)
            .arg("-o")
            .arg(object);
        succeed(&mut clang).with_context(|| format!("compiling {}", source.display()))?;

        // Debug sections go; what loaders read (.BTF, .BTF.ext) stays.
        let mut strip = Command::new(&self.strip);
        strip.arg("-g").arg(object);
        succeed(&mut strip).with_context(|| format!("stripping {}", object.display()))
    }
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("starting {program}"))?;
    if !status.success() {
        bail!("{program} failed: {status}");
    }
    Ok(())
}

/// The name under which a tool of the required version can be called.
fn find_tool(tool: &str) -> anyhow::Result<Option<String>> {
    for name in [format!("{tool}-{VERSION}"), tool.to_owned()] {
        let output = match Command::new(&name).arg("--version").output() {
            Ok(output) => output,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("starting {name}")),
        };
        if major_version(&String::from_utf8_lossy(&output.stdout)) == Some(VERSION) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Reads `19` out of `Debian clang version 19.1.7 (…)` or `LLVM version 19.1.7`.
fn major_version(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("version ")?;
    after.split(|character: char| !character.is_ascii_digit()).next().filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn reads_the_version_of_clang() {
        let text = "Debian clang version 19.1.7 (3~deb12u1)\nTarget: x86_64-pc-linux-gnu\n";
        assert_eq!(major_version(text), Some("19"));
    }

    #[test]
    fn reads_the_version_of_the_binary_tools() {
        let text = "llvm-strip, compatible with GNU strip\nDebian LLVM version 14.0.6\n";
        assert_eq!(major_version(text), Some("14"));
    }

    #[test]
    fn text_without_a_version_has_none() {
        assert_eq!(major_version("Usage: strip <option(s)>"), None);
        assert_eq!(major_version("version unknown"), None);
    }
}
