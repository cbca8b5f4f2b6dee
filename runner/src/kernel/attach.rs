//! Attaching: one file a kind, each saying which programs it takes, in which order they are
//! attached, and by which call.
//!
//! A program is attached from its pin, so it doesn't matter who loaded it. A link is pinned beside
//! it wherever the kernel has links for it; perf events before Linux 5.15 have none, and their
//! attachments are held by the process.

mod btf_tracepoint;
mod fentry;
mod fexit;
mod kprobe;
mod kprobe_pair;
mod kretprobe;
mod raw_tracepoint;
mod tracepoint;

use std::fmt::Debug;
use std::os::fd::AsFd;
use std::path::Path;

use aya::programs::ProgramError;
use aya::programs::kprobe::KProbeLink;
use aya::programs::links::{FdLink, LinkError};
use aya::programs::trace_point::TracePointLink;

use crate::desired::{Hook, HookKind, ProgramRef};
use crate::kernel::error::{Error, Phase};
use crate::kernel::load::{Loader, name_of};
use crate::kernel::pins::{LinkName, PinDir};
use crate::kernel::{cause, hints, mounts, sys};
use crate::live::{LinkKeeper, LinkRecord};

/// One program of a hook and how it is attached.
struct Part<'a> {
    program: &'a ProgramRef,
    /// What the program is verified for, where its type wants that.
    target: Option<&'a str>,
    /// Attaches the program that is pinned at the path.
    attach: fn(&Path, &Hook) -> Result<Attached, Failure>,
}

/// A new link, as aya returns it.
enum Attached {
    /// One that can be pinned.
    Link(FdLink),
    /// One that this process has to hold.
    Held(HeldLink),
}

/// A perf event with a program, on kernels without links for them: it is detached when this is
/// dropped.
#[derive(Debug)]
pub struct HeldLink {
    _link: Box<dyn Debug>,
}

/// Why a call of aya's failed.
enum Failure {
    Program(ProgramError),
    Link(LinkError),
}

/// What attaching a hook made.
pub struct NewLinks {
    /// The links, in the order in which they were attached.
    pub records: Vec<LinkRecord>,
    /// Those that this process has to hold.
    pub held: Vec<HeldLink>,
    /// What had to be done besides.
    pub notes: Vec<String>,
}

/// Loads a hook's programs and attaches them; the first link is number `order` of the probe. If
/// anything fails, nothing of it is left.
pub fn attach(
    hook: &Hook,
    loader: &mut Loader<'_>,
    pins: &PinDir,
    order: usize,
) -> Result<NewLinks, Error> {
    if pins.is_persistent() {
        check_keepable(hook)?;
    }
    let mark = loader.mark();
    let mut made = NewLinks {
        records: Vec::new(),
        held: Vec::new(),
        notes: prepare(hook)?.into_iter().collect(),
    };
    let result = attach_parts(hook, loader, pins, order, &mut made);
    if let Err(error) = result {
        made.undo(pins);
        // The first failure is the one to tell; what can't be removed now goes with the directory.
        let _ = loader.unload_since(mark);
        return Err(error);
    }
    Ok(made)
}

fn attach_parts(
    hook: &Hook,
    loader: &mut Loader<'_>,
    pins: &PinDir,
    order: usize,
    made: &mut NewLinks,
) -> Result<(), Error> {
    let parts = parts(hook);
    let mut programs = Vec::new();
    for part in &parts {
        programs.push(loader.load(part.program, part.target)?);
    }
    for (i, (part, program)) in parts.iter().zip(&programs).enumerate() {
        let attached =
            (part.attach)(program, hook).map_err(|failure| explain(failure, hook, part))?;
        let keeper = match attached {
            Attached::Link(link) => {
                let name = LinkName { order: order + i, program: part.program.clone() }.to_string();
                keep(link, &name, pins)?
            }
            Attached::Held(held) => {
                made.held.push(held);
                LinkKeeper::Process
            }
        };
        made.records.push(LinkRecord { program: part.program.clone(), keeper });
    }
    Ok(())
}

/// A hook's programs in the order in which they are attached.
fn parts(hook: &Hook) -> Vec<Part<'_>> {
    match hook.kind {
        HookKind::Fentry => fentry::parts(hook),
        HookKind::Fexit => fexit::parts(hook),
        HookKind::Kprobe => kprobe::parts(hook),
        HookKind::Kretprobe => kretprobe::parts(hook),
        HookKind::KprobePair => kprobe_pair::parts(hook),
        HookKind::RawTracepoint => raw_tracepoint::parts(hook),
        HookKind::Tracepoint => tracepoint::parts(hook),
        HookKind::BtfTracepoint => btf_tracepoint::parts(hook),
    }
}

/// Mounts the trace file system where it is needed: it says which number a tracepoint has.
fn prepare(hook: &Hook) -> Result<Option<String>, Error> {
    match hook.kind {
        HookKind::Tracepoint => mounts::ensure_tracefs(),
        _ => Ok(None),
    }
}

/// Refuses to pin what the kernel can't keep without a process.
fn check_keepable(hook: &Hook) -> Result<(), Error> {
    let is_perf_event = matches!(
        hook.kind,
        HookKind::Kprobe | HookKind::Kretprobe | HookKind::KprobePair | HookKind::Tracepoint
    );
    if !is_perf_event || has_perf_links() {
        return Ok(());
    }
    Err(Error::new(
        Phase::Attach,
        describe(hook),
        format!(
            "this kernel can't keep a {} without a process (that takes Linux 5.15)",
            hook.kind.name()
        ),
    )
    .hint("`probe-runner run` attaches it for as long as it runs")
    .hint("an alternative that can be kept may come first: `first_of` with fentry, fexit or raw_tracepoint"))
}

/// Whether the kernel has links for perf events, which can be pinned (Linux 5.15).
pub fn has_perf_links() -> bool {
    aya::features().bpf_perf_link()
}

/// What errors call a hook: `fexit get_rps_cpu`.
pub fn describe(hook: &Hook) -> String {
    format!("{} {}", hook.kind.name(), hook.target)
}

fn keep(link: FdLink, name: &str, pins: &PinDir) -> Result<LinkKeeper, Error> {
    let path = pins.links().join(name);
    link.pin(&path).map_err(|error| cause::of(Phase::Pin, path.display().to_string(), &error))?;
    let id = sys::obj_get(&path)
        .and_then(|fd| sys::link_info(fd.as_fd()))
        .map_err(|error| Error::from_io(Phase::Pin, path.display().to_string(), &error))?
        .id;
    Ok(LinkKeeper::Pin { name: name.to_owned(), id })
}

fn explain(failure: Failure, hook: &Hook, part: &Part<'_>) -> Error {
    let what = format!("{} to {}", name_of(part.program), describe(hook));
    match failure {
        Failure::Program(error) => {
            hints::add_for_hook(cause::of(Phase::Attach, what, &error), hook)
        }
        Failure::Link(error) => hints::add_for_hook(cause::of(Phase::Attach, what, &error), hook),
    }
}

impl NewLinks {
    /// Detaches them again, the last one first.
    pub fn undo(&mut self, pins: &PinDir) {
        for link in self.records.drain(..).rev() {
            match link.keeper {
                LinkKeeper::Pin { name, .. } => {
                    // What can't be removed now goes with the directory.
                    let _ = std::fs::remove_file(pins.links().join(name));
                }
                LinkKeeper::Process => drop(self.held.pop()),
            }
        }
    }
}

impl Attached {
    fn kprobe(link: KProbeLink) -> Result<Attached, Failure> {
        if has_perf_links() {
            return Ok(Attached::Link(link.try_into()?));
        }
        Ok(Attached::Held(HeldLink { _link: Box::new(link) }))
    }

    fn tracepoint(link: TracePointLink) -> Result<Attached, Failure> {
        if has_perf_links() {
            return Ok(Attached::Link(link.try_into()?));
        }
        Ok(Attached::Held(HeldLink { _link: Box::new(link) }))
    }
}

impl From<ProgramError> for Failure {
    fn from(error: ProgramError) -> Failure {
        Failure::Program(error)
    }
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Failure {
        Failure::Link(error)
    }
}
