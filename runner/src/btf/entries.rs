//! What follows types: members, enumerators, parameters, variables.
//!
//! Views into the BTF's bytes, like the types themselves; the reader has checked them.

use super::read::Btf;
use super::types::TypeId;

/// A structure or union.
#[derive(Clone, Copy)]
pub struct Composite<'a> {
    /// Bytes it takes.
    pub size: u32,
    pub(super) entries: Entries<'a>,
    /// `kind_flag`: the members' offsets hold bit-field widths too.
    pub(super) packed_offsets: bool,
}

/// A member of a structure or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name; empty for an anonymous structure or union.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
    /// Bits from the structure's beginning.
    pub bit_offset: u32,
    /// Width of a bit-field in bits, where the member itself has it.
    pub bit_width: Option<u32>,
}

/// An enumeration.
#[derive(Clone, Copy)]
pub struct Enumeration<'a> {
    /// Bytes that a value takes.
    pub size: u32,
    /// Whether values are signed.
    pub signed: bool,
    pub(super) entries: Entries<'a>,
    pub(super) wide: bool,
}

/// A function's parameters and result.
#[derive(Clone, Copy)]
pub struct Prototype<'a> {
    /// What it returns; `void` for a procedure.
    pub result: TypeId,
    pub(super) entries: Entries<'a>,
}

/// A parameter. One without name and type stands for `...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its name, empty if it has none.
    pub name: &'a str,
    /// Its type.
    pub ty: TypeId,
}

/// The variables of an ELF section.
#[derive(Clone, Copy)]
pub struct VariableSection<'a> {
    /// The section's size in bytes; clang leaves it 0 in objects.
    pub size: u32,
    pub(super) entries: Entries<'a>,
}

/// A variable's place in its section. Clang leaves both numbers 0 in objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The variable.
    pub ty: TypeId,
    /// Bytes from the section's beginning.
    pub offset: u32,
    /// Bytes it takes.
    pub size: u32,
}

/// The equally sized records that follow a type.
#[derive(Clone, Copy)]
pub(super) struct Entries<'a> {
    pub(super) btf: &'a Btf,
    /// Where the first begins in the data.
    pub(super) at: usize,
    pub(super) count: u32,
    /// Bytes of one.
    pub(super) size: usize,
}

impl<'a> Entries<'a> {
    /// The first three words of each record; what a shorter record doesn't have is meaningless.
    pub(super) fn words(self) -> impl Iterator<Item = [u32; 3]> + use<'a> {
        (0..self.count).map(move |index| self.words_of(index))
    }

    /// The words of the record of that number.
    pub(super) fn nth(self, index: u32) -> Option<[u32; 3]> {
        (index < self.count).then(|| self.words_of(index))
    }

    fn words_of(&self, index: u32) -> [u32; 3] {
        let at = self.at + index as usize * self.size;
        [0, 4, 8].map(|offset| self.btf.u32_at(at + offset))
    }
}

impl<'a> Composite<'a> {
    /// How many members it has.
    pub(super) fn len(&self) -> usize {
        self.entries.count as usize
    }

    /// The member of that number.
    pub(super) fn member(self, index: u32) -> Option<Member<'a>> {
        self.entries.nth(index).map(|words| self.member_of(words))
    }

    fn member_of(&self, [name, ty, offset]: [u32; 3]) -> Member<'a> {
        let (bit_offset, width) = match self.packed_offsets {
            true => (offset & 0x00ff_ffff, offset >> 24),
            false => (offset, 0),
        };
        Member {
            name: self.entries.btf.string(name),
            ty: TypeId(ty),
            bit_offset,
            bit_width: Some(width).filter(|&width| width != 0),
        }
    }

    /// Its members in the order of the source.
    pub fn members(self) -> impl Iterator<Item = Member<'a>> + use<'a> {
        self.entries.words().map(move |words| self.member_of(words))
    }
}

impl<'a> Enumeration<'a> {
    /// Whether the values have 64 bits.
    pub(super) fn is_wide(&self) -> bool {
        self.wide
    }

    /// Its values in the order of the source.
    pub fn values(self) -> impl Iterator<Item = (&'a str, i128)> + use<'a> {
        self.entries.words().map(move |words| self.value_of(words))
    }

    /// How many values it has.
    pub(super) fn len(&self) -> usize {
        self.entries.count as usize
    }

    /// The value of that number in the source, with its name.
    pub(super) fn value(self, index: u32) -> Option<(&'a str, i128)> {
        self.entries.nth(index).map(|words| self.value_of(words))
    }

    fn value_of(&self, [name, low, high]: [u32; 3]) -> (&'a str, i128) {
        let value = match (self.wide, self.signed) {
            (false, true) => i128::from(low as i32),
            (false, false) => i128::from(low),
            (true, signed) => {
                let value = u64::from(high) << 32 | u64::from(low);
                match signed {
                    true => i128::from(value as i64),
                    false => i128::from(value),
                }
            }
        };
        (self.entries.btf.string(name), value)
    }
}

impl<'a> Prototype<'a> {
    /// How many parameters it has.
    pub(super) fn len(&self) -> usize {
        self.entries.count as usize
    }

    /// Its parameters in order.
    pub fn parameters(self) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
        self.entries.words().map(move |[name, ty, _]| Parameter {
            name: self.entries.btf.string(name),
            ty: TypeId(ty),
        })
    }
}

impl<'a> VariableSection<'a> {
    /// Its variables in the order of the BTF, which need not be that of their offsets.
    pub fn variables(self) -> impl Iterator<Item = Variable> + use<'a> {
        self.entries.words().map(|[ty, offset, size]| Variable { ty: TypeId(ty), offset, size })
    }
}
