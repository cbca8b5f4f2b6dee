//! What is attached by a trampoline: functions, security hooks, and iterators, which go by functions
//! too.
//!
//! The rules are those of `btf_distill_func_proto` and `btf_ctx_access` (kernel/bpf/btf.c), and of
//! `arch_prepare_bpf_trampoline` (arch/x86/net/bpf_jit_comp.c).

use crate::btf::{Shape, Type, TypeId};
use crate::desired::HookKind;
use crate::kernels::Arch;
use crate::model::{Hook, ProgramId};
use crate::object::ContextTouch;
use crate::prove::names::Signature;
use crate::prove::trial::Trial;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::At;

/// Arguments that a trampoline hands over (`MAX_BPF_FUNC_ARGS`).
const MAX_ARGUMENTS: usize = 12;
/// Words that an x86 trampoline handed over before 6.6 (473e3150e30a): those in registers.
const X86_REGISTERS: u32 = 6;
/// The largest structure that is handed over by value, in bytes.
const MAX_STRUCT: u32 = 16;

/// How a program gets at an argument.
struct Arguments {
    /// Words of 8 bytes in the context before the result.
    words: u32,
}

/// fentry, fexit and fmod_ret at a function.
pub(super) fn function(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    let name = &hook.target.value;
    match trial.kernel.function(name).and_then(|found| trial.kernel.signature(found)) {
        Some(signature) => {
            let mut found = fits(trial, hook, signature);
            if hook.kind.value == HookKind::FmodRet && !name.starts_with("security_") {
                found.push(may_change(hook));
            }
            found
        }
        None if trial.kernel.has_functions() => {
            let error = Diagnostic::error(
                Code::MissingFunction,
                hook.target.span,
                format!("a kernel has no function `{name}` to attach to"),
            );
            let error = match trial.kernel.has_copies(name) {
                true => error.label("the compiler made copies of it, which have no trampolines"),
                false => trial.kernel.as_far_as_known(
                    error
                        .label("it is not in the kernel's types")
                        .did_you_mean(trial.kernel.function_like(name)),
                ),
            };
            vec![error.help(
                "if only some kernels have it: `first_of` with an alternative for the others, or \
                 `on_missing: skip`",
            )]
        }
        None => vec![no_functions(hook)],
    }
}

/// A hook of the security modules: an empty function for each, if the kernel was built with
/// `CONFIG_BPF_LSM` (kernel/bpf/bpf_lsm.c).
pub(super) fn security_hook(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    const PREFIX: &str = "bpf_lsm_";
    let name = format!("{PREFIX}{}", hook.target.value);
    if let Some(signature) =
        trial.kernel.function(&name).and_then(|found| trial.kernel.signature(found))
    {
        let mut found = fits(trial, hook, signature);
        found.extend(is_enabled(trial, hook));
        return found;
    }
    if !trial.kernel.has_functions() {
        return vec![no_functions(hook)];
    }
    if trial.kernel.function("bpf_lsm_file_open").is_none() {
        let error = Diagnostic::error(
            Code::UnsupportedAttach,
            hook.kind.span,
            "a kernel has no BPF security module",
        );
        return vec![error.label("it takes CONFIG_BPF_LSM")];
    }
    vec![missing(trial, hook, PREFIX, "security hook")]
}

/// An iterator: `bpf_iter_TARGET` says what its program gets (`bpf_iter_prog_supported`,
/// kernel/bpf/bpf_iter.c).
pub(super) fn iterator(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    const PREFIX: &str = "bpf_iter_";
    let name = format!("{PREFIX}{}", hook.target.value);
    if trial.kernel.function(&name).is_some() {
        return Vec::new();
    }
    if !trial.kernel.has_functions() {
        return vec![no_functions(hook)];
    }
    vec![missing(trial, hook, PREFIX, "iterator over")]
}

/// What goes by the name of one of the kernel's functions, without a prefix, and isn't there.
fn missing(trial: &Trial<'_>, hook: &Hook, prefix: &str, what: &str) -> Diagnostic {
    let name = &hook.target.value;
    Diagnostic::error(
        Code::MissingHook,
        hook.target.span,
        format!("a kernel has no {what} `{name}`"),
    )
    .label(format!("its types have no function {prefix}{name}"))
    .did_you_mean(trial.kernel.function_like_with(prefix, name))
}

/// Whether a trampoline can be made for the function, and the program finds there what it reads.
fn fits(trial: &Trial<'_>, hook: &Hook, signature: Signature<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let arguments = arguments(trial, hook, signature, &mut found);
    result_is_plain(hook, signature, &mut found);
    reads_what_is_there(trial, hook, &hook.program, (signature, &arguments), &mut found);
    found
}

/// Whether a program that is tail-called finds what it reads: it is verified for what its caller is
/// attached to.
pub(super) fn handler(trial: &Trial<'_>, hook: &Hook, handler: &At<ProgramId>) -> Vec<Diagnostic> {
    let prefix = match hook.kind.value {
        HookKind::Fentry | HookKind::Fexit | HookKind::FmodRet => "",
        HookKind::Lsm => "bpf_lsm_",
        _ => return Vec::new(),
    };
    let function = trial.kernel.function(&format!("{prefix}{}", hook.target.value));
    let mut found = Vec::new();
    if let Some(signature) = function.and_then(|function| trial.kernel.signature(function)) {
        // What is wrong with the function is said of the hook.
        let arguments = arguments(trial, hook, signature, &mut Vec::new());
        reads_what_is_there(trial, hook, handler, (signature, &arguments), &mut found);
    }
    found
}

/// `btf_distill_func_proto`: at most 12 arguments, none of them variable; numbers, pointers, and since
/// 6.1 (720e6a435194) structures of up to 16 bytes.
fn arguments(
    trial: &Trial<'_>,
    hook: &Hook,
    signature: Signature<'_>,
    found: &mut Vec<Diagnostic>,
) -> Arguments {
    let parameters: Vec<TypeId> = signature.parameters();
    let name = &hook.target.value;
    let mut refuse = |why: String| {
        found.push(
            Diagnostic::error(
                Code::FunctionArguments,
                hook.target.span,
                format!("no trampoline can be made for `{name}`: {why}"),
            )
            .label("its arguments can't be handed over")
            .help("attach a kprobe, or `first_of` with a kprobe as the other alternative"),
        );
    };
    if parameters.last() == Some(&TypeId::VOID) {
        refuse("it takes a variable number of arguments".to_owned());
    }
    if parameters.len() > MAX_ARGUMENTS {
        refuse(format!("it takes {} arguments, and {MAX_ARGUMENTS} is the most", parameters.len()));
    }
    let mut words = 0;
    for (index, &parameter) in parameters.iter().enumerate() {
        let number = index + 1;
        words += 1;
        match signature.btf.ty(parameter).behind_aliases().shape() {
            Shape::Struct(composite) if composite.size > MAX_STRUCT => refuse(format!(
                "argument {number} is a structure of {} bytes, and {MAX_STRUCT} is the most",
                composite.size
            )),
            Shape::Struct(_) if trial.kernel.is_older_than(6, 1) == Some(true) => refuse(format!(
                "argument {number} is a structure, which trampolines take since Linux 6.1"
            )),
            Shape::Struct(composite) => words += composite.size.div_ceil(8).saturating_sub(1),
            Shape::Union(_) | Shape::Array(_) | Shape::Float(_) => {
                refuse(format!("argument {number} is neither a number nor a pointer"));
            }
            _ => {}
        }
    }
    let is_x86 = trial.kernel.kernel.arch == Some(Arch::X86_64);
    if is_x86 && words > X86_REGISTERS && trial.kernel.is_older_than(6, 6) == Some(true) {
        refuse(format!(
            "its arguments take {words} registers, and {X86_REGISTERS} is the most before Linux 6.6"
        ));
    }
    Arguments { words }
}

/// `btf_distill_func_proto`: what the function returns is a number, a pointer or nothing.
fn result_is_plain(hook: &Hook, signature: Signature<'_>, found: &mut Vec<Diagnostic>) {
    let shape = result(signature).shape();
    if matches!(shape, Shape::Struct(_) | Shape::Union(_) | Shape::Array(_) | Shape::Float(_)) {
        found.push(
            Diagnostic::error(
                Code::FunctionResult,
                hook.target.span,
                format!(
                    "no trampoline can be made for `{}`: it returns neither a number nor a pointer",
                    hook.target.value
                ),
            )
            .label("its result can't be handed over")
            .help("attach a kprobe, or `first_of` with a kprobe as the other alternative"),
        );
    }
}

/// `btf_ctx_access`: a program reads arguments that are there; behind them fexit, fmod_ret and security
/// hooks have the result, if there is one.
fn reads_what_is_there(
    trial: &Trial<'_>,
    hook: &Hook,
    reader: &At<ProgramId>,
    (signature, arguments): (Signature<'_>, &Arguments),
    found: &mut Vec<Diagnostic>,
) {
    let program = trial.model.program(reader.value);
    let certain = program
        .context
        .iter()
        .filter(|one| one.certain && !one.relocated && one.touch != ContextTouch::Copy);
    let Some(last) = certain.map(|one| one.offset / 8).max() else {
        return;
    };
    let name = trial.model.program_name(reader.value);
    let target = &hook.target.value;
    let words = arguments.words;
    let is_result = last == words && hook.kind.value != HookKind::Fentry;
    if last < words || is_result && !returns_nothing(signature) {
        return;
    }
    let error = match is_result {
        true => Diagnostic::error(
            Code::FunctionResult,
            reader.span,
            format!("`{name}` reads the result of `{target}`, which returns nothing"),
        )
        .label("it reads behind the arguments"),
        false => Diagnostic::error(
            Code::ContextRange,
            reader.span,
            format!("`{name}` reads argument {} of `{target}`, which has {words}", last + 1),
        )
        .label("it reads behind the arguments"),
    };
    found.push(
        error
            .other(hook.target.span, "of this function")
            .help("attach it to the function that it was written for"),
    );
}

fn returns_nothing(signature: Signature<'_>) -> bool {
    matches!(result(signature).shape(), Shape::Void)
}

fn result(signature: Signature<'_>) -> Type<'_> {
    signature.btf.ty(signature.prototype.result).behind_aliases()
}

/// `check_attach_modify_return` (kernel/bpf/verifier.c) looks at a list that types don't have.
fn may_change(hook: &Hook) -> Diagnostic {
    Diagnostic::remark(
        Code::Unproven,
        hook.target.span,
        format!("whether the result of `{}` may be changed can't be proved", hook.target.value),
    )
    .label("it is not a security hook")
    .note("the kernel allows it for security_* functions and those marked ALLOW_ERROR_INJECTION")
}

/// The security modules that run are named at boot; `CONFIG_LSM` says which if nobody names them.
fn is_enabled(trial: &Trial<'_>, hook: &Hook) -> Option<Diagnostic> {
    let usual = trial.kernel.option("CONFIG_LSM")?;
    if usual.trim_matches('"').split(',').any(|module| module == "bpf") {
        return None;
    }
    Some(
        Diagnostic::remark(
            Code::Unproven,
            hook.kind.span,
            "whether the BPF security module is switched on can't be proved",
        )
        .label("by its configuration it is not")
        .help(format!("boot with `lsm={},bpf`", usual.trim_matches('"'))),
    )
}

fn no_functions(hook: &Hook) -> Diagnostic {
    Diagnostic::warning(
        Code::Unproven,
        hook.target.span,
        format!("whether there is a function for `{}` can't be proved", hook.target.value),
    )
    .label("the kernel's types have no functions")
    .help("take the whole types of the kernel, as in /sys/kernel/btf/vmlinux")
}
