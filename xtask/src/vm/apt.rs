//! Packages of other Debian releases, fetched without touching the machine's own apt.
//!
//! Each archive gets lists and caches in a directory of ours. Mirrors and keys are those that the machine already
//! trusts: nothing is added to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Which of Debian's two archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// Releases and backports.
    Main,
    /// Security updates.
    Security,
}

/// One suite under an apt state of our own.
pub struct PrivateApt {
    directory: PathBuf,
}

impl PrivateApt {
    /// Sets the state up in `directory`. Nothing is downloaded yet.
    ///
    /// # Errors
    /// When the machine's apt has no Debian archive configured, or Debian's keys are missing.
    pub fn new(directory: PathBuf, archive: Archive, suite: &str) -> Result<Self> {
        ensure!(
            Path::new(KEYRING).is_file(),
            "{KEYRING} is missing: install debian-archive-keyring, or pass --kernel-image"
        );
        let uri = configured_uri(archive)?;
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(directory.join(part))?;
        }
        fs::write(
            directory.join("debian.sources"),
            format!(
                "Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\nArchitectures: amd64\nSigned-By: {KEYRING}\n"
            ),
        )?;
        Ok(Self { directory })
    }

    /// Downloads the suite's index.
    pub fn update(&self) -> Result<()> {
        self.run("apt-get", &["update", "--error-on=any"]).map(drop)
    }

    /// Names of the packages that begin with `prefix`.
    pub fn package_names(&self, prefix: &str) -> Result<Vec<String>> {
        let output = self.run("apt-cache", &["pkgnames", prefix])?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// Downloads a package's newest version into `directory`; returns the file.
    pub fn download(&self, package: &str, directory: &Path) -> Result<PathBuf> {
        let output = self
            .command("apt-get", &["download", package])
            .current_dir(directory)
            .output()
            .context("cannot run apt-get")?;
        check(&output, &format!("apt-get download {package}"))?;
        let start = format!("{package}_");
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(&start) && name.ends_with(".deb") {
                return Ok(path);
            }
        }
        anyhow::bail!("apt-get downloaded no {package}")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        let output = self.command(program, arguments).output().with_context(|| {
            format!(
                "cannot run {program}: this needs a Debian-like machine, or pass --kernel-image"
            )
        })?;
        check(&output, &format!("{program} {}", arguments.join(" ")))?;
        Ok(output)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        for (option, path) in [
            ("Dir::Etc::sourcelist", self.directory.join("debian.sources")),
            ("Dir::Etc::sourceparts", PathBuf::from("/dev/null")),
            ("Dir::State::lists", self.directory.join("lists")),
            ("Dir::Cache", self.directory.join("cache")),
        ] {
            command.arg("-o").arg(format!("{option}={}", path.display()));
        }
        // The download directory is the caller's own: apt's unprivileged user can't write there.
        command.args(["-o", "APT::Sandbox::User=root"]);
        command.args(["-o", "APT::Architecture=amd64"]);
        command.args(["-o", "Acquire::Languages=none"]);
        command.args(arguments);
        command
    }
}

/// Where the machine itself gets Debian packages from.
fn configured_uri(archive: Archive) -> Result<String> {
    let output = Command::new("apt-get")
        .args(["indextargets", "--no-release-info", "--format", "$(REPO_URI) $(RELEASE)"])
        .output()
        .context("cannot run apt-get: this needs a Debian-like machine, or pass --kernel-image")?;
    check(&output, "apt-get indextargets")?;
    choose_uri(&String::from_utf8_lossy(&output.stdout), archive)
        .context("apt has no Debian archive configured: pass --kernel-image")
}

/// Mirrors keep the archives' directory names: `…/debian/` and `…/debian-security/`.
fn choose_uri(targets: &str, archive: Archive) -> Option<String> {
    targets
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(uri, release)| {
            let security = release.ends_with("-security");
            match archive {
                Archive::Main => uri.trim_end_matches('/').ends_with("/debian") && !security,
                Archive::Security => uri.contains("/debian-security") && security,
            }
        })
        .map(|(uri, _)| uri.to_owned())
}

fn check(output: &Output, command: &str) -> Result<()> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let telling = stderr
        .lines()
        .rfind(|line| line.starts_with("E:") || line.starts_with("W:"))
        .unwrap_or("no message");
    ensure!(output.status.success(), "`{command}` failed: {telling}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Archive, choose_uri};

    #[test]
    fn the_configured_mirror_is_taken() {
        let targets = "https://example.org/tools/apt/ node\nhttp://mirror.example/debian/ bookworm\nhttp://mirror.example/debian-security/ bookworm-security\n";
        assert_eq!(
            choose_uri(targets, Archive::Main).as_deref(),
            Some("http://mirror.example/debian/")
        );
        assert_eq!(
            choose_uri(targets, Archive::Security).as_deref(),
            Some("http://mirror.example/debian-security/")
        );
        assert_eq!(choose_uri("http://mirror.example/ubuntu/ noble", Archive::Main), None);
    }
}
