//! Where a probe's maps, programs and links are pinned, and what the pins are called.
//!
//! `/sys/fs/bpf/probe-runner/<probe>/{maps,programs,links}/…` for probes that stay, the same
//! directories in a mount that only this process can see for those that don't. The bpf file system
//! allows no dots in names, so `.` is written as `:`.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use crate::desired::{ProgramRef, section_map_name};
use crate::kernel::error::{Error, Phase};
use crate::kernel::{mounts, sys};

/// Below the bpf file system, the directory that holds every probe's.
const OURS: &str = "probe-runner";
/// Behind a probe's name: the directory of the one that is to replace it.
const REPLACEMENT: &str = ":new";
/// Behind a probe's name: its directory while the one that replaces it is moved to its place.
const ASIDE: &str = ":old";

/// A probe's directory on a bpf file system.
#[derive(Debug)]
pub struct PinDir {
    root: PathBuf,
    /// Of a mount that has no path: everything in it goes when this is closed.
    mount: Option<OwnedFd>,
}

impl PinDir {
    /// The directory of a probe that stays when the process is gone. It need not exist.
    pub fn persistent(probe: &str) -> PinDir {
        PinDir { root: ours().join(probe), mount: None }
    }

    /// The directory in which a probe's replacement is brought up.
    pub fn replacement(probe: &str) -> PinDir {
        PinDir::persistent(&format!("{probe}{REPLACEMENT}"))
    }

    /// A bpf file system of its own that nobody else sees: what is pinned there goes with the
    /// returned value, even if the process is killed.
    pub fn private() -> Result<PinDir, Error> {
        let mount = sys::detached_mount(c"bpf").map_err(|error| {
            let result = Error::from_io(Phase::Mount, "a private bpf file system", &error);
            match error.raw_os_error() {
                Some(libc::EPERM) => result.hint("run it as root: mounting takes CAP_SYS_ADMIN"),
                Some(libc::ENODEV) => result.hint("this kernel has no bpf file system"),
                _ => result.hint("it takes Linux 5.2 or later"),
            }
        })?;
        Ok(PinDir {
            root: PathBuf::from(format!("/proc/self/fd/{}", mount.as_raw_fd())),
            mount: Some(mount),
        })
    }

    /// Whether the pins outlive the process.
    pub fn is_persistent(&self) -> bool {
        self.mount.is_none()
    }

    /// Whether there is such a directory.
    pub fn exists(&self) -> Result<bool, Error> {
        self.root.try_exists().map_err(|error| observe_failed(&self.root, &error))
    }

    /// Tells the directory from another that takes its name.
    pub fn inode(&self) -> Option<u64> {
        fs::metadata(&self.root).ok().map(|metadata| metadata.ino())
    }

    /// Creates the directories; below `/sys/fs/bpf` it mounts the bpf file system first if it has
    /// to, and returns what it did, in words.
    pub fn create(&self) -> Result<Option<String>, Error> {
        let note = match self.mount {
            Some(_) => None,
            None => mounts::ensure_bpffs()?,
        };
        for directory in [self.maps(), self.programs(), self.links()] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&directory)
                .map_err(|error| self.failed(&directory, &error))?;
        }
        Ok(note)
    }

    /// Where maps are pinned.
    pub fn maps(&self) -> PathBuf {
        self.root.join("maps")
    }

    /// Where programs are pinned.
    pub fn programs(&self) -> PathBuf {
        self.root.join("programs")
    }

    /// Where links are pinned.
    pub fn links(&self) -> PathBuf {
        self.root.join("links")
    }

    /// A map's pin.
    pub fn map(&self, name: &str) -> PathBuf {
        self.maps().join(pin_name(name))
    }

    /// The pin of the map that holds an object's section of variables.
    pub fn section(&self, object: &str, section: &str) -> PathBuf {
        self.map(&section_map_name(object, section))
    }

    /// Detaches everything: removes the links' pins, the last attached first.
    pub fn remove_links(&self) -> Result<(), Error> {
        let mut names = self.names(&self.links())?;
        names.sort_by_key(|name| std::cmp::Reverse(LinkName::parse(name).map(|link| link.order)));
        for name in names {
            self.remove_file(&self.links().join(name))?;
        }
        Ok(())
    }

    /// Removes everything there is, in the order in which nothing runs into a half of it: links,
    /// then programs, then maps.
    pub fn remove(&self) -> Result<(), Error> {
        if !self.exists()? {
            self.remove_ours();
            return Ok(());
        }
        self.remove_links()?;
        for directory in [self.programs(), self.maps()] {
            for name in self.names(&directory)? {
                self.remove_file(&directory.join(name))?;
            }
        }
        for directory in [self.links(), self.programs(), self.maps()] {
            self.remove_directory(&directory)?;
        }
        if self.is_persistent() {
            self.remove_directory(&self.root)?;
        }
        self.remove_ours();
        Ok(())
    }

    /// Removes the directory of all probes, unless there are any.
    fn remove_ours(&self) {
        if self.is_persistent() {
            let _ = fs::remove_dir(ours());
        }
    }

    /// Exchanges this directory with another: each gets the other's name, in one step where the
    /// kernel can (`simple_rename_exchange`, Linux 5.16), else in steps that
    /// [`PinDir::finish_exchange`] finds interrupted. If somebody removed the other one, this one
    /// just takes its name.
    pub fn exchange(&self, other: &PinDir) -> Result<(), Error> {
        if !other.exists()? {
            return fs::rename(&self.root, &other.root)
                .map_err(|error| self.failed(&other.root, &error));
        }
        let at_once =
            renameat2(AT_FDCWD, &self.root, AT_FDCWD, &other.root, RenameFlags::RENAME_EXCHANGE);
        let result = match at_once {
            Err(Errno::EINVAL) => self.exchange_in_steps(other),
            result => result.map_err(io::Error::from),
        };
        result.map_err(|error| self.failed(&other.root, &error))
    }

    /// What fails is undone; where that fails too, it is like an exchange that was interrupted.
    fn exchange_in_steps(&self, other: &PinDir) -> io::Result<()> {
        let aside = other.aside();
        fs::rename(&other.root, &aside)?;
        if let Err(error) = fs::rename(&self.root, &other.root) {
            let _ = fs::rename(&aside, &other.root);
            return Err(error);
        }
        if let Err(error) = fs::rename(&aside, &self.root) {
            let _ =
                fs::rename(&other.root, &self.root).and_then(|()| fs::rename(&aside, &other.root));
            return Err(error);
        }
        Ok(())
    }

    /// Ends an exchange of this directory that was interrupted: what had been put aside comes back
    /// if nothing has taken its place, and is removed otherwise. Whether there was any.
    pub fn finish_exchange(&self) -> Result<bool, Error> {
        let aside = self.aside();
        let is_there = aside.try_exists().map_err(|error| observe_failed(&aside, &error))?;
        if !is_there {
            return Ok(false);
        }
        if self.exists()? {
            PinDir { root: aside, mount: None }.remove()?;
        } else {
            fs::rename(&aside, &self.root).map_err(|error| self.failed(&self.root, &error))?;
        }
        Ok(true)
    }

    /// Where the pins of this directory are now: aside, if an exchange was interrupted before another took
    /// its place.
    pub fn present(self) -> Result<PinDir, Error> {
        let is_aside = !self.exists()? && self.has_unfinished_exchange()?;
        Ok(if is_aside { PinDir { root: self.aside(), mount: None } } else { self })
    }

    /// Whether an exchange of this directory was interrupted.
    pub fn has_unfinished_exchange(&self) -> Result<bool, Error> {
        let aside = self.aside();
        aside.try_exists().map_err(|error| observe_failed(&aside, &error))
    }

    /// Where this directory is while another takes its place.
    fn aside(&self) -> PathBuf {
        let mut name = self.root.clone().into_os_string();
        name.push(ASIDE);
        PathBuf::from(name)
    }

    /// The names in one of the three directories, in no order; none if there is no such directory.
    pub fn names(&self, directory: &Path) -> Result<Vec<String>, Error> {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(observe_failed(directory, &error)),
        };
        entries
            .map(|entry| {
                let entry = entry.map_err(|error| observe_failed(directory, &error))?;
                Ok(entry.file_name().to_string_lossy().into_owned())
            })
            .collect()
    }

    fn remove_file(&self, path: &Path) -> Result<(), Error> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(removal(path, &error)),
            _ => Ok(()),
        }
    }

    fn remove_directory(&self, path: &Path) -> Result<(), Error> {
        match fs::remove_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(removal(path, &error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, path: &Path, error: &io::Error) -> Error {
        let result = Error::from_io(Phase::Pin, path.display().to_string(), error);
        match error.raw_os_error() {
            Some(libc::EACCES | libc::EPERM) => result.hint("run it as root"),
            Some(libc::EROFS) => result.hint("/sys/fs/bpf is mounted read-only"),
            _ => result,
        }
    }
}

/// The probes that have pins, by name; unfinished replacements are counted for their probe.
pub fn pinned_probes() -> Result<Vec<String>, Error> {
    let directory = ours();
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(observe_failed(&directory, &error)),
    };
    let mut probes = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| observe_failed(&directory, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let probe = name.strip_suffix(REPLACEMENT).or_else(|| name.strip_suffix(ASIDE));
        probes.push(probe.unwrap_or(&name).to_owned());
    }
    probes.sort_unstable();
    probes.dedup();
    Ok(probes)
}

fn ours() -> PathBuf {
    Path::new(mounts::BPFFS).join(OURS)
}

fn observe_failed(path: &Path, error: &io::Error) -> Error {
    let result = Error::from_io(Phase::Observe, path.display().to_string(), error);
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => result.hint("run it as root"),
        _ => result,
    }
}

fn removal(path: &Path, error: &io::Error) -> Error {
    let result = Error::from_io(Phase::Remove, path.display().to_string(), error);
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => result.hint("run it as root"),
        Some(libc::EBUSY | libc::ENOTEMPTY) => {
            result.hint("something else pinned objects there: look with `bpftool` or `ls`")
        }
        _ => result,
    }
}

/// A map's name as a pin's.
fn pin_name(name: &str) -> String {
    name.replace('.', ":")
}

/// A pin's name as a map's: symbols hold no colons, sections begin with a dot.
pub fn map_name(pin: &str) -> String {
    match pin.split_once(':') {
        Some((object, section)) => section_map_name(object, &section.replace(':', ".")),
        None => pin.to_owned(),
    }
}

/// A program's pin: `main:rps_fexit`, and `main:rps_fexit:2` when it is loaded for a second target.
pub fn program_pin(program: &ProgramRef, copy: usize) -> String {
    let name = format!("{}:{}", program.object, program.name);
    if copy == 0 { name } else { format!("{name}:{}", copy + 1) }
}

/// The program that a pin's name speaks of; `None` if it is not one of ours.
pub fn program_of_pin(pin: &str) -> Option<ProgramRef> {
    let mut parts = pin.split(':');
    let program = ProgramRef { object: parts.next()?.to_owned(), name: parts.next()?.to_owned() };
    Some(program)
}

/// A link's pin, `00:main:rps_return`: its place in the order of attaching, then the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkName {
    /// 0 for the link that was attached first.
    pub order: usize,
    /// The program that it runs.
    pub program: ProgramRef,
}

impl LinkName {
    /// Reads a pin's name; `None` if it is not one of ours.
    pub fn parse(pin: &str) -> Option<LinkName> {
        let (order, program) = pin.split_once(':')?;
        Some(LinkName { order: order.parse().ok()?, program: program_of_pin(program)? })
    }
}

impl std::fmt::Display for LinkName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{}", self.order, program_pin(&self.program, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::{LinkName, map_name, pin_name, program_of_pin, program_pin};
    use crate::desired::{ProgramRef, section_map_name};

    fn program() -> ProgramRef {
        ProgramRef { object: "main".to_owned(), name: "rps_fexit".to_owned() }
    }

    #[test]
    fn pins_have_no_dots_and_can_be_read_back() {
        let section = section_map_name("main", ".rodata.config");
        assert_eq!(pin_name(&section), "main::rodata:config");
        assert_eq!(map_name("main::rodata:config"), "main:.rodata.config");
        assert_eq!(map_name(&pin_name("rps_record")), "rps_record");
    }

    #[test]
    fn a_program_can_be_pinned_for_several_targets() {
        assert_eq!(program_pin(&program(), 0), "main:rps_fexit");
        assert_eq!(program_pin(&program(), 1), "main:rps_fexit:2");
        assert_eq!(program_of_pin("main:rps_fexit:2"), Some(program()));
    }

    #[test]
    fn links_keep_their_order() {
        let link = LinkName { order: 7, program: program() };
        assert_eq!(link.to_string(), "07:main:rps_fexit");
        assert_eq!(LinkName::parse("07:main:rps_fexit"), Some(link));
        assert_eq!(LinkName::parse("stray"), None);
    }
}
