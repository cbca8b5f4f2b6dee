//! A linked program into the kernel: descriptors go into its instructions, and the verifier looks at it.

use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use crate::kernel::error::{Error, Phase};
use crate::kernel::kernel_types::{self, kernel_types};
use crate::kernel::load::data::Sections;
use crate::kernel::load::maps::Maps;
use crate::kernel::symbols;
use crate::kernel::sys::{self, DebugInfo, ProgramRequest, Records, Refusal, TargetType};
use crate::kernel::verifier::VerifierLog;
use crate::object::Instruction;
use crate::object::link::{LinkedProgram, Referent};
use crate::object::numbers::{self, Numbers, TargetKind};

/// Size of `struct bpf_func_info`.
const FUNCTION_SIZE: u32 = 8;
/// Size of `struct bpf_line_info`.
const LINE_SIZE: u32 = 16;

/// What a program is loaded with.
pub struct Surroundings<'a> {
    /// The probe's maps.
    pub maps: &'a Maps,
    /// The object's variables.
    pub sections: &'a Sections,
    /// The object's types in the kernel.
    pub types: Option<BorrowedFd<'a>>,
    /// The object's license; empty if it has none.
    pub license: &'a str,
}

/// Loads a program. `what` is what errors call it, `target` what it is verified for.
pub fn load(
    program: &LinkedProgram,
    numbers: &Numbers,
    target: Option<&str>,
    surroundings: &Surroundings<'_>,
    what: &str,
) -> Result<OwnedFd, Error> {
    let target = match numbers.target {
        Some(kind) => Some(find_target(kind, target, what)?),
        None => None,
    };
    let mut modules = Modules::default();
    let instructions = instructions(program, surroundings, &mut modules, what)?;
    let functions = functions(program);
    let lines = lines(program);
    let debug = surroundings.types.filter(|_| !functions.is_empty()).map(|btf| DebugInfo {
        btf,
        functions: Records { bytes: &functions, size: FUNCTION_SIZE },
        lines: Records { bytes: &lines, size: LINE_SIZE },
    });
    let license = CString::new(surroundings.license).unwrap_or_default();
    let request = ProgramRequest {
        program_type: numbers.program_type,
        attach_type: numbers.attach_type,
        flags: numbers.flags,
        name: &program.name,
        license: &license,
        instructions: &instructions,
        target: target.as_ref().map(|target| TargetType {
            module: target.module.as_ref().map(AsFd::as_fd),
            id: target.id,
        }),
        debug,
        descriptors: modules.descriptors(),
    };
    sys::prog_load(&request).map_err(|refusal| refused(refusal, program, what))
}

fn refused(refusal: Refusal, program: &LinkedProgram, what: &str) -> Error {
    let mut error = Error::from_io(Phase::Load, what, &refusal.error);
    let missing = program.explain(&refusal.log);
    error.hints.extend(missing.map(|missing| {
        format!(
            "{}: the program uses it all the same; ask for it with bpf_core_field_exists() and the \
             like before that",
            missing.what
        )
    }));
    error.log = VerifierLog::new(refusal.log);
    error
}

/// What a program is verified for.
struct Target {
    id: u32,
    module: Option<OwnedFd>,
}

fn find_target(kind: TargetKind, name: Option<&str>, what: &str) -> Result<Target, Error> {
    let Some(name) = name else {
        return Err(Error::new(
            Phase::Load,
            what,
            format!("it is not known for which {} it is to be loaded", kind.word),
        )
        .hint("name its target in the section: SEC(\"fexit/FUNCTION\")"));
    };
    let types = kernel_types()?;
    let full = format!("{}{name}", kind.prefix);
    let Some(found) = types.find(&full, kind.kind) else {
        return Err(unknown_target(kind, name, what));
    };
    let module = match found.module {
        None => None,
        Some(module) => Some(kernel_types::module_descriptor(module).map_err(|error| {
            Error::from_io(Phase::Load, format!("{what} for a {} of {module}", kind.word), &error)
        })?),
    };
    Ok(Target { id: found.id.0, module })
}

fn unknown_target(kind: TargetKind, name: &str, what: &str) -> Error {
    let (detail, hints) = match kind {
        numbers::TRACEPOINT => (
            format!("the kernel's type information has no tracepoint {name}"),
            symbols::near_tracepoints(name),
        ),
        numbers::SECURITY_HOOK => (
            format!("this kernel has no security hook {name}"),
            vec!["`security_{HOOK}` of the kernel's source is the hook `{HOOK}`".to_owned()],
        ),
        numbers::ITERATOR => (format!("this kernel has no iterator over {name}"), Vec::new()),
        _ => (
            format!("the kernel's type information has no function {name}"),
            symbols::near_functions(name),
        ),
    };
    let mut error = Error::new(Phase::Load, what, detail);
    error.target_missing = true;
    error.hints = hints;
    error
}

/// The modules whose types a program refers to, each once.
#[derive(Default)]
struct Modules {
    open: HashMap<String, (OwnedFd, usize)>,
    /// By index; the first is never used: index 0 means the kernel proper.
    descriptors: Vec<RawFd>,
}

impl Modules {
    fn open(&mut self, module: &str) -> std::io::Result<(RawFd, usize)> {
        if let Some((fd, index)) = self.open.get(module) {
            return Ok((fd.as_raw_fd(), *index));
        }
        let fd = kernel_types::module_descriptor(module)?;
        if self.descriptors.is_empty() {
            self.descriptors.push(0);
        }
        let (raw, index) = (fd.as_raw_fd(), self.descriptors.len());
        self.descriptors.push(raw);
        self.open.insert(module.to_owned(), (fd, index));
        Ok((raw, index))
    }

    fn descriptors(&self) -> &[RawFd] {
        &self.descriptors
    }
}

/// The instructions with descriptors in their places.
fn instructions(
    program: &LinkedProgram,
    surroundings: &Surroundings<'_>,
    modules: &mut Modules,
    what: &str,
) -> Result<Vec<u8>, Error> {
    let mut instructions = program.instructions.clone();
    let gone =
        |thing: &str| Error::new(Phase::Load, what, format!("it uses {thing}, which is gone"));
    for reference in &program.references {
        let at = reference.instruction;
        match &reference.to {
            Referent::Map(name) => {
                let fd = surroundings.maps.descriptor(name);
                let fd = fd.ok_or_else(|| gone(&format!("map {name}")))?;
                place(&mut instructions, at, |instruction| instruction.immediate = fd);
            }
            Referent::Data { section, .. } => {
                let fd = surroundings.sections.descriptor(section);
                let fd = fd.ok_or_else(|| gone(section))?;
                place(&mut instructions, at, |instruction| instruction.immediate = fd);
            }
            Referent::KernelAddress { module: Some(module), .. } => {
                let opened = modules.open(module);
                let (fd, _) = opened.map_err(|_| gone(&format!("module {module}")))?;
                place(&mut instructions, at + 1, |instruction| instruction.immediate = fd);
            }
            Referent::KernelFunction { module: Some(module), .. } => {
                let opened = modules.open(module);
                let (_, index) = opened.map_err(|_| gone(&format!("module {module}")))?;
                let index = i16::try_from(index)
                    .map_err(|_| gone("functions of more modules than there can be"))?;
                place(&mut instructions, at, |instruction| instruction.offset = index);
            }
            Referent::KernelAddress { module: None, .. }
            | Referent::KernelFunction { module: None, .. } => {}
        }
    }
    Ok(instructions.iter().flat_map(Instruction::encode).collect())
}

/// Changes an instruction; references lie inside of their programs.
fn place(instructions: &mut [Instruction], at: usize, change: impl FnOnce(&mut Instruction)) {
    if let Some(instruction) = instructions.get_mut(at) {
        change(instruction);
    }
}

fn functions(program: &LinkedProgram) -> Vec<u8> {
    let words = program.functions.iter().flat_map(|one| [one.instruction, one.ty.0]);
    words.flat_map(u32::to_ne_bytes).collect()
}

fn lines(program: &LinkedProgram) -> Vec<u8> {
    let lines = program.lines.iter();
    let words = lines.flat_map(|line| [line.instruction, line.file, line.text, line.place]);
    words.flat_map(u32::to_ne_bytes).collect()
}
