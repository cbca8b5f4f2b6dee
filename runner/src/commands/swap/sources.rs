//! The objects that a swap can take programs from: the probe's own, as far as they are still what was
//! applied, and those named on the command line.

use crate::desired::{Desired, ObjectRef};
use crate::kernel::ObjectFile;
use crate::object::store::{self, BUILT_IN, ObjectStore, StoreError};
use crate::swap::Source;
use crate::text::suggest::listed;
use anyhow::bail;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Objects that are at hand.
pub struct Sources {
    files: Vec<(ObjectRef, Arc<store::ObjectFile>)>,
}

impl Sources {
    /// Reads the objects of what runs, and others as `ALIAS=FILE`.
    ///
    /// # Errors
    /// A named file can't be had, or its alias is taken by another object.
    pub fn read(
        now: &Desired,
        named: &[String],
        directories: &[PathBuf],
    ) -> anyhow::Result<Sources> {
        let mut store = ObjectStore::new(directories.to_vec());
        let mut files = Vec::new();
        for object in &now.objects {
            let found = match object.origin.strip_prefix(BUILT_IN) {
                Some(name) => store.find(name, Path::new(".")),
                None => store.read_file(Path::new(&object.origin)),
            };
            // One that is gone or was compiled anew since offers nothing; what was loaded of it runs on.
            if let Ok(file) = found
                && file.sha256 == object.sha256
            {
                files.push((object.clone(), file));
            }
        }
        for text in named {
            let Some((alias, name)) = text.split_once('=') else {
                bail!("`{text}` is not ALIAS=FILE, such as `mine=timer-latency.bpf.o`");
            };
            let file = find(&mut store, name)?;
            let taken = now.objects.iter().find(|object| object.alias == alias);
            if taken.is_some_and(|object| object.sha256 != file.sha256) {
                bail!("the probe has another object {alias} already; choose another alias");
            }
            let object = ObjectRef {
                alias: alias.to_owned(),
                origin: file.lasting_origin(),
                sha256: file.sha256.clone(),
            };
            files.push((object, file));
        }
        Ok(Sources { files })
    }

    /// What programs can be taken from.
    pub fn offered(&self) -> Vec<Source<'_>> {
        let files = self.files.iter();
        files.map(|(object, file)| Source { object, inventory: &file.inventory }).collect()
    }

    /// The same as the kernel stage takes them.
    pub fn files(&self) -> Vec<ObjectFile<'_>> {
        let files = self.files.iter();
        files
            .map(|(object, file)| ObjectFile {
                alias: &object.alias,
                bytes: &file.bytes,
                inventory: &file.inventory,
            })
            .collect()
    }
}

fn find(store: &mut ObjectStore, name: &str) -> anyhow::Result<Arc<store::ObjectFile>> {
    match store.find(name, Path::new(".")) {
        Ok(file) => Ok(file),
        Err(StoreError::NotFound { searched }) => {
            let places: Vec<String> =
                searched.iter().map(|path| path.display().to_string()).collect();
            bail!(
                "there is no object file {name}; searched: {}; --object-dir names another directory",
                listed(places.iter().map(String::as_str), 8)
            )
        }
        Err(StoreError::Io { path, error }) => bail!("{} can't be read: {error}", path.display()),
        Err(StoreError::NotAnObject { origin, error }) => {
            bail!("{origin} is not an eBPF object: {error}")
        }
    }
}
