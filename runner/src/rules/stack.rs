//! Whether programs use more stack than the kernel gives them: `check_max_stack_depth`,
//! kernel/bpf/verifier.c.

use crate::model::{Model, ProgramId};
use crate::object::{Program, StackChain};
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::At;

/// Bytes of a program and the subprograms that it is in (`MAX_BPF_STACK`).
const MAX_STACK: u32 = 512;
/// Bytes above a subprogram that tail-calls: they stay where they are through all of a run's tail calls.
const MAX_ABOVE_TAIL_CALL: u32 = 256;

/// Applies these rules.
pub fn check(model: &Model, findings: &mut Findings) {
    for program in model.programs_in_use() {
        let stack = &model.program(program.value).stack;
        if let Some(chain) = &stack.before_tail_call
            && chain.bytes >= MAX_ABOVE_TAIL_CALL
        {
            findings.push(above_tail_call(model, &program, chain));
        }
        if stack.deepest.bytes > MAX_STACK {
            findings.push(too_deep(model, &program, &stack.deepest, stack.tail_calls));
        }
    }
}

/// The functions of a program that use more stack than there is where no function has a stack of its
/// own, if there are any and [`check`] leaves it to the kernel.
pub fn exceeds(program: &Program) -> Option<&StackChain> {
    let stack = &program.stack;
    (stack.deepest.bytes > MAX_STACK && !stack.tail_calls).then_some(&stack.deepest)
}

/// Refused since Linux 5.10, which was the first to allow tail calls in subprograms.
fn above_tail_call(model: &Model, program: &At<ProgramId>, chain: &StackChain) -> Diagnostic {
    Diagnostic::error(
        Code::TailCallStack,
        program.span,
        format!("`{}` uses too much stack for a tail call", model.program_name(program.value)),
    )
    .label(format!("{} bytes lie above a subprogram that tail-calls", chain.bytes))
    .note(format!("the way to it: {}", chain.functions.join(" → ")))
    .note(format!(
        "the kernel refuses {MAX_ABOVE_TAIL_CALL} bytes and more there, because a tail call leaves them on \
         the stack"
    ))
    .help("tail-call from the program itself, or keep large buffers in a map of the type PERCPU_ARRAY")
}

/// Refused by every kernel where there are tail calls. Without them, x86-64 gives large frames of
/// tracing programs a stack of their own since Linux 6.13 (`bpf_enable_priv_stack`).
fn too_deep(
    model: &Model,
    program: &At<ProgramId>,
    chain: &StackChain,
    tail_calls: bool,
) -> Diagnostic {
    let message = format!("`{}` uses too much stack", model.program_name(program.value));
    let diagnostic = match tail_calls {
        true => Diagnostic::error(Code::StackDepth, program.span, message),
        false => Diagnostic::warning(Code::StackDepth, program.span, message)
            .note("before Linux 6.13, and on other processors than x86-64, the kernel refuses it"),
    };
    diagnostic
        .label(format!("{} bytes, {MAX_STACK} are allowed", chain.bytes))
        .note(format!("the functions that use them: {}", chain.functions.join(" → ")))
        .help("keep large buffers in a map of the type PERCPU_ARRAY")
}
