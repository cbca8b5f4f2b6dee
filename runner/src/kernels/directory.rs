//! Directories of kernels: which of their files are some.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::Problem;
use super::naming::Role;

/// Levels below the directory: `lib/modules/RELEASE/vmlinuz` of a machine's root is on the third,
/// BTFhub's archive has as many.
const MOST_LEVELS: u32 = 6;
/// A machine's modules are some 5,000.
const MOST_FILES: usize = 100_000;

/// A file that promises a kernel.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    /// Whether its name alone promises that; packages hold all kinds of things.
    pub(super) role: Role,
}

/// The files below a directory that promise kernels, in the order of their paths. Directories that are
/// symbolic links are not entered; a file that has several names counts once.
pub(super) fn candidates(directory: &Path) -> Result<Vec<Candidate>, Problem> {
    let mut walk = Walk::default();
    walk.enter(directory, MOST_LEVELS)?;
    match walk.candidates.is_empty() {
        true => Err(Problem::NoneBelow),
        false => Ok(walk.candidates),
    }
}

#[derive(Default)]
struct Walk {
    candidates: Vec<Candidate>,
    known: HashSet<(u64, u64)>,
    files: usize,
}

impl Walk {
    fn enter(&mut self, directory: &Path, levels: u32) -> Result<(), Problem> {
        let mut entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
        self.files += entries.len();
        if self.files > MOST_FILES {
            return Err(Problem::TooManyFiles);
        }
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                if levels > 1 {
                    self.enter(&path, levels - 1)?;
                }
                continue;
            }
            let role = Role::of(&entry.file_name().to_string_lossy());
            if !matches!(role, Role::Kernel | Role::Package) {
                continue;
            }
            // A link that leads nowhere is nobody's kernel.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if metadata.is_file() && self.known.insert((metadata.dev(), metadata.ino())) {
                self.candidates.push(Candidate { path, role });
            }
        }
        Ok(())
    }
}
