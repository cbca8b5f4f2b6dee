//! Attaching: a file for each kind, or for a few that differ in a number, each saying which programs it takes, in which order they are
//! attached, and by which call.
//!
//! A program is attached from its pin, so it doesn't matter who loaded it. A link is pinned beside
//! it wherever the kernel has links for it; perf events before Linux 5.15 have none, and their
//! attachments are held by the process.

mod btf_tracepoint;
mod cookie;
mod iter;
mod kprobe;
mod kprobe_multi;
mod kprobe_pair;
mod kretprobe;
mod kretprobe_multi;
mod lsm;
mod perf;
mod perf_event;
mod raw_tracepoint;
mod tracepoint;
mod trampoline;
mod uprobe;
mod uretprobe;
mod usdt;
mod user_file;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use aya::programs::ProgramError;
use aya::programs::links::{FdLink, LinkError};

use crate::desired::{Hook, HookKind, Mechanism, ProgramRef};
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
    attach: fn(&Path, &Hook) -> Result<Vec<Attached>, Failure>,
}

/// A new link: detached when it is dropped, unless it was pinned.
enum Attached {
    /// One that aya made.
    Link(FdLink),
    /// One that we made.
    Fd(OwnedFd),
    /// One that can't be pinned: this process has to hold it.
    Held(HeldLink),
}

/// A perf event with a program, on kernels without links for them: it is detached when this is
/// dropped.
#[derive(Debug)]
pub struct HeldLink {
    _event: OwnedFd,
}

/// Why a program can't be attached.
enum Failure {
    /// A call of aya's failed.
    Program(ProgramError),
    /// A call of aya's failed.
    Link(LinkError),
    /// A call of ours failed.
    Io(io::Error),
    /// The kernel has no cookies for this kind.
    NoCookies {
        /// The first Linux that has.
        since: &'static str,
    },
    /// The hook lacks what its kind needs: it comes from a state file that somebody changed.
    Incomplete,
    /// It was found out before the kernel was asked.
    Told { detail: String, hints: Vec<String>, target_missing: bool },
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
    for (part, program) in parts.iter().zip(&programs) {
        let links = (part.attach)(program, hook).map_err(|failure| explain(failure, hook, part))?;
        for link in links {
            let order = order + made.records.len();
            let name = LinkName { order, program: part.program.clone() }.to_string();
            let keeper = match link {
                Attached::Link(link) => keep(&name, pins, |pin| {
                    link.pin(pin)
                        .map(drop)
                        .map_err(|e| cause::of(Phase::Pin, pin.display().to_string(), &e))
                })?,
                Attached::Fd(link) => keep(&name, pins, |pin| {
                    sys::obj_pin(link.as_fd(), pin)
                        .map_err(|e| Error::from_io(Phase::Pin, pin.display().to_string(), &e))
                })?,
                Attached::Held(held) => {
                    made.held.push(held);
                    LinkKeeper::Process
                }
            };
            made.records.push(LinkRecord { program: part.program.clone(), keeper });
        }
    }
    Ok(())
}

/// A hook's programs in the order in which they are attached.
fn parts(hook: &Hook) -> Vec<Part<'_>> {
    match hook.kind {
        HookKind::Fentry => trampoline::at_entry(hook),
        HookKind::Fexit => trampoline::at_exit(hook),
        HookKind::Kprobe => kprobe::parts(hook),
        HookKind::Kretprobe => kretprobe::parts(hook),
        HookKind::KprobePair => kprobe_pair::parts(hook),
        HookKind::RawTracepoint => raw_tracepoint::parts(hook),
        HookKind::Tracepoint => tracepoint::parts(hook),
        HookKind::BtfTracepoint => btf_tracepoint::parts(hook),
        HookKind::Uprobe => uprobe::parts(hook),
        HookKind::Uretprobe => uretprobe::parts(hook),
        HookKind::Usdt => usdt::parts(hook),
        HookKind::PerfEvent => perf_event::parts(hook),
        HookKind::FmodRet => trampoline::deciding(hook),
        HookKind::KprobeMulti => kprobe_multi::parts(hook),
        HookKind::KretprobeMulti => kretprobe_multi::parts(hook),
        HookKind::Lsm => lsm::parts(hook),
        HookKind::Iter => iter::parts(hook),
    }
}

/// Mounts the trace file system where it is needed: it says which number a tracepoint has, and which
/// functions can be traced.
fn prepare(hook: &Hook) -> Result<Option<String>, Error> {
    match hook.kind {
        HookKind::Tracepoint | HookKind::KprobeMulti | HookKind::KretprobeMulti => {
            mounts::ensure_tracefs()
        }
        _ => Ok(None),
    }
}

/// Refuses to pin what the kernel can't keep without a process.
fn check_keepable(hook: &Hook) -> Result<(), Error> {
    if hook.kind.mechanism() != Mechanism::PerfEvent || has_perf_links() {
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
    format!("{} {}", hook.kind.name(), hook.place())
}

/// Pins a link by that name.
fn keep(
    name: &str,
    pins: &PinDir,
    pin: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<LinkKeeper, Error> {
    let path = pins.links().join(name);
    pin(&path)?;
    let id = sys::obj_get(&path)
        .and_then(|fd| sys::link_info(fd.as_fd()))
        .map_err(|error| Error::from_io(Phase::Pin, path.display().to_string(), &error))?
        .id;
    Ok(LinkKeeper::Pin { name: name.to_owned(), id })
}

fn explain(failure: Failure, hook: &Hook, part: &Part<'_>) -> Error {
    let what = format!("{} to {}", name_of(part.program), describe(hook));
    let error = match failure {
        Failure::Program(error) => cause::of(Phase::Attach, what, &error),
        Failure::Link(error) => cause::of(Phase::Attach, what, &error),
        Failure::Io(error) => Error::from_io(Phase::Attach, what, &error),
        Failure::NoCookies { since } => {
            let kind = hook.kind.name();
            let detail = format!("this kernel has no cookies for a {kind} (since Linux {since})");
            return Error::new(Phase::Attach, what, detail)
                .hint("leave `cookie` out, or let an alternative without it follow in `first_of`");
        }
        Failure::Incomplete => {
            return Error::new(Phase::Attach, what, "it lacks what this kind of hook needs");
        }
        Failure::Told { detail, hints, target_missing } => {
            let error = Error::new(Phase::Attach, what, detail);
            return Error { hints, target_missing, ..error };
        }
    };
    hints::add_for_hook(error, hook)
}

impl Attached {
    /// Attaches a program to what it was loaded for: its type says how.
    fn to_its_target(program: &Path) -> Result<Vec<Attached>, Failure> {
        let program = sys::obj_get(program)?;
        Ok(vec![Attached::Fd(sys::raw_tracepoint_open(None, program.as_fd())?)])
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

impl Failure {
    /// The target doesn't exist.
    fn missing(detail: impl Into<String>) -> Failure {
        Failure::Told { detail: detail.into(), hints: Vec::new(), target_missing: true }
    }

    /// The target exists and can't be used.
    fn refused(detail: impl Into<String>) -> Failure {
        Failure::Told { detail: detail.into(), hints: Vec::new(), target_missing: false }
    }

    /// The same with a hint, where it was told in words.
    fn hint(mut self, hint: impl Into<String>) -> Failure {
        if let Failure::Told { hints, .. } = &mut self {
            hints.push(hint.into());
        }
        self
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

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}
