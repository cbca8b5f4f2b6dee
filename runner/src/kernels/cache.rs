//! What took time to unpack, kept for the next time.
//!
//! An entry is named after the digest of the file that it was made from. Reading a package only to
//! learn its digest takes longer than all that is done with the types, so the digest is noted too,
//! under what the system says about the file. Nothing here is an error: what can't be read, isn't whole
//! or wasn't written by this version is made again, and what can't be written is not kept.

use std::env;
use std::fs::{self, File, Metadata};
use std::io::{Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crc32fast::hash as crc32;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::arch::Arch;
use super::extract::Extract;
use super::members::Member;
use super::release::Banner;
use crate::btf::Btf;

/// Where it is in a user's directory of caches.
const OWN: &str = "probe-runner/kernels";
/// Changes with what is kept and how; entries of other versions are never looked at.
const VERSION: &str = "1";
/// A kernel's entry has some 5 MB; more than this was not written here.
const LARGEST_ENTRY: u64 = 1 << 30;
/// A file that was changed so lately may change again without a difference in its times.
const SETTLED: Duration = Duration::from_secs(2);

/// Where kernels' types are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Nowhere.
    Off,
    /// In files of this directory, which may not exist yet.
    In(PathBuf),
}

/// A file's place in a cache.
#[derive(Debug)]
pub(super) struct Slot {
    entry: PathBuf,
    digest: String,
}

/// What an entry says before the bytes: its kernels, and the checksum of what follows.
#[derive(Deserialize, Serialize)]
struct Contents {
    version: String,
    digest: String,
    crc32: u32,
    kernels: Vec<Kept>,
}

#[derive(Deserialize, Serialize)]
struct Kept {
    path: Option<String>,
    release: Option<String>,
    build: Option<String>,
    arch: Option<String>,
    /// Bytes of the configuration, which comes first.
    config: Option<usize>,
    /// Bytes of the types.
    types: usize,
}

impl Cache {
    /// `$XDG_CACHE_HOME/probe-runner/kernels`, by default below `~/.cache`; off if there is neither.
    pub fn usual() -> Cache {
        let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
        let variable = |name| env::var_os(name).map(PathBuf::from).and_then(absolute);
        let home = || variable("HOME").map(|home| home.join(".cache"));
        match variable("XDG_CACHE_HOME").or_else(home) {
            Some(directory) => Cache::In(directory.join(OWN)),
            None => Cache::Off,
        }
    }

    /// A file's place; none if it can't have one.
    pub(super) fn slot(&self, file: &mut File) -> Option<Slot> {
        let Cache::In(directory) = self else { return None };
        let directory = directory.join(VERSION);
        let note = directory.join("files").join(identity(&file.metadata().ok()?));
        let noted = fs::read_to_string(&note).ok().filter(|digest| is_digest(digest));
        let digest = match noted {
            Some(digest) => digest,
            None => {
                let digest = digest_of(file)?;
                // If the file changed while it was read, this is another identity.
                let after = file.metadata().ok()?;
                if has_settled(&after) && note.ends_with(identity(&after)) {
                    write(&note, &[digest.as_bytes()]);
                }
                digest
            }
        };
        Some(Slot { entry: directory.join(format!("{digest}.kernel")), digest })
    }
}

impl Slot {
    /// What was kept.
    pub(super) fn get(&self) -> Option<Vec<Member>> {
        let file = File::open(&self.entry).ok()?;
        let mut bytes = Vec::new();
        file.take(LARGEST_ENTRY).read_to_end(&mut bytes).ok()?;
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let contents: Contents = serde_json::from_slice(&bytes[..end]).ok()?;
        let mut rest = &bytes[end + 1..];
        let is_own = contents.version == VERSION && contents.digest == self.digest;
        if !is_own || crc32(rest) != contents.crc32 {
            return None;
        }
        contents.kernels.into_iter().map(|kept| kept.read(&mut rest)).collect()
    }

    /// Keeps kernels.
    pub(super) fn put(&self, kernels: &[Member]) {
        let blobs: Vec<&[u8]> = kernels
            .iter()
            .flat_map(|kernel| {
                let config = kernel.extract.config.as_deref().unwrap_or_default();
                [config.as_bytes(), kernel.extract.types.data()]
            })
            .collect();
        let mut crc = crc32fast::Hasher::new();
        blobs.iter().for_each(|blob| crc.update(blob));
        let contents = Contents {
            version: VERSION.to_owned(),
            digest: self.digest.clone(),
            crc32: crc.finalize(),
            kernels: kernels.iter().map(Kept::new).collect(),
        };
        if let Ok(mut line) = serde_json::to_vec(&contents) {
            line.push(b'\n');
            let parts: Vec<&[u8]> = [&*line].into_iter().chain(blobs).collect();
            write(&self.entry, &parts);
        }
    }
}

impl Kept {
    fn new(kernel: &Member) -> Kept {
        let Extract { types, banner, arch, config } = &kernel.extract;
        Kept {
            path: kernel.path.clone(),
            release: banner.as_ref().map(|banner| banner.release.clone()),
            build: banner.as_ref().map(|banner| banner.build.clone()),
            arch: arch.map(|arch| arch.name().to_owned()),
            config: config.as_ref().map(String::len),
            types: types.data().len(),
        }
    }

    /// Takes a kernel from the bytes of an entry.
    fn read(self, rest: &mut &[u8]) -> Option<Member> {
        let config = match self.config {
            Some(length) => Some(str::from_utf8(rest.split_off(..length)?).ok()?.to_owned()),
            None => None,
        };
        let types = Btf::parse(rest.split_off(..self.types)?.to_vec()).ok()?;
        let banner = self.release.zip(self.build);
        let extract = Extract {
            types,
            banner: banner.map(|(release, build)| Banner { release, build }),
            arch: self.arch.as_deref().and_then(Arch::from_name),
            config,
        };
        Some(Member { path: self.path, extract })
    }
}

/// Names a file by all that changes when it does.
fn identity(metadata: &Metadata) -> String {
    format!(
        "{:x}-{:x}-{:x}-{:x}.{:x}-{:x}.{:x}",
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    )
}

fn has_settled(metadata: &Metadata) -> bool {
    let changed = metadata.ctime().max(metadata.mtime());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(changed).is_ok_and(|changed| changed + SETTLED.as_secs() < now.as_secs())
}

/// SHA-256 of a file in hexadecimal; it is at its start again afterwards.
fn digest_of(file: &mut File) -> Option<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => break,
            length => digest.update(&buffer[..length]),
        }
    }
    file.rewind().ok()?;
    Some(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Writes a file whole or not at all. Two who write the same file at once write the same bytes.
fn write(path: &Path, parts: &[&[u8]]) {
    let partial = path.with_extension("part");
    let written = (|| {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&partial, parts.concat())?;
        fs::rename(&partial, path)
    })();
    if written.is_err() {
        // It may not be there, or the disk is full: there is nothing more to do about it.
        let _ = fs::remove_file(&partial);
    }
}
