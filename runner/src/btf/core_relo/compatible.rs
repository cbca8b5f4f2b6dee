//! Whether a type of the kernel can stand for one of the object: loosely, since kernels change.

use super::CoreError;
use super::walk::{MAX_DEPTH, Steps, bare, similar};
use crate::btf::names::essential;
use crate::btf::{Btf, Shape, Type, TypeId};

/// How deep types of functions and pointers are compared.
const MAX_LEVELS: usize = 32;

/// A type in its BTF.
pub(super) type Place<'a> = (&'a Btf, TypeId);

/// Whether two types of one name are of one kind throughout, where only what pointers, arrays and
/// functions are made of is looked into.
pub(super) fn types(
    local: Place<'_>,
    target: Place<'_>,
    steps: &mut Steps,
) -> Result<bool, CoreError> {
    if !similar(local.0.ty(local.1).kind(), target.0.ty(target.1).kind()) {
        return Ok(false);
    }
    deep(local, target, MAX_LEVELS, steps)
}

fn deep(
    local: Place<'_>,
    target: Place<'_>,
    levels: usize,
    steps: &mut Steps,
) -> Result<bool, CoreError> {
    steps.spend()?;
    let Some(levels) = levels.checked_sub(1) else {
        return Err(too_deep(local));
    };
    let (one, other) = (bare(local.0, local.1).ty, bare(target.0, target.1).ty);
    if !similar(one.kind(), other.kind()) {
        return Ok(false);
    }
    let (one, other) = match (one.shape(), other.shape()) {
        (Shape::Pointer(one), Shape::Pointer(other)) => (one, other),
        (Shape::Array(one), Shape::Array(other)) => (one.element, other.element),
        (Shape::Prototype(one), Shape::Prototype(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            for (one, other) in one.parameters().zip(other.parameters()) {
                if !deep((local.0, one.ty), (target.0, other.ty), levels, steps)? {
                    return Ok(false);
                }
            }
            (one.result, other.result)
        }
        (Shape::Int(one), Shape::Int(other)) => {
            return Ok(one.bit_offset == 0 && other.bit_offset == 0);
        }
        (one, _) => {
            return Ok(matches!(
                one,
                Shape::Void | Shape::Struct(_) | Shape::Union(_) | Shape::Enum(_) | Shape::Forward
            ));
        }
    };
    deep((local.0, one), (target.0, other), levels, steps)
}

/// Whether a member of the object's type may be found in one of the kernel's: structures are
/// compared by nothing but their kind, since names differ by flavor or are not there, numbers
/// whatever their width.
pub(super) fn members(local: Place<'_>, target: Place<'_>) -> bool {
    let (mut local, mut target) = (local, target);
    for _ in 0..MAX_DEPTH {
        let (one, other) = (bare(local.0, local.1).ty, bare(target.0, target.1).ty);
        let is_composite = |ty: &Type<'_>| matches!(ty.shape(), Shape::Struct(_) | Shape::Union(_));
        if is_composite(&one) && is_composite(&other) {
            return true;
        }
        if !similar(one.kind(), other.kind()) {
            return false;
        }
        match (one.shape(), other.shape()) {
            (Shape::Array(one), Shape::Array(other)) => {
                local.1 = one.element;
                target.1 = other.element;
            }
            (Shape::Pointer(_) | Shape::Float(_), _) => return true,
            (Shape::Forward | Shape::Enum(_), _) => {
                let (one, other) = (essential(one.name()), essential(other.name()));
                return one.is_empty() || other.is_empty() || one == other;
            }
            (Shape::Int(one), Shape::Int(other)) => {
                return one.bit_offset == 0 && other.bit_offset == 0;
            }
            _ => return false,
        }
    }
    false
}

fn too_deep((btf, id): Place<'_>) -> CoreError {
    CoreError::TooDeep { about: super::access::name_of(btf, id) }
}
