//! Archives of files: finds the kernels among them.

use std::io::{self, Read};
use std::ops::ControlFlow;

use cpio::newc;
use tar::{Archive, EntryType};

use super::config;
use super::contents;
use super::error::Problem;
use super::extract::Extract;
use super::naming::Role;

/// What says that a file of a cpio archive is a plain one (`S_IFMT` and `S_IFREG`).
const KIND: u32 = 0o170_000;
const PLAIN: u32 = 0o100_000;

/// A kernel in a file.
#[derive(Debug)]
pub(super) struct Member {
    /// Where in the file; none if it is the whole file.
    pub(super) path: Option<String>,
    pub(super) extract: Extract,
}

impl Member {
    /// A kernel that is a file of its own.
    pub(super) fn whole(extract: Extract) -> Member {
        Member { path: None, extract }
    }
}

/// Whether a stream that begins so is a cpio archive.
pub(super) fn is_cpio(start: &[u8]) -> bool {
    start.starts_with(b"070701") || start.starts_with(b"070702")
}

/// Every kernel of a tar archive.
pub(super) fn all_of_tar(stream: &mut dyn Read) -> Result<Vec<Member>, Problem> {
    let mut search = Search::default();
    tar(stream, |path, content| {
        let _any = search.look_at(path, content)?;
        Ok(ControlFlow::Continue(()))
    })?;
    search.finish(Vec::new())
}

/// The first kernel of a tar archive: packages have one, and reading on is what takes time.
/// `needs` are the packages that this one asks for.
pub(super) fn first_of_tar(
    stream: &mut dyn Read,
    needs: Vec<String>,
) -> Result<Vec<Member>, Problem> {
    let mut search = Search::default();
    tar(stream, |path, content| search.look_at(path, content))?;
    search.finish(needs)
}

/// The first kernel of a cpio archive.
pub(super) fn first_of_cpio(stream: &mut dyn Read) -> Result<Vec<Member>, Problem> {
    let mut search = Search::default();
    cpio(stream, |path, content| search.look_at(path, content))?;
    search.finish(Vec::new())
}

/// Shows the plain files of a tar archive, one after the other, until one is enough.
pub(super) fn tar(
    stream: &mut dyn Read,
    mut look_at: impl FnMut(&str, &mut dyn Read) -> Result<ControlFlow<()>, Problem>,
) -> Result<(), Problem> {
    for file in Archive::new(stream).entries()? {
        let mut file = file?;
        if !matches!(file.header().entry_type(), EntryType::Regular | EntryType::Continuous) {
            continue;
        }
        let path = String::from_utf8_lossy(&file.path_bytes()).into_owned();
        if look_at(&path, &mut file)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// The same of a cpio archive.
pub(super) fn cpio(
    mut stream: &mut dyn Read,
    mut look_at: impl FnMut(&str, &mut dyn Read) -> Result<ControlFlow<()>, Problem>,
) -> Result<(), Problem> {
    loop {
        let mut file = newc::Reader::new(stream)?;
        if file.entry().is_trailer() {
            break;
        }
        let path = file.entry().name().to_owned();
        let is_plain = file.entry().mode() & KIND == PLAIN;
        if is_plain && look_at(&path, &mut file)?.is_break() {
            break;
        }
        stream = file.finish()?;
    }
    Ok(())
}

/// Reads on without looking.
pub(super) fn pass_over(stream: &mut dyn Read, length: u64) -> Result<(), Problem> {
    let passed = io::copy(&mut stream.take(length), &mut io::sink())?;
    match passed == length {
        true => Ok(()),
        false => Err(Problem::Damaged("it ends too early".to_owned())),
    }
}

/// What was found in an archive so far.
#[derive(Default)]
struct Search {
    found: Vec<Member>,
    /// Of the kernel that comes next.
    config: Option<String>,
    modules: bool,
}

impl Search {
    /// Looks at a file; whether a kernel was found in it.
    fn look_at(&mut self, path: &str, content: &mut dyn Read) -> Result<ControlFlow<()>, Problem> {
        let path = path.trim_start_matches("./").trim_start_matches('/');
        match Role::of(path.rsplit('/').next().unwrap_or(path)) {
            Role::Kernel => {
                let inside = |problem| Problem::Inside {
                    member: path.to_owned(),
                    problem: Box::new(problem),
                };
                let mut extract = contents::kernel(content).map_err(inside)?;
                extract.config = extract.config.or(self.config.take());
                self.found.push(Member { path: Some(path.to_owned()), extract });
                return Ok(ControlFlow::Break(()));
            }
            Role::Config => {
                let mut text = String::new();
                // What isn't text is no configuration, and nothing is lost without one.
                if content.take(config::LARGEST).read_to_string(&mut text).is_ok() {
                    self.config = Some(text);
                }
            }
            Role::Module => self.modules = true,
            Role::Package | Role::Other => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn finish(self, needs: Vec<String>) -> Result<Vec<Member>, Problem> {
        match self.found.is_empty() {
            true => Err(Problem::NoneInside { modules: self.modules, needs }),
            false => Ok(self.found),
        }
    }
}
