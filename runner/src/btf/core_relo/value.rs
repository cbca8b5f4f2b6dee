//! The number that answers a question about a way into a type.

use super::access::{Access, Step, composite};
use super::walk::{MAX_DEPTH, bare, size};
use super::{CoreError, Question};
use crate::btf::{Member, Shape, TypeId};

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) number: u64,
    /// What is read or written at that offset, where the answer is one.
    pub(super) memory: Option<Memory>,
    /// Whether a compiler can't but have come to the same answer for the object's type. Bit-fields
    /// can be read in several ways.
    pub(super) certain: bool,
}

/// What lies at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    /// Bytes.
    pub(super) size: u64,
    /// What it is.
    pub(super) ty: TypeId,
}

impl Value {
    fn certain(number: u64) -> Value {
        Value { number, memory: None, certain: true }
    }
}

/// The answer for a way that exists.
pub(super) fn of(question: Question, access: &Access<'_>) -> Result<Value, CoreError> {
    let certain = Value::certain;
    Ok(match question {
        Question::FieldExists
        | Question::TypeExists
        | Question::TypeMatches
        | Question::EnumeratorExists => certain(1),
        Question::LocalTypeId | Question::KernelTypeId => {
            // Linkers renumber types and leave the instruction as it was.
            Value { certain: false, ..certain(access.root.0.into()) }
        }
        Question::TypeSize => certain(sized(access, access.root)?),
        Question::EnumeratorValue => certain(enumerator(access)?),
        _ => field(question, access)?,
    })
}

/// The answer where the kernel has no such thing; none where there is no answer then, and the
/// instruction must not be reached.
pub(super) fn of_nothing(question: Question) -> Option<Value> {
    match question {
        Question::FieldExists
        | Question::TypeExists
        | Question::TypeMatches
        | Question::EnumeratorExists
        | Question::KernelTypeId
        | Question::TypeSize => Some(Value::certain(0)),
        _ => None,
    }
}

fn enumerator(access: &Access<'_>) -> Result<u64, CoreError> {
    let value = access.steps.first().and_then(|step| {
        let Shape::Enum(enumeration) = access.btf.ty(step.ty).shape() else {
            return None;
        };
        let (_, value) = enumeration.value(step.index)?;
        // Values of 32 bits are kept signed, whatever the source said.
        Some(if enumeration.is_wide() { value as u64 } else { value as i32 as u64 })
    });
    value.ok_or_else(|| damaged("its enumerator doesn't exist"))
}

fn field(question: Question, access: &Access<'_>) -> Result<Value, CoreError> {
    let Some(step) = access.steps.last() else {
        return Err(damaged("it names no field"));
    };
    match step.name {
        Some(_) => {
            let member = composite(access.btf.ty(step.ty))
                .and_then(|composite| composite.member(step.index))
                .ok_or_else(|| damaged("its member doesn't exist"))?;
            of_member(question, access, &member)
        }
        None => of_element(question, access, step),
    }
}

fn of_element(
    question: Question,
    access: &Access<'_>,
    step: &Step<'_>,
) -> Result<Value, CoreError> {
    let size = sized(access, step.ty)?;
    match question {
        Question::FieldOffset => {
            let memory = Some(Memory { size, ty: step.ty });
            Ok(Value { memory, ..Value::certain(access.bit_offset / 8) })
        }
        Question::FieldSize => Ok(Value::certain(size)),
        _ => Err(CoreError::ArrayElement { about: access.describe() }),
    }
}

fn of_member(
    question: Question,
    access: &Access<'_>,
    member: &Member<'_>,
) -> Result<Value, CoreError> {
    let ty = bare(access.btf, member.ty);
    let place = match member.bit_width {
        Some(width) => BitPlace::of_bit_field(access, ty.id, width.into())?,
        None => {
            let size = sized(access, ty.id)?;
            BitPlace {
                offset: access.bit_offset / 8,
                size,
                first: access.bit_offset,
                bits: size * 8,
            }
        }
    };
    let is_bit_field = member.bit_width.is_some();
    let uncertain = |number| Value { certain: !is_bit_field, ..Value::certain(number) };
    Ok(match question {
        Question::FieldOffset if is_bit_field => uncertain(place.offset),
        Question::FieldOffset => {
            let memory = element(access, ty.id)
                .and_then(|element| Some(Memory { size: size(access.btf, element)?, ty: ty.id }));
            Value { memory, ..Value::certain(place.offset) }
        }
        Question::FieldSize => uncertain(place.size),
        Question::FieldSigned => Value::certain(match ty.ty.shape() {
            Shape::Int(int) => int.signed.into(),
            Shape::Enum(enumeration) => enumeration.signed.into(),
            _ => 0,
        }),
        Question::FieldLeftShift => {
            let end = place.first.saturating_add(place.bits);
            uncertain(64u64.wrapping_sub(end.saturating_sub(place.offset.saturating_mul(8))))
        }
        Question::FieldRightShift => Value::certain(64u64.wrapping_sub(place.bits)),
        _ => return Err(damaged("its question is not about a field")),
    })
}

/// Where a field's bits are and which bytes are read to get them.
struct BitPlace {
    /// Of the bytes.
    offset: u64,
    /// Of the bytes.
    size: u64,
    /// The first bit, from the beginning of the root.
    first: u64,
    bits: u64,
}

impl BitPlace {
    /// Reads whole units of the bit-field's type, and larger ones where it crosses their border.
    fn of_bit_field(access: &Access<'_>, ty: TypeId, bits: u64) -> Result<BitPlace, CoreError> {
        let first = access.bit_offset;
        let mut size = sized(access, ty)?;
        if !size.is_power_of_two() {
            return Err(CoreError::BitField { about: access.describe() });
        }
        loop {
            let offset = first / 8 / size * size;
            if first.saturating_add(bits) - offset * 8 <= size * 8 {
                return Ok(BitPlace { offset, size, first, bits });
            }
            if size >= 8 {
                return Err(CoreError::BitField { about: access.describe() });
            }
            size *= 2;
        }
    }
}

/// What an array, and an array of arrays, consists of: loads and stores are of one element.
fn element(access: &Access<'_>, ty: TypeId) -> Option<TypeId> {
    let mut ty = ty;
    for _ in 0..MAX_DEPTH {
        match access.btf.ty(ty).shape() {
            Shape::Array(array) => ty = bare(access.btf, array.element).id,
            _ => return Some(ty),
        }
    }
    None
}

fn sized(access: &Access<'_>, ty: TypeId) -> Result<u64, CoreError> {
    size(access.btf, ty).ok_or_else(|| CoreError::NoSize { about: access.describe() })
}

fn damaged(what: &str) -> CoreError {
    CoreError::Damaged { what: what.to_owned() }
}
