//! Whether the kernel has a type like one of the object's: member by member, not only in name.

use super::CoreError;
use super::access::name_of;
use super::compatible::Place;
use super::walk::{Steps, bare};
use crate::btf::names::essential;
use crate::btf::{Btf, Composite, Enumeration, Kind, Shape, Type};

/// How deep types are compared.
const MAX_LEVELS: usize = 32;

/// Whether a type of the kernel has everything that the object's has.
pub(super) fn types(
    local: Place<'_>,
    target: Place<'_>,
    steps: &mut Steps,
) -> Result<bool, CoreError> {
    deep(local, target, false, MAX_LEVELS, steps)
}

/// What pointers point to is compared by name and kind alone (`pointed_to`).
fn deep(
    local: Place<'_>,
    target: Place<'_>,
    pointed_to: bool,
    levels: usize,
    steps: &mut Steps,
) -> Result<bool, CoreError> {
    steps.spend()?;
    let Some(levels) = levels.checked_sub(1) else {
        return Err(CoreError::TooDeep { about: name_of(local.0, local.1) });
    };
    let (one, other) = (bare(local.0, local.1).ty, bare(target.0, target.1).ty);
    if !same_name(one.name(), other.name()) {
        return Ok(false);
    }
    if pointed_to && let Some(answer) = is_same_tag(one, other) {
        return Ok(answer);
    }
    match (one.shape(), other.shape()) {
        (Shape::Void, Shape::Void) => Ok(true),
        (Shape::Forward, Shape::Forward) => Ok(one.kind_flag() == other.kind_flag()),
        (Shape::Enum(one), Shape::Enum(other)) => enumerators(one, other, steps),
        (Shape::Struct(one), Shape::Struct(other)) | (Shape::Union(one), Shape::Union(other)) => {
            let (local, target) = ((local.0, one), (target.0, other));
            members(local, target, pointed_to, levels, steps)
        }
        (Shape::Int(one), Shape::Int(other)) => {
            Ok(one.size == other.size && one.signed == other.signed)
        }
        (Shape::Pointer(one), Shape::Pointer(other)) => {
            deep((local.0, one), (target.0, other), true, levels, steps)
        }
        (Shape::Array(one), Shape::Array(other)) => {
            let elements = ((local.0, one.element), (target.0, other.element));
            Ok(one.len == other.len && deep(elements.0, elements.1, pointed_to, levels, steps)?)
        }
        (Shape::Prototype(one), Shape::Prototype(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            for (one, other) in one.parameters().zip(other.parameters()) {
                if !deep((local.0, one.ty), (target.0, other.ty), pointed_to, levels, steps)? {
                    return Ok(false);
                }
            }
            deep((local.0, one.result), (target.0, other.result), pointed_to, levels, steps)
        }
        _ => Ok(false),
    }
}

/// For structures, unions and their forward declarations: whether both are the one or the other.
fn is_same_tag(one: Type<'_>, other: Type<'_>) -> Option<bool> {
    let is_union = |ty: Type<'_>| match ty.kind() {
        Some(Kind::Struct) => Some(false),
        Some(Kind::Union) => Some(true),
        Some(Kind::Forward) => Some(ty.kind_flag()),
        _ => None,
    };
    let one = is_union(one)?;
    Some(is_union(other) == Some(one))
}

fn members(
    local: (&Btf, Composite<'_>),
    target: (&Btf, Composite<'_>),
    pointed_to: bool,
    levels: usize,
    steps: &mut Steps,
) -> Result<bool, CoreError> {
    if local.1.len() > target.1.len() {
        return Ok(false);
    }
    for one in local.1.members() {
        let mut found = false;
        for other in target.1.members() {
            steps.spend_on(other.name)?;
            if same_name(one.name, other.name)
                && deep((local.0, one.ty), (target.0, other.ty), pointed_to, levels, steps)?
            {
                found = true;
                break;
            }
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Enumerators are compared by name; values may differ.
fn enumerators(
    local: Enumeration<'_>,
    target: Enumeration<'_>,
    steps: &mut Steps,
) -> Result<bool, CoreError> {
    if local.len() > target.len() {
        return Ok(false);
    }
    for (one, _) in local.values() {
        let mut found = false;
        for (other, _) in target.values() {
            steps.spend_on(other)?;
            if same_name(one, other) {
                found = true;
                break;
            }
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether names are alike but for their flavors. Nothing is like a type without a name but another
/// one.
fn same_name(one: &str, other: &str) -> bool {
    essential(one) == essential(other)
}
