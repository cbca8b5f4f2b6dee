//! Whether a kernel takes programs and maps: it knows their types, and the programs can be linked.

use std::collections::BTreeSet;

use crate::btf::core_relo::CoreError;
use crate::desired::MapDefinition;
use crate::kernels::Arch;
use crate::model::ProgramId;
use crate::object::link::{CodePlace, LinkError, Missing, Problem};
use crate::object::{MapType, Section, helper_name, numbers};
use crate::prove::names::Numbering;
use crate::prove::objects::LinkFailure;
use crate::prove::trial::Trial;
use crate::prove::{guarded, since};
use crate::rules;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Severity};
use crate::text::source::{At, Span};

/// Whether a program can be loaded.
pub(super) fn loads(trial: &Trial<'_>, program: &At<ProgramId>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let section = &trial.model.program(program.value).section;
    found.extend(type_is_known(trial, section, program));
    found.extend(stack_is_enough(trial, program));
    match trial.objects.program(trial.model, program.value) {
        Some(Ok(linked)) => {
            let lacks = guarded::lacks(trial, program.value, linked);
            found.extend(lacks.missing.iter().map(|one| needs_missing(trial, program, one)));
            found.extend(lacks.helpers.iter().map(|&one| needs_helper(trial, program, one)));
        }
        Some(Err(failure)) => found.push(not_linked(trial, program, failure)),
        None => {}
    }
    found.extend(trial.objects.doubt(trial.model, program.value).map(|symbol| {
        let name = trial.model.program_name(program.value);
        let message = format!("whether there is a symbol `{symbol}` can't be proved");
        Diagnostic::warning(Code::Unproven, program.span, message)
            .label(format!("`{name}` needs it"))
            .note("symbols without a type are not in a kernel's types")
            .help("on the machine itself `--kernel running` looks among its symbols")
    }));
    found
}

/// `bpf_prog_load` (kernel/bpf/syscall.c) refuses types that it doesn't know with EINVAL.
fn type_is_known(
    trial: &Trial<'_>,
    section: &Section,
    program: &At<ProgramId>,
) -> Option<Diagnostic> {
    let numbers = numbers::numbers(section)?;
    let lacks_type = trial.kernel.lacks(Numbering::ProgramType, numbers.program_type);
    if !lacks_type && !trial.kernel.lacks(Numbering::AttachType, numbers.attach_type) {
        return None;
    }
    let name = trial.model.program_name(program.value);
    let error = Diagnostic::error(
        Code::UnsupportedProgram,
        program.span,
        format!("a kernel has no {} programs, as `{name}` is one", section.prefix),
    )
    .label(format!("it is in section \"{}\"", section.name));
    let error = match since::attach_type(numbers.attach_type).filter(|_| !lacks_type) {
        Some(since) => error.note(format!("they came with Linux {since}")),
        None => error,
    };
    Some(error.help("let an alternative follow in `first_of`, or leave these kernels out"))
}

/// `check_max_stack_depth` (kernel/bpf/verifier.c): since 6.13 (f4b21ed0b9d6) a kernel on x86-64 gives
/// functions with large frames a stack of their own, where no tail calls are.
fn stack_is_enough(trial: &Trial<'_>, program: &At<ProgramId>) -> Option<Diagnostic> {
    let chain = rules::exceeds_stack(trial.model.program(program.value))?;
    let is_old = trial.kernel.is_older_than(6, 13) == Some(true);
    let is_other = trial.kernel.kernel.arch.is_some_and(|arch| arch != Arch::X86_64);
    (is_old || is_other).then(|| {
        Diagnostic::error(
            Code::StackDepth,
            program.span,
            format!(
                "a kernel has no room for the stack of `{}`",
                trial.model.program_name(program.value)
            ),
        )
        .label(format!("{} bytes, 512 are allowed", chain.bytes))
        .note(format!("the functions that use them: {}", chain.functions.join(" → ")))
        .help("keep large buffers in a map of the type PERCPU_ARRAY")
    })
}

/// What CO-RE can't find is no error before the verifier comes to it (`do_check`,
/// kernel/bpf/verifier.c).
fn needs_missing(trial: &Trial<'_>, program: &At<ProgramId>, missing: &Missing) -> Diagnostic {
    let name = trial.model.program_name(program.value);
    Diagnostic::error(
        Code::CoreMissing,
        program.span,
        format!("`{name}` can't do without it: {}", missing.what),
    )
    .label("it doesn't ask first")
    .note(told(&missing.place))
    .help(
        "ask for it in the program (`bpf_core_field_exists`, `bpf_core_type_exists`, a `__weak` \
         declaration) and go another way without it",
    )
}

/// `check_helper_call` (kernel/bpf/verifier.c) refuses numbers that it doesn't know.
fn needs_helper(trial: &Trial<'_>, program: &At<ProgramId>, helper: u32) -> Diagnostic {
    let called = helper_name(helper).unwrap_or_else(|| format!("helper {helper}"));
    let name = trial.model.program_name(program.value);
    let error = Diagnostic::error(
        Code::UnsupportedHelper,
        program.span,
        format!("`{name}` calls {called}, which a kernel doesn't have"),
    )
    .label("it doesn't ask first");
    let error = match since::helper(helper) {
        Some(since) => error.note(format!("{called} came with Linux {since}")),
        None => error,
    };
    error.help(
        "ask for it in the program (`bpf_core_enum_value_exists(enum bpf_func_id, …)`) and go another \
         way without it, or let an alternative follow in `first_of`",
    )
}

/// What the linker says, as it would say it when the program is loaded.
fn not_linked(trial: &Trial<'_>, program: &At<ProgramId>, failure: &LinkFailure) -> Diagnostic {
    let name = trial.model.program_name(program.value);
    let error = match failure {
        LinkFailure::Object(reason) => {
            return Diagnostic::error(
                Code::NotLinkable,
                program.span,
                format!("`{name}` can't be linked: {reason}"),
            );
        }
        LinkFailure::Link(error) => error,
    };
    let (severity, code, label) = classify(trial, error);
    let mut diagnostic = Diagnostic::error(
        code,
        program.span,
        format!("`{name}` can't be linked: {}", error.problem),
    )
    .label(label);
    diagnostic.severity = severity;
    match &error.place {
        Some(place) => diagnostic.note(told(place)),
        None => diagnostic,
    }
}

/// What kind of mistake it is.
fn classify(trial: &Trial<'_>, error: &LinkError) -> (Severity, Code, &'static str) {
    match &error.problem {
        Problem::Core(CoreError::Ambiguous { .. }) => {
            (Severity::Error, Code::CoreAmbiguous, "it asks for one of several types of a name")
        }
        Problem::Core(_) => {
            (Severity::Error, Code::CoreUnresolved, "a CO-RE relocation has no answer")
        }
        Problem::NoKernelSymbol { .. } => {
            (Severity::Error, Code::MissingSymbol, "it expects the kernel to have this")
        }
        Problem::OtherShape { .. } => {
            (Severity::Error, Code::SymbolType, "it expects the kernel to have this otherwise")
        }
        Problem::Config { .. } if trial.kernel.kernel.config.is_none() => {
            (Severity::Warning, Code::Unproven, "the kernel's configuration didn't come along")
        }
        Problem::Config { .. } => {
            (Severity::Error, Code::KernelConfig, "it expects the kernel to be built with this")
        }
        _ => (Severity::Error, Code::NotLinkable, "the object is at fault"),
    }
}

fn told(place: &CodePlace) -> String {
    match &place.source {
        Some(source) => format!("in {place}: `{}`", source.text.trim()),
        None => format!("in {place}"),
    }
}

/// `find_and_alloc_map` (kernel/bpf/syscall.c) refuses types that it doesn't know with EINVAL.
pub(super) fn maps(trial: &Trial<'_>) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for definition in trial.maps {
        found.extend(key_is_small(trial, definition));
        let map_type = definition.map_type();
        if !trial.kernel.lacks(Numbering::MapType, map_type.0) || !seen.insert(&definition.name) {
            continue;
        }
        let error = Diagnostic::error(
            Code::UnsupportedMap,
            map_span(trial, &definition.name),
            format!("map `{}` is a {map_type}, which a kernel doesn't have", definition.name),
        )
        .label(format!("{} brings it", definition.object));
        found.push(match since::map_type(MapType(definition.map_type)) {
            Some(since) => error.note(format!("they came with Linux {since}")),
            None => error,
        });
    }
    found
}

/// `htab_map_alloc_check` (kernel/bpf/hashtab.c): while keys could only be made on a program's stack, none
/// was larger. Measured: 5.10 refuses them (E2BIG), 6.1 takes them.
fn key_is_small(trial: &Trial<'_>, definition: &MapDefinition) -> Option<Diagnostic> {
    const STACK: u32 = 512;
    let map_type = definition.map_type();
    let is_hash = map_type.is_hash() || map_type == MapType::HASH_OF_MAPS;
    if !is_hash || definition.key_size <= STACK || trial.kernel.is_older_than(5, 11) != Some(true) {
        return None;
    }
    Some(
        Diagnostic::error(
            Code::MapDefinition,
            map_span(trial, &definition.name),
            format!(
                "a kernel can't have keys of {} bytes in `{}`",
                definition.key_size, definition.name
            ),
        )
        .label(format!("{STACK} bytes are the most there"))
        .help("make a hash of what is long, and keep that as the key"),
    )
}

/// Where the file names a map, or the object that brings it.
fn map_span(trial: &Trial<'_>, name: &str) -> Span {
    let model = trial.model;
    let named = |map: &At<crate::model::MapId>| model.map(map.value).name == name;
    let settings = model.maps.iter().map(|setting| &setting.map);
    let tables = model.tail_calls.iter().map(|table| &table.map);
    let views = model.views.iter().map(|view| &view.map);
    let written = settings.chain(tables).chain(views).find(|map| named(map)).map(|map| map.span);
    let brought = || {
        let has = |object: &&crate::model::Object| {
            object.file.inventory.maps.iter().any(|map| map.name == name)
        };
        model.objects.iter().find(has).map(|object| object.alias.span)
    };
    written.or_else(brought).unwrap_or_default()
}
