//! Whether the programs that call through a PROG_ARRAY and those that sit in it are alike enough.
//!
//! The kernel compares them when a program that uses the array is loaded, and when one is put into a
//! slot: `__bpf_prog_map_compatible`, kernel/bpf/core.c. What it compares has grown, and distributions
//! carry the changes in older kernels; so the strictest of them is asked for.

use super::{Array, User, users};
use crate::model::{Model, ProgramId};
use crate::object::{AttachType, ProgramType, Section};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::At;
use std::fmt;

/// `BPF_FUNC_override_return`.
const OVERRIDE_RETURN: u32 = 58;

/// Applies these rules.
pub fn check(array: &Array<'_>, findings: &mut Findings) {
    types_agree(array, findings);
    nobody_overrides(array, findings);
    nobody_sleeps(array, findings);
    contexts_agree(array, findings);
}

/// What the programs that call or sit in a PROG_ARRAY are, in words; `None` if there are none.
pub fn owner(model: &Model, map: &str) -> Option<String> {
    let mut users = users(model).into_iter();
    let user =
        users.find(|user| model.program(user.program.value).maps.iter().any(|used| used == map))?;
    Some(compatibility(model, user.program.value, user.target).to_string())
}

/// What callers and handlers must have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Compatibility {
    program_type: Option<ProgramType>,
    attach_type: AttachType,
    sleepable: bool,
    /// The function or tracepoint of a program with a BTF prototype: another one may have another.
    target: Option<String>,
}

/// Something that two programs don't have in common, by when the kernel began to ask for it.
#[derive(Clone, Copy)]
enum Difference {
    ProgramType,
    AttachType,
    Sleepable,
    Target,
}

impl Compatibility {
    /// What makes another program incompatible, the oldest demand first.
    fn difference(&self, other: &Compatibility) -> Option<Difference> {
        if self.program_type != other.program_type {
            Some(Difference::ProgramType)
        } else if self.attach_type != other.attach_type {
            Some(Difference::AttachType)
        } else if self.sleepable != other.sleepable {
            Some(Difference::Sleepable)
        } else {
            let differs = other.target.is_some() && self.target != other.target;
            differs.then_some(Difference::Target)
        }
    }
}

impl Difference {
    /// Which kernels refuse it.
    fn enforced(self) -> &'static str {
        match self {
            Difference::ProgramType => "every kernel refuses another program type",
            Difference::AttachType => {
                "Linux 6.18 and the stable kernels since autumn 2025 refuse another attach type"
            }
            Difference::Sleepable => {
                "before Linux 7.0 no program that may sleep can tail-call, since then all or none of \
                 an array's may sleep"
            }
            Difference::Target => {
                "Linux 6.12 and later stable kernels refuse it unless both functions have the same \
                 parameters and the same result"
            }
        }
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.program_type, self.attach_type) {
            (None, _) => f.write_str("a program of unknown type")?,
            (Some(program_type), AttachType::None) => write!(f, "a {program_type} program")?,
            (Some(program_type), attach_type) => {
                write!(f, "a {program_type} program ({attach_type})")?;
            }
        }
        if self.sleepable {
            f.write_str(" that may sleep")?;
        }
        match &self.target {
            Some(target) => write!(f, " for {target}"),
            None => Ok(()),
        }
    }
}

fn compatibility(model: &Model, id: ProgramId, attached_to: Option<&str>) -> Compatibility {
    of_section(&model.program(id).section, attached_to)
}

/// What a program of a section is to the PROG_ARRAYs that it uses, in words; `attached_to` is the
/// function or tracepoint that it, or its caller, is attached to.
pub fn kind(section: &Section, attached_to: Option<&str>) -> String {
    of_section(section, attached_to).to_string()
}

fn of_section(section: &Section, attached_to: Option<&str>) -> Compatibility {
    let has_prototype =
        matches!(section.program_type, Some(ProgramType::Tracing | ProgramType::Other("lsm")));
    let target = attached_to.map(str::to_owned).or_else(|| section.target.clone());
    Compatibility {
        program_type: section.program_type,
        attach_type: section.attach_type,
        sleepable: section.sleepable,
        target: target.filter(|_| has_prototype),
    }
}

/// Callers, then handlers.
fn members<'a>(array: &'a Array<'a>) -> impl Iterator<Item = User<'a>> {
    let entries = array.entries.iter();
    let handlers = entries.map(|entry| User { program: entry.program.clone(), target: None });
    array.callers.iter().cloned().chain(handlers)
}

fn types_agree(array: &Array<'_>, findings: &mut Findings) {
    let model = array.model;
    let name = array.name;
    let mut members = members(array).map(|user| {
        let mut found = compatibility(model, user.program.value, user.target);
        if user.target.is_none() {
            // Whatever a handler was compiled for, it is verified for what its caller is attached to.
            found.target = None;
        }
        (found, user)
    });
    let Some((wanted, owner)) = members.next() else { return };
    let mut reported: Vec<At<ProgramId>> = Vec::new();
    for (found, user) in members {
        let Some(difference) = wanted.difference(&found) else { continue };
        if reported.contains(&user.program) {
            continue;
        }
        let message =
            format!("`{}` can't be used with `{name}`", array.program_name(&user.program));
        let diagnostic = match difference {
            // Only a kernel's types say whether the prototypes differ.
            Difference::Target => {
                let message = message.replacen("can't", "may not", 1);
                Diagnostic::warning(Code::SlotTypeMismatch, user.program.span, message)
            }
            _ => Diagnostic::error(Code::SlotTypeMismatch, user.program.span, message),
        };
        findings.push(
            diagnostic
                .label(format!("this is {found}"))
                .other(
                    owner.program.span,
                    format!("`{}` is {wanted}", array.program_name(&owner.program)),
                )
                .note(format!("all programs that call or sit in `{name}` must be of one type"))
                .note(difference.enforced())
                .help(format!("use a handler compiled as {wanted}")),
        );
        reported.push(user.program);
    }
}

/// A program that overrides its function's result can't call or be called: `kprobe_override` makes it
/// incompatible with every array since Linux 4.16.
fn nobody_overrides(array: &Array<'_>, findings: &mut Findings) {
    let mut reported: Vec<ProgramId> = Vec::new();
    for user in members(array) {
        let id = user.program.value;
        if !array.model.program(id).helpers.contains(&OVERRIDE_RETURN) || reported.contains(&id) {
            continue;
        }
        reported.push(id);
        findings.push(
            Diagnostic::error(
                Code::OverrideTailCall,
                user.program.span,
                format!(
                    "`{}` can't be used with `{}`",
                    array.program_name(&user.program),
                    array.name
                ),
            )
            .label("calls bpf_override_return")
            .note("a program that overrides a result can neither tail-call nor be tail-called")
            .help("override the result in a program of its own, attached without tail calls"),
        );
    }
}

/// `check_map_prog_compatibility`, kernel/bpf/verifier.c: before Linux 7.0 (commit 0f0c332992b8)
/// programs that may sleep could not use this type of map at all.
fn nobody_sleeps(array: &Array<'_>, findings: &mut Findings) {
    let mut reported: Vec<ProgramId> = Vec::new();
    for user in &array.callers {
        let id = user.program.value;
        let section = &array.model.program(id).section;
        if !section.sleepable || reported.contains(&id) {
            continue;
        }
        reported.push(id);
        findings.push(
            Diagnostic::error(
                Code::SleepableTailCall,
                user.program.span,
                format!("`{}` may sleep and tail-calls", array.program_name(&user.program)),
            )
            .label(format!("in section \"{}\"", section.name))
            .note(format!(
                "before Linux 7.0 a program that may sleep can't use `{}`, a PROG_ARRAY",
                array.name
            ))
            .help("compile it without `.s` in its section's name, or without tail calls"),
        );
    }
}

/// A handler's context is its caller's: the arguments of the function or tracepoint that the caller is
/// attached to, or its record, whatever the handler was compiled for. The kernel doesn't compare that.
fn contexts_agree(array: &Array<'_>, findings: &mut Findings) {
    let model = array.model;
    let by_target = |id: ProgramId| {
        let section = &model.program(id).section;
        let is_one = section.is_verified_for_target()
            || matches!(
                section.program_type,
                Some(ProgramType::RawTracepoint | ProgramType::Tracepoint)
            );
        is_one.then_some(section)
    };
    for entry in &array.entries {
        let id = entry.program.value;
        let Some(section) = by_target(id) else { continue };
        let Some(own) = &section.target else { continue };
        let other = array.callers.iter().find_map(|caller| {
            let target = caller.target.filter(|target| target != own)?;
            let of_caller = by_target(caller.program.value)?;
            let is_alike = of_caller.program_type == section.program_type
                && of_caller.attach_type == section.attach_type;
            is_alike.then_some((caller, target))
        });
        // Without arguments nothing can be mistaken for something else.
        let Some((caller, target)) = other.filter(|_| !model.program(id).context.is_empty()) else {
            continue;
        };
        findings.push(
            Diagnostic::warning(
                Code::HandlerContext,
                entry.program.span,
                format!(
                    "`{}` reads the arguments of another {}",
                    array.program_name(&entry.program),
                    what_is_attached_to(section)
                ),
            )
            .label(format!("compiled for {own}"))
            .other(
                caller.program.span,
                format!("`{}` is attached to {target}", array.program_name(&caller.program)),
            )
            .note("a handler sees the context of the program that tail-calls it")
            .help(format!("use a handler compiled for {target}")),
        );
    }
}

/// What a program of a section is attached to, in a word.
fn what_is_attached_to(section: &Section) -> &'static str {
    let has_tracepoint = matches!(
        (section.program_type, section.attach_type),
        (Some(ProgramType::RawTracepoint | ProgramType::Tracepoint), _)
            | (_, AttachType::TraceRawTp)
    );
    if has_tracepoint { "tracepoint" } else { "function" }
}
