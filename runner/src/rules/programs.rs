//! Whether programs are of the kind that their attachments need.

use crate::desired::HookKind;
use crate::model::{Hook, Model, ProgramId};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::{At, Span};

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    something_is_attached(model, findings);
    for hook in model.hooks() {
        kinds_agree(model, hook, findings);
    }
}

/// A probe without attachments does nothing.
fn something_is_attached(model: &Model, findings: &mut Findings) {
    // Attachments that could not be bound were reported already.
    if model.attach.is_empty() && !findings.has_errors() {
        findings.push(
            Diagnostic::error(Code::NothingAttached, Span::default(), "the probe attaches nothing")
                .help("say where its programs go: `attach: [{ raw_tracepoint: { name: sys_enter, program: … } }]`"),
        );
    }
}

/// The probe file decides how a program is attached; its section has to agree, because the type a
/// program is verified as comes with it (`bpf_prog_load_check_attach`, kernel/bpf/syscall.c).
fn kinds_agree(model: &Model, hook: &Hook, findings: &mut Findings) {
    let kind = hook.kind.value;
    match &hook.return_program {
        None => program_agrees(model, hook, &hook.program, kind, findings),
        Some(return_program) => {
            let is_kind = |program: &At<ProgramId>, kind| {
                HookKind::of_section(&model.program(program.value).section.prefix) == Some(kind)
            };
            if is_kind(&hook.program, HookKind::Kretprobe)
                && is_kind(return_program, HookKind::Kprobe)
            {
                findings.push(
                    Diagnostic::error(
                        Code::KindMismatch,
                        hook.program.span,
                        "the pair's programs are in each other's place",
                    )
                    .label("this one was compiled for the function's return")
                    .other(return_program.span, "and this one for its entry")
                    .help("exchange `entry` and `return`"),
                );
                return;
            }
            program_agrees(model, hook, &hook.program, HookKind::Kprobe, findings);
            program_agrees(model, hook, return_program, HookKind::Kretprobe, findings);
        }
    }
}

fn program_agrees(
    model: &Model,
    hook: &Hook,
    id: &At<ProgramId>,
    wanted: HookKind,
    findings: &mut Findings,
) {
    let section = &model.program(id.value).section;
    if wanted.sections().contains(&section.prefix.as_str()) {
        return;
    }
    let name = model.program_name(id.value);
    let origin = &model.objects[id.value.object].file.origin;
    let mut diagnostic = Diagnostic::error(
        Code::KindMismatch,
        id.span,
        format!("`{name}` is not {} {} program", article(wanted), wanted.name()),
    )
    .other(hook.kind.span, format!("attached as {}", hook.kind.value.name()))
    .note(format!("in {origin}: `{name}` is in section \"{}\"", section.name));
    diagnostic = match HookKind::of_section(&section.prefix) {
        Some(kind) => diagnostic
            .label(format!("compiled as {}", kind.name()))
            .help(format!("attach it as `{}`, or name another program", kind.name())),
        None => diagnostic
            .label("compiled for something that probe-runner doesn't attach")
            .help(format!("name a program in a section \"{}/…\"", wanted.sections()[0])),
    };
    findings.push(diagnostic);
}

/// As the kind's name is spoken.
fn article(kind: HookKind) -> &'static str {
    match kind {
        HookKind::FmodRet | HookKind::Lsm | HookKind::Iter => "an",
        _ => "a",
    }
}
