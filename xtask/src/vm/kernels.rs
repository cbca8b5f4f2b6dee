//! The kernels that the project promises to work on, and the file each boots from.
//!
//! Which package holds a kernel is written here; how packages are fetched is in `apt`. Archives drop old versions, so
//! the newest one that matches and can still be downloaded is taken, and its version is kept beside the image.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::apt::{Archive, PrivateApt};
use crate::{packages, paths};

/// A kernel series and the Debian packages that hold it.
pub struct Series {
    /// As the user names it: `6.12`.
    pub name: &'static str,
    /// Suites in which to look, the likeliest first.
    suites: &'static [(Archive, &'static str)],
    /// Package names before the number that grows with each update.
    prefixes: &'static [&'static str],
    /// Package names after that number.
    suffixes: &'static [&'static str],
}

/// All series, oldest first.
pub const SERIES: [Series; 4] = [
    Series {
        name: "5.10",
        suites: &[(Archive::Security, "bullseye-security"), (Archive::Main, "bullseye")],
        prefixes: &["linux-image-5.10.0-"],
        suffixes: &["-cloud-amd64-unsigned", "-cloud-amd64"],
    },
    Series {
        name: "6.1",
        suites: &[(Archive::Security, "bookworm-security"), (Archive::Main, "bookworm")],
        prefixes: &["linux-image-6.1.0-"],
        suffixes: &["-cloud-amd64-unsigned", "-cloud-amd64"],
    },
    Series {
        name: "6.12",
        suites: &[(Archive::Security, "bookworm-security"), (Archive::Main, "bookworm-backports")],
        prefixes: &["linux-image-6.12."],
        suffixes: &["+deb12-cloud-amd64-unsigned", "+deb12-cloud-amd64"],
    },
    Series {
        name: "7.3",
        suites: &[(Archive::Main, "trixie-backports")],
        // Since 6.19 `linux-image-…` is a metapackage and the kernel is in `linux-binary-…`.
        prefixes: &["linux-binary-7.3.", "linux-binary-unsigned-7.3."],
        suffixes: &["+deb13-cloud-amd64"],
    },
];

/// A kernel on this machine, ready to boot.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// The series, or the image's file name when the user gave one.
    pub name: String,
    /// Package and version, for the report.
    pub version: String,
    /// The compressed image.
    pub image: PathBuf,
    /// The package that it came in; none of a kernel that the user gave.
    pub package: Option<PathBuf>,
}

impl Series {
    /// The kernel of this series: from an earlier run, else from Debian's archive.
    ///
    /// # Errors
    /// When no matching package can be found or downloaded: the reason says which step failed.
    pub fn obtain(&self) -> Result<Kernel> {
        let directory = paths::vm().join("kernels").join(self.name);
        let [image, package, version] =
            ["vmlinuz", "package.deb", "version"].map(|name| directory.join(name));
        if ![&image, &package, &version].into_iter().all(|file| file.is_file()) {
            self.fetch(&directory, &image, &package, &version)?;
        }
        Ok(Kernel {
            name: self.name.to_owned(),
            version: fs::read_to_string(&version)?.trim().to_owned(),
            image,
            package: Some(package),
        })
    }

    fn fetch(&self, directory: &Path, image: &Path, package: &Path, version: &Path) -> Result<()> {
        packages::announce(&format!("fetching kernel {}", self.name));
        let mut reasons = Vec::new();
        for &(archive, suite) in self.suites {
            match self.fetch_from(directory, archive, suite) {
                Ok(fetched) => {
                    fs::rename(fetched.image, image)?;
                    fs::rename(fetched.package, package)?;
                    // Written last: its presence says that the others are whole.
                    fs::write(version, fetched.version + "\n")?;
                    return Ok(());
                }
                Err(error) => reasons.push(format!("{suite}: {error:#}")),
            }
        }
        bail!("{}", reasons.join("; "))
    }

    fn fetch_from(&self, directory: &Path, archive: Archive, suite: &str) -> Result<Fetched> {
        let apt = PrivateApt::new(directory.join("apt").join(suite), archive, suite)?;
        apt.update()?;
        let mut candidates: Vec<(u32, String)> = Vec::new();
        for prefix in self.prefixes {
            let names = apt.package_names(prefix)?;
            candidates
                .extend(names.into_iter().filter_map(|name| Some((self.number(&name)?, name))));
        }
        candidates.sort_by(|one, other| other.cmp(one));
        ensure!(!candidates.is_empty(), "no package matches");

        // An index may still list what the archive has dropped: take the next one then.
        let mut last = None;
        for (_, package) in candidates {
            match apt.download(&package, directory) {
                Ok(file) => return unpack(&package, &file, directory),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("nothing to download")))
    }

    /// The growing number in a package's name; none when the package is of another series or flavour.
    fn number(&self, package: &str) -> Option<u32> {
        let rest = self.prefixes.iter().find_map(|prefix| package.strip_prefix(prefix))?;
        self.suffixes.iter().find_map(|suffix| rest.strip_suffix(suffix)?.parse().ok())
    }
}

/// A kernel image of the user's own.
pub fn from_file(image: &Path) -> Result<Kernel> {
    ensure!(image.is_file(), "{}: no such file", image.display());
    let name =
        image.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let version = image.display().to_string();
    Ok(Kernel { name, version, image: image.to_owned(), package: None })
}

struct Fetched {
    image: PathBuf,
    package: PathBuf,
    version: String,
}

/// Takes the kernel image out of a package. Its modules are not kept apart.
fn unpack(package: &str, file: &Path, directory: &Path) -> Result<Fetched> {
    let tree = directory.join("tree");
    let status = Command::new("dpkg-deb")
        .arg("-x")
        .arg(file)
        .arg(&tree)
        .status()
        .context("cannot run dpkg-deb")?;
    ensure!(status.success(), "dpkg-deb cannot unpack {package}");

    let found = find_image(&tree)?.with_context(|| format!("{package} holds no vmlinuz"))?;
    let image = directory.join("vmlinuz.new");
    fs::rename(found, &image)?;
    fs::remove_dir_all(&tree)?;
    let version = file
        .file_name()
        .and_then(|name| name.to_str()?.split('_').nth(1))
        .unwrap_or_default()
        .replace("%7e", "~");
    let version = format!("{package} {version}");
    Ok(Fetched { image, package: file.to_owned(), version })
}

/// The image is `boot/vmlinuz-VERSION` in older packages, `usr/lib/modules/VERSION/vmlinuz` in newer ones.
fn find_image(tree: &Path) -> Result<Option<PathBuf>> {
    let mut places = vec![tree.join("boot")];
    for modules in [tree.join("usr/lib/modules"), tree.join("lib/modules")] {
        if let Ok(entries) = fs::read_dir(modules) {
            for entry in entries {
                places.push(entry?.path());
            }
        }
    }
    for place in places {
        let Ok(entries) = fs::read_dir(place) else {
            continue;
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("vmlinuz") {
                return Ok(Some(entry.path()));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::SERIES;

    #[test]
    fn package_names_are_told_apart() {
        let number = |series: usize, package| SERIES[series].number(package);
        assert_eq!(number(0, "linux-image-5.10.0-46-cloud-amd64"), Some(46));
        assert_eq!(number(1, "linux-image-6.1.0-56-cloud-amd64-unsigned"), Some(56));
        // The same kernel built for another release.
        assert_eq!(number(1, "linux-image-6.1.0-0.deb11.52-cloud-amd64"), None);
        assert_eq!(number(2, "linux-image-6.12.117+deb12-cloud-amd64"), Some(117));
        assert_eq!(number(2, "linux-image-6.12.117+deb12-cloud-amd64-dbg"), None);
        assert_eq!(number(3, "linux-binary-unsigned-7.3.4+deb13-cloud-amd64"), Some(4));
        assert_eq!(number(3, "linux-binary-7.3.4+deb13-amd64"), None);
    }
}
