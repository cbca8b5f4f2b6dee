//! One object linked for the running kernel: its programs in use, and its types in the kernel.
//!
//! A program that can't be linked fails when it is loaded, not before: another alternative may do
//! without it.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use crate::kernel::error::{Error, Phase};
use crate::kernel::{btf_support, facts, kernel_types, sys};
use crate::object::link::{DataSection, LinkError, Linkable, LinkedEach, LinkedProgram, Request};

/// An object's programs, ready to be loaded.
pub struct LinkedObject {
    programs: HashMap<String, Result<LinkedProgram, LinkError>>,
    /// Its sections of variables, with their values.
    pub data: Vec<DataSection>,
    /// Its types, if it has some and the kernel took them.
    pub types: Option<OwnedFd>,
    /// Why the kernel didn't take its types, in words.
    pub refused_types: Option<String>,
}

/// What is wanted of an object.
pub struct Wanted<'a> {
    /// Names of the programs in use, each once.
    pub programs: Vec<&'a str>,
    /// Names in the kernel's types that the programs will be verified for.
    pub targets: Vec<String>,
    /// Variables that get other values than their initial ones.
    pub globals: Vec<(String, Vec<u8>)>,
}

impl LinkedObject {
    /// Links the programs that are wanted. `what` is what errors call the object.
    pub fn link(bytes: &[u8], what: &str, wanted: &Wanted<'_>) -> Result<LinkedObject, Error> {
        let failed = |error: String| Error::new(Phase::Open, what, error);
        let object = Linkable::open(bytes).map_err(|error| failed(error.to_string()))?;
        let linked = link(&object, wanted)?.map_err(|error| failed(error.to_string()))?;
        let (types, refused_types) = match linked.btf.map(|bytes| sys::btf_load(&bytes)) {
            Some(Ok(types)) => (Some(types), None),
            Some(Err(refusal)) => (None, Some(refused(&refusal))),
            None => (None, None),
        };
        let programs = linked.programs.into_iter().collect();
        Ok(LinkedObject { programs, data: linked.data, types, refused_types })
    }

    /// A linked program.
    ///
    /// # Errors
    /// What is wrong with it for this kernel.
    pub fn program(&self, name: &str, what: &str) -> Result<&LinkedProgram, Error> {
        match self.programs.get(name) {
            Some(Ok(program)) => Ok(program),
            Some(Err(error)) => Err(Error::new(Phase::Load, what, error.to_string())),
            None => Err(Error::new(Phase::Load, what, "the object has no such program")),
        }
    }
}

/// Links programs with what the kernel has to say to them. The outer error is the kernel's fault, the
/// inner one the object's.
fn link(
    object: &Linkable<'_>,
    wanted: &Wanted<'_>,
) -> Result<Result<LinkedEach, LinkError>, Error> {
    let needs = object.needs(&wanted.programs);
    let mut types = match needs.types.is_empty() {
        true => None,
        false => Some(kernel_types::kernel_types()?),
    };
    if let Some(types) = &mut types {
        // One look for all names costs hardly more than one for each.
        types.prepare(needs.types.iter().chain(&wanted.targets).map(String::as_str));
    }
    let facts = facts::facts(&needs);
    Ok(object.link_each(&Request {
        programs: &wanted.programs,
        kernel: types.as_deref(),
        facts: facts.as_ref(),
        globals: &wanted.globals,
        features: btf_support::features(),
    }))
}

/// The last line of the log says it.
fn refused(refusal: &sys::Refusal) -> String {
    let said = refusal.log.lines().rev().find(|line| !line.trim().is_empty());
    match said {
        Some(line) => format!("{} ({})", line.trim(), refusal.error),
        None => refusal.error.to_string(),
    }
}
