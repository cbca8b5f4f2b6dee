//! The way that a relocation names: read from the object's types.

use super::walk::{MAX_DEPTH, bare, is_flexible, size};
use super::{CoreError, CoreRelocation};
use crate::btf::{Btf, Composite, Kind, Shape, Type, TypeId};

/// A way into a type, of the object or of the kernel.
#[derive(Clone)]
pub(super) struct Access<'a> {
    pub(super) btf: &'a Btf,
    /// Where it begins.
    pub(super) root: TypeId,
    pub(super) steps: Vec<Step<'a>>,
    /// Where it leads, in bits from the beginning of the root.
    pub(super) bit_offset: u64,
}

/// A step of a way.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    /// For a member, the structure or union that has it; else the element's type. Never an alias.
    pub(super) ty: TypeId,
    /// Which member, enumerator or element.
    pub(super) index: u32,
    /// The member's or enumerator's name; none for an element.
    pub(super) name: Option<&'a str>,
}

impl<'a> Access<'a> {
    /// A way without steps.
    pub(super) fn to_type(btf: &'a Btf, root: TypeId) -> Access<'a> {
        Access { btf, root, steps: Vec::new(), bit_offset: 0 }
    }

    /// Follows a relocation's numbers through the object's types.
    pub(super) fn read(
        btf: &'a Btf,
        relocation: &CoreRelocation<'_>,
    ) -> Result<Access<'a>, CoreError> {
        let numbers = numbers(relocation.access)?;
        let &[first, ref rest @ ..] = numbers.as_slice() else {
            return Err(damaged("it has no access string"));
        };
        let access = Access::to_type(btf, relocation.root);
        if relocation.root == TypeId::VOID || btf.ty(relocation.root).kind().is_none() {
            return Err(damaged("its type doesn't exist"));
        }
        let question = relocation.question;
        if question.is_about_enumerator() {
            access.through_enumerator(first)
        } else if question.is_about_field() {
            access.through_fields(first, rest)
        } else if numbers != [0] {
            Err(damaged("it is about a type and names a member"))
        } else {
            Ok(access)
        }
    }

    fn through_enumerator(mut self, index: u32) -> Result<Access<'a>, CoreError> {
        let root = bare(self.btf, self.root);
        let Shape::Enum(enumeration) = root.ty.shape() else {
            return Err(damaged("it asks for an enumerator of something else"));
        };
        let (name, _) =
            enumeration.value(index).ok_or_else(|| damaged("its enumerator doesn't exist"))?;
        self.steps.push(Step { ty: root.id, index, name: Some(name) });
        Ok(self)
    }

    fn through_fields(mut self, first: u32, rest: &[u32]) -> Result<Access<'a>, CoreError> {
        let mut at = bare(self.btf, self.root);
        self.add_element(at.id, first)?;
        for &index in rest {
            match at.ty.shape() {
                Shape::Struct(composite) | Shape::Union(composite) => {
                    let member = composite
                        .member(index)
                        .ok_or_else(|| damaged("its member doesn't exist"))?;
                    self.bit_offset = self.bit_offset.saturating_add(member.bit_offset.into());
                    if !member.name.is_empty() {
                        self.steps.push(Step { ty: at.id, index, name: Some(member.name) });
                    }
                    at = bare(self.btf, member.ty);
                }
                Shape::Array(array) => {
                    if index >= array.len && !self.ends_flexible(array.len) {
                        return Err(damaged("its element is beyond the array's end"));
                    }
                    at = bare(self.btf, array.element);
                    self.add_element(at.id, index)?;
                }
                _ => return Err(damaged("it goes into a type without members")),
            }
        }
        Ok(self)
    }

    /// Goes to the element of that number; of what isn't an array, 0 is the thing itself.
    fn add_element(&mut self, ty: TypeId, index: u32) -> Result<(), CoreError> {
        if index != 0 {
            let size = size(self.btf, ty).ok_or_else(|| damaged("its elements have no size"))?;
            let bits = u64::from(index).saturating_mul(size).saturating_mul(8);
            self.bit_offset = self.bit_offset.saturating_add(bits);
        }
        self.steps.push(Step { ty, index, name: None });
        Ok(())
    }

    /// Whether the last step leads to a flexible array of that length.
    pub(super) fn ends_flexible(&self, len: u32) -> bool {
        let Some(Step { ty, index, name: Some(_) }) = self.steps.last() else {
            return false;
        };
        let members = composite(self.btf.ty(*ty)).map_or(0, |composite| composite.len());
        is_flexible(members, *index, len)
    }

    /// What a person calls the place: `field mm.pgd of struct task_struct`.
    pub(super) fn describe(&self) -> String {
        let root = name_of(self.btf, self.root);
        let mut path = String::new();
        for step in &self.steps {
            match step.name {
                Some(name) if path.is_empty() => path.push_str(name),
                Some(name) => path.push_str(&format!(".{name}")),
                None if step.index != 0 => path.push_str(&format!("[{}]", step.index)),
                None => {}
            }
        }
        let is_enum =
            matches!(bare(self.btf, self.root).ty.kind(), Some(Kind::Enum | Kind::Enum64));
        match (path.is_empty(), is_enum) {
            (true, _) => root,
            (false, true) => format!("enumerator {path} of {root}"),
            (false, false) => format!("field {path} of {root}"),
        }
    }
}

/// A structure's or union's members.
pub(super) fn composite(ty: Type<'_>) -> Option<Composite<'_>> {
    match ty.shape() {
        Shape::Struct(composite) | Shape::Union(composite) => Some(composite),
        _ => None,
    }
}

/// A type as C writes it, flavor and all.
pub(super) fn name_of(btf: &Btf, id: TypeId) -> String {
    let ty = btf.ty(id);
    match kind_of(ty) {
        "" => ty.name().to_owned(),
        kind => format!("{kind} {}", ty.name()),
    }
}

/// The word that C puts before a type's name.
pub(super) fn kind_of(ty: Type<'_>) -> &'static str {
    match ty.kind() {
        Some(Kind::Struct) => "struct",
        Some(Kind::Union) => "union",
        Some(Kind::Enum | Kind::Enum64) => "enum",
        Some(Kind::Forward) if ty.kind_flag() => "union",
        Some(Kind::Forward) => "struct",
        Some(Kind::Function) => "function",
        _ => "",
    }
}

fn numbers(access: &str) -> Result<Vec<u32>, CoreError> {
    let parts = access.split(':').take(MAX_DEPTH + 1);
    let numbers: Vec<u32> = parts
        .map(|part| part.parse().map_err(|_| damaged("its access string is not a row of numbers")))
        .collect::<Result<_, _>>()?;
    if numbers.len() > MAX_DEPTH {
        return Err(damaged("its access string is too long"));
    }
    Ok(numbers)
}

fn damaged(what: &str) -> CoreError {
    CoreError::Damaged { what: what.to_owned() }
}
