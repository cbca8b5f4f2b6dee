//! Applies a function's CO-RE relocations to its instructions.

use super::code::Code;
use super::error::{LinkError, Problem};
use super::missing::Missing;
use super::{Linkable, patch};
use crate::btf::Btf;
use crate::btf::core_relo::{Answer, CoreRelocation, Number, Question, Resolver};
use crate::object::btf_ext::CoreRecord;
use crate::object::functions::Start;
use crate::object::instruction::SLOT_SIZE;

/// What the names of enumerations begin with by which objects ask whether variables are given other values than
/// their initial ones; the variable's name follows. See `IS_GIVEN` in ebpf-programs/probe.h.
const GIVEN: &str = "given_variables___";

/// Changes the code of the function at `start` and returns what the kernel hasn't got of it, by
/// instructions of the function. `globals` are the variables that are given values.
pub(super) fn apply(
    object: &Linkable<'_>,
    globals: &[(String, Vec<u8>)],
    resolver: Option<&mut Resolver<'_>>,
    start: Start,
    code: &mut Code,
) -> Result<Vec<Missing>, LinkError> {
    let section = object.parts.elf.sections[start.0].name;
    let records = object.parts.ext.core(section, start.1..code.end);
    let mut missing = Vec::new();
    let (Some(resolver), Some(btf)) = (resolver, &object.parts.btf) else {
        return Ok(missing);
    };
    for record in records {
        let offset = u64::from(record.offset) - start.1;
        let instruction = (offset / SLOT_SIZE) as usize;
        let fail = |problem| LinkError::at(code.place(object, instruction), problem);
        if !offset.is_multiple_of(SLOT_SIZE) {
            let what = format!("byte {offset} of the function is inside of an instruction");
            return Err(fail(Problem::Instruction { what }));
        }
        let question = Question::from_number(record.kind).ok_or_else(|| {
            let what = format!("CO-RE relocations of kind {} are not known", record.kind);
            fail(Problem::Instruction { what })
        })?;
        let relocation =
            CoreRelocation { question, root: record.ty, access: btf.string(record.access) };
        let answer = match variable_asked_for(btf, record) {
            Some(variable) => {
                let is_given = globals.iter().any(|(name, _)| name == variable);
                Answer::Number(Number { before: Some(1), after: is_given.into(), resize: None })
            }
            None => resolver.resolve(&relocation).map_err(|error| fail(Problem::Core(error)))?,
        };
        let what = match answer {
            Answer::Number(number) => {
                let patched = patch::put(&mut code.instructions, instruction, &number);
                match patched {
                    Ok(patch::Patched::Done) => continue,
                    Ok(patch::Patched::OtherMeaning) => format!(
                        "{} has another size in this kernel and is neither a pointer nor an unsigned \
                         number, so it can't be read as the object does",
                        resolver.describe(&relocation)
                    ),
                    Err(what) => {
                        let place = code.place(object, instruction);
                        return Err(LinkError::at(place, Problem::Instruction { what }));
                    }
                }
            }
            Answer::Missing { what } => {
                patch::make_unreachable(&mut code.instructions, instruction);
                format!("{what} is not in this kernel")
            }
        };
        missing.push(Missing { instruction, what, place: code.place(object, instruction) });
    }
    Ok(missing)
}

/// Whether a relocation's answer depends on the kernel.
pub(super) fn asks_kernel(btf: &Btf, record: &CoreRecord) -> bool {
    Question::from_number(record.kind) != Some(Question::LocalTypeId)
        && variable_asked_for(btf, record).is_none()
}

/// The variable, if a relocation asks whether one is given a value.
fn variable_asked_for<'b>(btf: &'b Btf, record: &CoreRecord) -> Option<&'b str> {
    let asks = Question::from_number(record.kind) == Some(Question::EnumeratorExists);
    btf.ty(record.ty).name().strip_prefix(GIVEN).filter(|_| asks)
}
