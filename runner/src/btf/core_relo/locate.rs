//! Follows the object's way in a type of the kernel, by names instead of numbers.

use super::access::{Access, Step, composite};
use super::compatible::{self, Place};
use super::walk::{MAX_DEPTH, Steps, bare, size};
use super::{CoreError, Question, matching};
use crate::btf::names::essential;
use crate::btf::{Btf, Member, Shape, TypeId};

/// The same way in a candidate of the kernel; none if the candidate doesn't have it.
pub(super) fn locate<'a>(
    question: Question,
    local: &Access<'_>,
    btf: &'a Btf,
    candidate: TypeId,
    steps: &mut Steps,
) -> Result<Option<Access<'a>>, CoreError> {
    let places: (Place<'_>, Place<'_>) = ((local.btf, local.root), (btf, candidate));
    let access = Access::to_type(btf, candidate);
    if question.is_about_enumerator() {
        return enumerator(local, access, steps);
    }
    if question.is_about_field() {
        return field(local, access, steps);
    }
    let fits = match question {
        Question::TypeMatches => matching::types(places.0, places.1, steps)?,
        _ => compatible::types(places.0, places.1, steps)?,
    };
    Ok(fits.then_some(access))
}

fn enumerator<'a>(
    local: &Access<'_>,
    mut target: Access<'a>,
    steps: &mut Steps,
) -> Result<Option<Access<'a>>, CoreError> {
    let root = bare(target.btf, target.root);
    let (Shape::Enum(enumeration), Some(wanted)) = (root.ty.shape(), local.steps.first()) else {
        return Ok(None);
    };
    let wanted = wanted.name.map(essential);
    for (index, (name, _)) in (0..).zip(enumeration.values()) {
        steps.spend_on(name)?;
        if wanted == Some(essential(name)) {
            target.steps.push(Step { ty: root.id, index, name: Some(name) });
            return Ok(Some(target));
        }
    }
    Ok(None)
}

fn field<'a>(
    local: &Access<'_>,
    mut target: Access<'a>,
    steps: &mut Steps,
) -> Result<Option<Access<'a>>, CoreError> {
    let mut at = target.root;
    for (number, step) in local.steps.iter().enumerate() {
        let here = bare(target.btf, at);
        if step.name.is_some() {
            let Some(member) = wanted_member(local, step) else {
                return Ok(None);
            };
            let search = Search { btf: target.btf, local: local.btf, member };
            match search.within(here.id, 0, MAX_DEPTH, steps)? {
                Some(found) => {
                    target.bit_offset = target.bit_offset.saturating_add(found.bit_offset);
                    target.steps.push(found.step);
                    at = found.ty;
                }
                None => return Ok(None),
            }
            continue;
        }
        // The first step counts elements of the root, which needn't be an array's.
        let element = match (number, here.ty.shape()) {
            (0, _) => here.id,
            (_, Shape::Array(array))
                if step.index < array.len || target.ends_flexible(array.len) =>
            {
                bare(target.btf, array.element).id
            }
            _ => return Ok(None),
        };
        let Some(size) = size(target.btf, element) else {
            return Ok(None);
        };
        let bits = u64::from(step.index).saturating_mul(size).saturating_mul(8);
        target.bit_offset = target.bit_offset.saturating_add(bits);
        target.steps.push(Step { ty: element, index: step.index, name: None });
        at = element;
    }
    Ok(Some(target))
}

fn wanted_member<'a>(local: &Access<'a>, step: &Step<'_>) -> Option<Member<'a>> {
    composite(local.btf.ty(step.ty))?.member(step.index)
}

/// A search for a member of the object's type in one of the kernel's.
struct Search<'s, 'a> {
    btf: &'a Btf,
    local: &'s Btf,
    member: Member<'s>,
}

struct FoundMember<'a> {
    step: Step<'a>,
    bit_offset: u64,
    ty: TypeId,
}

impl<'a> Search<'_, 'a> {
    /// Looks through the members and into those without a name, whose members count as the
    /// structure's own. The first of the name decides, whether it fits or not.
    fn within(
        &self,
        ty: TypeId,
        before: u64,
        depth: usize,
        steps: &mut Steps,
    ) -> Result<Option<FoundMember<'a>>, CoreError> {
        let ty = bare(self.btf, ty);
        let Some(members) = composite(ty.ty).map(|composite| composite.members()) else {
            return Ok(None);
        };
        for (index, member) in (0..).zip(members) {
            steps.spend_on(member.name)?;
            let bit_offset = before.saturating_add(member.bit_offset.into());
            if member.name.is_empty() {
                let Some(depth) = depth.checked_sub(1) else {
                    return Err(CoreError::TooDeep {
                        about: format!("member {}", self.member.name),
                    });
                };
                match self.within(member.ty, bit_offset, depth, steps)? {
                    Some(found) => return Ok(Some(found)),
                    None => continue,
                }
            }
            if member.name == self.member.name {
                let fits = compatible::members((self.local, self.member.ty), (self.btf, member.ty));
                let step = Step { ty: ty.id, index, name: Some(member.name) };
                return Ok(fits.then_some(FoundMember { step, bit_offset, ty: member.ty }));
            }
        }
        Ok(None)
    }
}
