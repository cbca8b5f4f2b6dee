//! A directory for one test.

use std::fs;
use std::path::{Path, PathBuf};

/// A directory that is gone in the end.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one; the name is to differ from those of the test's neighbours.
    pub fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("probe-runner-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory can be made");
        Scratch(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it; its path, as an argument.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file can be written");
        path.display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of a temporary directory hurts nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}
