//! Whether programs are of the kind that their attachments need.

use crate::desired::HookKind;
use crate::model::{Hook, Model, ProgramId};
use crate::object::{AttachType, ProgramType, Section};
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
            let entry_is_return =
                is_kind(&model.program(hook.program.value).section, HookKind::Kretprobe);
            let return_is_entry =
                is_kind(&model.program(return_program.value).section, HookKind::Kprobe);
            if entry_is_return && return_is_entry {
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
    if is_kind(section, wanted) {
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
    diagnostic = match fitting(section) {
        Some(kind) => diagnostic
            .label(format!("compiled as {}", kind.name()))
            .help(format!("attach it as `{}`, or name another program", kind.name())),
        None => diagnostic
            .label("compiled for something that probe-runner doesn't attach")
            .help(format!("name a program in a section \"{}/…\"", section_prefix(wanted))),
    };
    findings.push(diagnostic);
}

/// Whether a section's programs can be attached this way.
fn is_kind(section: &Section, kind: HookKind) -> bool {
    let of_type = |program_type, attach_type| {
        section.program_type == Some(program_type) && section.attach_type == attach_type
    };
    match kind {
        HookKind::Fentry => of_type(ProgramType::Tracing, AttachType::TraceFentry),
        HookKind::Fexit => of_type(ProgramType::Tracing, AttachType::TraceFexit),
        HookKind::BtfTracepoint => of_type(ProgramType::Tracing, AttachType::TraceRawTp),
        HookKind::RawTracepoint => of_type(ProgramType::RawTracepoint, AttachType::None),
        HookKind::Tracepoint => of_type(ProgramType::Tracepoint, AttachType::None),
        HookKind::Kprobe => section.prefix == "kprobe",
        HookKind::Kretprobe => section.prefix == "kretprobe",
        HookKind::KprobePair => matches!(section.prefix.as_str(), "kprobe" | "kretprobe"),
        HookKind::Uprobe => section.prefix == "uprobe",
        HookKind::Uretprobe => section.prefix == "uretprobe",
        // One name for two: to the kernel it is a uprobe.
        HookKind::Usdt => matches!(section.prefix.as_str(), "usdt" | "uprobe"),
        HookKind::PerfEvent => of_type(ProgramType::Other("perf_event"), AttachType::None),
        HookKind::FmodRet => of_type(ProgramType::Tracing, AttachType::Other("modify_return")),
        HookKind::KprobeMulti => section.prefix == "kprobe.multi",
        HookKind::KretprobeMulti => section.prefix == "kretprobe.multi",
        HookKind::Lsm => of_type(ProgramType::Other("lsm"), AttachType::Other("lsm_mac")),
        HookKind::Iter => of_type(ProgramType::Tracing, AttachType::Other("trace_iter")),
    }
}

/// The way of attaching a section's programs are for.
fn fitting(section: &Section) -> Option<HookKind> {
    HookKind::ALL.into_iter().find(|kind| is_kind(section, *kind))
}

/// As the kind's name is spoken.
fn article(kind: HookKind) -> &'static str {
    match kind {
        HookKind::FmodRet | HookKind::Lsm | HookKind::Iter => "an",
        _ => "a",
    }
}

fn section_prefix(kind: HookKind) -> &'static str {
    match kind {
        HookKind::BtfTracepoint => "tp_btf",
        HookKind::KprobePair => "kprobe",
        HookKind::KprobeMulti => "kprobe.multi",
        HookKind::KretprobeMulti => "kretprobe.multi",
        other => other.name(),
    }
}
