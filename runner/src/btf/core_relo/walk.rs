//! Steps that everything here is made of: through aliases, into members, and how many there may be.

use super::CoreError;
use crate::btf::types::MAX_ALIASES;
use crate::btf::{Btf, Kind, Shape, Type, TypeId};

/// How deep types are compared, and how long a way into a type is.
pub(super) const MAX_DEPTH: usize = 64;

/// What a step may be spent on of a name; hardly any is longer.
const LONG_NAME: u32 = 64;

/// What comparisons may still cost: a step is a look at a type, member or enumerator. Damaged types
/// may be compared with each other without end.
pub(super) struct Steps(u32);

impl Steps {
    /// Enough for thousands of relocations of the kernel's largest structures; less than a second.
    pub(super) fn new() -> Steps {
        Steps(1 << 23)
    }

    pub(super) fn spend(&mut self) -> Result<(), CoreError> {
        self.0 = self.0.checked_sub(1).ok_or(CoreError::TooMuch)?;
        Ok(())
    }

    /// A look at something with a name; long names count more.
    pub(super) fn spend_on(&mut self, name: &str) -> Result<(), CoreError> {
        let cost = 1 + name.len() as u32 / LONG_NAME;
        self.0 = self.0.checked_sub(cost).ok_or(CoreError::TooMuch)?;
        Ok(())
    }
}

/// A type that is neither a typedef nor qualified.
#[derive(Clone, Copy)]
pub(super) struct Bare<'a> {
    pub(super) id: TypeId,
    pub(super) ty: Type<'a>,
}

/// The type behind typedefs and qualifiers; an endless row of them stands for `void`.
pub(super) fn bare(btf: &Btf, id: TypeId) -> Bare<'_> {
    let mut id = id;
    for _ in 0..MAX_ALIASES {
        let ty = btf.ty(id);
        match ty.shape() {
            Shape::Typedef(next) | Shape::Qualified(next) => id = next,
            _ => return Bare { id, ty },
        }
    }
    Bare { id: TypeId::VOID, ty: btf.ty(TypeId::VOID) }
}

/// A type's size in bytes, if it has one.
pub(super) fn size(btf: &Btf, id: TypeId) -> Option<u64> {
    let mut id = id;
    let mut count = 1u64;
    for _ in 0..MAX_DEPTH {
        let size = match bare(btf, id).ty.shape() {
            Shape::Array(array) => {
                count = count.checked_mul(array.len.into())?;
                id = array.element;
                continue;
            }
            Shape::Int(int) => int.size,
            Shape::Float(size) => size,
            Shape::Enum(enumeration) => enumeration.size,
            Shape::Struct(composite) | Shape::Union(composite) => composite.size,
            Shape::Pointer(_) => 8,
            _ => return None,
        };
        return count.checked_mul(size.into()).filter(|&size| size <= u32::MAX.into());
    }
    None
}

/// Whether types of these kinds may stand for each other: the width of enumerators doesn't matter.
pub(super) fn similar(one: Option<Kind>, other: Option<Kind>) -> bool {
    let is_enum = |kind| matches!(kind, Some(Kind::Enum | Kind::Enum64));
    one == other || is_enum(one) && is_enum(other)
}

/// The last member of a structure and an array without elements: one whose elements go on behind
/// the structure.
pub(super) fn is_flexible(members: usize, index: u32, len: u32) -> bool {
    len == 0 && index as usize + 1 == members
}
