//! Finds object files, reads each once, and takes its inventory.

use crate::object::{Inventory, ObjectError, builtin};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where packages put objects.
const SYSTEM_DIR: &str = "/usr/lib/probe-runner";

/// What the origin of a built-in object begins with; its name follows.
pub const BUILT_IN: &str = "built-in:";

/// An object's bytes and what they hold.
#[derive(Debug)]
pub struct ObjectFile {
    /// A path, or `built-in:NAME`.
    pub origin: String,
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
    /// The file's content.
    pub bytes: Vec<u8>,
    /// What it holds.
    pub inventory: Inventory,
}

impl ObjectFile {
    /// Where it is, for whoever asks later and from another directory.
    pub fn lasting_origin(&self) -> String {
        match self.origin.strip_prefix(BUILT_IN) {
            Some(_) => self.origin.clone(),
            None => lasting(Path::new(&self.origin)).display().to_string(),
        }
    }
}

/// A path that means the same file from every working directory. Of symbolic links only those of its
/// directory are followed: a file that is linked to belongs where the link is.
pub fn lasting(path: &Path) -> PathBuf {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let directory = fs::canonicalize(directory.unwrap_or(Path::new(".")));
    match (directory, path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

/// Why an object can't be had.
#[derive(Debug)]
pub enum StoreError {
    /// It is in none of these places.
    NotFound {
        /// Directories searched, and the built-in objects' file names.
        searched: Vec<PathBuf>,
    },
    /// It is there and can't be read.
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not an eBPF object.
    NotAnObject {
        /// The file.
        origin: String,
        /// Why.
        error: ObjectError,
    },
}

/// All objects of one run.
#[derive(Debug, Default)]
pub struct ObjectStore {
    directories: Vec<PathBuf>,
    read: HashMap<String, Arc<ObjectFile>>,
}

impl ObjectStore {
    /// A store that also searches these directories (`--object-dir`).
    pub fn new(directories: Vec<PathBuf>) -> ObjectStore {
        ObjectStore { directories, read: HashMap::new() }
    }

    /// Finds an object beside the probe file, in the store's directories, in the system's, and
    /// among the built-in ones, in this order; a name with a `/` only as the path it is.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn find(&mut self, name: &str, beside: &Path) -> Result<Arc<ObjectFile>, StoreError> {
        let mut searched: Vec<PathBuf> = vec![beside.to_path_buf()];
        if !name.contains('/') {
            searched.extend(self.directories.iter().cloned());
            searched.push(PathBuf::from(SYSTEM_DIR));
        }
        for directory in &searched {
            let path = match directory.to_str() {
                Some(".") => PathBuf::from(name),
                _ => directory.join(name),
            };
            if path.is_file() {
                return self.read_file(&path);
            }
        }
        match builtin::find(name) {
            Some(bytes) => self.keep(format!("{BUILT_IN}{name}"), || Ok(bytes.to_vec())),
            None => Err(StoreError::NotFound { searched }),
        }
    }

    /// Reads the object at a path.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn read_file(&mut self, path: &Path) -> Result<Arc<ObjectFile>, StoreError> {
        self.keep(path.display().to_string(), || {
            fs::read(path).map_err(|error| StoreError::Io { path: path.to_path_buf(), error })
        })
    }

    fn keep(
        &mut self,
        origin: String,
        read: impl FnOnce() -> Result<Vec<u8>, StoreError>,
    ) -> Result<Arc<ObjectFile>, StoreError> {
        if let Some(known) = self.read.get(&origin) {
            return Ok(Arc::clone(known));
        }
        let bytes = read()?;
        let inventory = Inventory::read(&bytes)
            .map_err(|error| StoreError::NotAnObject { origin: origin.clone(), error })?;
        let sha256 = hex(&Sha256::digest(&bytes));
        let file = Arc::new(ObjectFile { origin: origin.clone(), sha256, bytes, inventory });
        self.read.insert(origin, Arc::clone(&file));
        Ok(file)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
