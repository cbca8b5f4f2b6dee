//! Whether a probe's own tests can be run, and prove anything.

use crate::desired::Argument;
use crate::model::{Model, Test};
use crate::object::{AttachType, ProgramType, Section};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::At;

/// Words of a raw tracepoint's context at most (`MAX_BPF_FUNC_ARGS`, include/linux/bpf.h).
const MOST_WORDS: usize = 12;

/// Size of a word in bytes.
const WORD_SIZE: u32 = 8;

/// Arguments that a system call has at most (`struct seccomp_data`, include/uapi/linux/seccomp.h).
const MOST_SYSCALL_ARGS: usize = 6;

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    for (index, test) in model.tests.iter().enumerate() {
        name_is_unique(&model.tests[..index], test, findings);
        program_can_be_run(model, test, findings);
        arguments_fit(test, findings);
        no_argument_is_missing(model, test, findings);
        something_is_expected(test, findings);
    }
}

/// Reports and `--filter` go by names.
fn name_is_unique(earlier: &[Test], test: &Test, findings: &mut Findings) {
    if let Some(first) = earlier.iter().find(|other| other.name.value == test.name.value) {
        findings.push(
            Diagnostic::error(
                Code::DuplicateTest,
                test.name.span,
                format!("there is another test called `{}`", test.name.value),
            )
            .other(first.name.span, "the other one")
            .help("say what is different about this one"),
        );
    }
}

/// Which programs BPF_PROG_TEST_RUN runs on a context of the caller's: of those that the runner
/// attaches the ones of raw tracepoints (`raw_tracepoint_prog_ops`, kernel/trace/bpf_trace.c).
fn program_can_be_run(model: &Model, test: &Test, findings: &mut Findings) {
    let section = &model.program(test.program.value).section;
    let Some(why) = no_test_run(section) else { return };
    let name = model.program_name(test.program.value);
    findings.push(
        Diagnostic::error(
            Code::NoTestRun,
            test.program.span,
            format!("`{name}` can't be run without being attached"),
        )
        .label(format!("in section \"{}\"", section.name))
        .note(why)
        .help(
            "test a program of a raw tracepoint (SEC(\"raw_tracepoint/…\")), and the others with real \
             events: `probe-runner run FILE --for 10s`",
        ),
    );
}

/// Why the kernel doesn't run a section's programs on a given context; `None` if it does.
fn no_test_run(section: &Section) -> Option<String> {
    let why = match (section.program_type, section.attach_type) {
        (Some(ProgramType::RawTracepoint), AttachType::None) => return None,
        // bpf_prog_test_run_tracing, net/bpf/test_run.c: no case for it.
        (Some(ProgramType::Tracing), AttachType::TraceRawTp) => {
            "the kernel answers EFAULT to a test run of a BTF tracepoint's program; the same program \
             as one of a raw tracepoint has the same context"
        }
        (Some(ProgramType::Tracing), AttachType::TraceFentry | AttachType::TraceFexit)
        | (Some(ProgramType::Tracing), AttachType::Other("modify_return")) => {
            "the kernel's test run of a trampoline calls its own functions bpf_fentry_test1 and the \
             like: it takes no context"
        }
        _ => "the kernel has no test run for programs of this kind (it answers ENOTSUPP)",
    };
    Some(why.to_owned())
}

/// What `bpf_prog_test_run_raw_tp` (net/bpf/test_run.c) takes.
fn arguments_fit(test: &Test, findings: &mut Findings) {
    if let Some(first) = test.args.get(MOST_WORDS) {
        findings.push(
            Diagnostic::error(
                Code::TestArguments,
                first.span,
                format!("the context has {} words", test.args.len()),
            )
            .label("one too many")
            .help(format!("a raw tracepoint has at most {MOST_WORDS} arguments")),
        );
    }
    for arg in &test.args {
        registers_fit(arg, findings);
    }
}

/// A word that isn't given is 0. Of one that the program reads that has to be said: the kernel wants
/// the context as long as what the program reads (`bpf_prog_test_run_raw_tp`), and a 0 that nobody
/// thought of proves little.
fn no_argument_is_missing(model: &Model, test: &Test, findings: &mut Findings) {
    let program = model.program(test.program.value);
    let read = program.context_end().div_ceil(WORD_SIZE) as usize;
    let given = test.args.len();
    // Of programs that can't be run the context is another.
    if given >= read || no_test_run(&program.section).is_some() {
        return;
    }
    let span = test.args.last().map_or(test.program.span, |last| last.span);
    let counted = |count: usize| format!("{count} word{}", if count == 1 { "" } else { "s" });
    findings.push(
        Diagnostic::error(
            Code::TestArguments,
            span,
            format!(
                "`{}` reads {} of its context, and is given {given}",
                model.program_name(test.program.value),
                counted(read)
            ),
        )
        .help(format!("give each of them, if only as 0: `args: [{}]`", vec!["0"; read].join(", "))),
    );
}

fn registers_fit(arg: &At<Argument>, findings: &mut Findings) {
    let Argument::SyscallArgs(args) = &arg.value else { return };
    if args.iter().any(|inner| matches!(inner, Argument::SyscallArgs(_))) {
        findings.push(
            Diagnostic::error(
                Code::TestArguments,
                arg.span,
                "an argument of a system call can't be registers",
            )
            .help("registers are a word of the context: `args: [{ syscall_args: […] }, …]`"),
        );
    }
    if args.len() > MOST_SYSCALL_ARGS {
        findings.push(
            Diagnostic::error(
                Code::TestArguments,
                arg.span,
                format!("a system call with {} arguments", args.len()),
            )
            .label(format!("there are at most {MOST_SYSCALL_ARGS}")),
        );
    }
}

/// A test without expectations passes whatever the program does.
fn something_is_expected(test: &Test, findings: &mut Findings) {
    let expect = &test.expect.value;
    let is_empty = expect.returns.is_none() && expect.maps.is_empty() && expect.events.is_empty();
    // What could not be bound was reported already.
    if is_empty && !findings.has_errors() {
        findings.push(
            Diagnostic::error(
                Code::EmptyTest,
                test.expect.span,
                format!("`{}` expects nothing", test.name.value),
            )
            .help("say what must come of it: `expect: { returns: 0, maps: { NAME: [ … ] } }`"),
        );
    }
}
