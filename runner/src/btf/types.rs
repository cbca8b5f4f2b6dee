//! Types as they stand in BTF: views into its bytes, nothing copied.
//!
//! [`super::read`] has checked what these read, so they have no errors. A view holds no more than
//! where it is; what a type is made of comes from [`Type::shape`].

use super::entries::{Composite, Entries, Enumeration, Prototype, VariableSection};
use super::kind::Kind;
use super::read::{Btf, TYPE_SIZE};

/// How many typedefs and qualifiers are looked through, one behind the other; they may form circles.
pub(super) const MAX_ALIASES: usize = 64;

/// A type's number in one [`Btf`]; 0 is `void`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

impl TypeId {
    /// No type: what a pointer to anything points to, what a procedure returns.
    pub const VOID: TypeId = TypeId(0);
}

/// A type in its BTF.
#[derive(Clone, Copy)]
pub struct Type<'a> {
    btf: &'a Btf,
    /// Where it begins in the data; none for `void`.
    at: Option<usize>,
}

/// What a type is made of.
#[derive(Clone, Copy)]
pub enum Shape<'a> {
    /// No type.
    Void,
    /// An integer, a character or a boolean.
    Int(Int),
    /// An address of something of that type.
    Pointer(TypeId),
    /// Elements of one type.
    Array(Array),
    /// Members one behind the other.
    Struct(Composite<'a>),
    /// Members in the same place.
    Union(Composite<'a>),
    /// Named numbers, of 32 or 64 bits.
    Enum(Enumeration<'a>),
    /// A structure or union without its members.
    Forward,
    /// Another name for a type.
    Typedef(TypeId),
    /// The type with `const`, `volatile`, `restrict` or a type tag.
    Qualified(TypeId),
    /// A function with a name: its prototype.
    Function(TypeId),
    /// What a function takes and returns.
    Prototype(Prototype<'a>),
    /// A global variable: its type.
    Variable(TypeId),
    /// The variables of a section.
    VariableSection(VariableSection<'a>),
    /// A floating point number of that many bytes.
    Float(u32),
    /// A remark on a type, or on one of its members or parameters.
    DeclarationTag {
        /// What it is a remark on.
        target: TypeId,
        /// The member or parameter, counted from 0; none for the type itself.
        component: Option<u32>,
    },
    /// A kind that came after this program was written.
    Unknown(u8),
}

/// An integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int {
    /// Bytes it takes.
    pub size: u32,
    /// Bits that count; fewer than `size` holds in bit-fields of old compilers.
    pub bits: u32,
    /// Where these bits begin.
    pub bit_offset: u32,
    /// `BTF_INT_SIGNED`.
    pub signed: bool,
    /// `BTF_INT_CHAR`; clang never sets it.
    pub char: bool,
    /// `BTF_INT_BOOL`.
    pub bool: bool,
}

/// An array type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array {
    /// The elements' type.
    pub element: TypeId,
    /// How many; 0 for a flexible array.
    pub len: u32,
}

impl<'a> Type<'a> {
    pub(super) fn at(btf: &'a Btf, at: usize) -> Type<'a> {
        Type { btf, at: Some(at) }
    }

    pub(super) fn void(btf: &'a Btf) -> Type<'a> {
        Type { btf, at: None }
    }

    fn word(&self, index: usize) -> u32 {
        self.at.map_or(0, |at| self.btf.u32_at(at + 4 * index))
    }

    /// Where it begins in the data.
    pub(super) fn position(&self) -> Option<usize> {
        self.at
    }

    pub(super) fn name_offset(&self) -> u32 {
        self.word(0)
    }

    /// The kind's number. It has had seven bits since kernel 7.1, where five were used before and
    /// the rest was zero.
    pub(super) fn kind_number(&self) -> u8 {
        ((self.word(1) >> 24) & 0x7f) as u8
    }

    /// `vlen`: how many entries follow, or a function's linkage. 24 bits since kernel 7.1, 16 before
    /// with zeros above.
    pub(super) fn entry_count(&self) -> u32 {
        self.word(1) & 0x00ff_ffff
    }

    /// `kind_flag`, whose meaning depends on the kind: of a forward declaration it says that it is one
    /// of a union.
    pub(super) fn kind_flag(&self) -> bool {
        self.word(1) >> 31 != 0
    }

    /// The offset of an entry's name, for kinds whose entries have one.
    pub(super) fn entry_name(&self, entry: u32) -> u32 {
        let entries = self.kind().and_then(|kind| self.entries(kind).nth(entry));
        entries.map_or(0, |[name, ..]| name)
    }

    /// A function's or variable's linkage; 0 for other types.
    pub fn linkage(&self) -> u32 {
        match self.kind() {
            Some(Kind::Function) => self.entry_count(),
            Some(Kind::Variable) => self.word(3),
            _ => 0,
        }
    }

    /// Its kind; none for `void` and for kinds that are not known.
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_number(self.kind_number())
    }

    /// Its name; empty if it has none.
    pub fn name(&self) -> &'a str {
        self.btf.string(self.name_offset())
    }

    /// The type behind typedefs, qualifiers and a variable's name; `void` if they don't end.
    pub fn behind_aliases(self) -> Type<'a> {
        let mut ty = self;
        for _ in 0..MAX_ALIASES {
            match ty.shape() {
                Shape::Typedef(next) | Shape::Qualified(next) | Shape::Variable(next) => {
                    ty = ty.btf.ty(next);
                }
                _ => return ty,
            }
        }
        Type::void(self.btf)
    }

    /// What it is made of.
    pub fn shape(&self) -> Shape<'a> {
        let Some(kind) = self.kind() else {
            return match self.at {
                Some(_) => Shape::Unknown(self.kind_number()),
                None => Shape::Void,
            };
        };
        let third = self.word(2);
        let to = TypeId(third);
        let entries = self.entries(kind);
        match kind {
            Kind::Int => Shape::Int(self.int()),
            Kind::Pointer => Shape::Pointer(to),
            Kind::Array => Shape::Array(Array { element: TypeId(self.word(3)), len: self.word(5) }),
            Kind::Struct => Shape::Struct(self.composite(entries)),
            Kind::Union => Shape::Union(self.composite(entries)),
            Kind::Enum | Kind::Enum64 => Shape::Enum(Enumeration {
                size: third,
                signed: self.kind_flag(),
                entries,
                wide: kind == Kind::Enum64,
            }),
            Kind::Forward => Shape::Forward,
            Kind::Typedef => Shape::Typedef(to),
            Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => Shape::Qualified(to),
            Kind::Function => Shape::Function(to),
            Kind::Prototype => Shape::Prototype(Prototype { result: to, entries }),
            Kind::Variable => Shape::Variable(to),
            Kind::VariableSection => {
                Shape::VariableSection(VariableSection { size: third, entries })
            }
            Kind::Float => Shape::Float(third),
            Kind::DeclarationTag => Shape::DeclarationTag {
                target: to,
                component: Some(self.word(3)).filter(|&component| component != u32::MAX),
            },
        }
    }

    fn int(&self) -> Int {
        let encoding = self.word(3);
        Int {
            size: self.word(2),
            bits: encoding & 0xff,
            bit_offset: (encoding >> 16) & 0xff,
            signed: encoding & (1 << 24) != 0,
            char: encoding & (1 << 25) != 0,
            bool: encoding & (1 << 26) != 0,
        }
    }

    fn composite(&self, entries: Entries<'a>) -> Composite<'a> {
        Composite { size: self.word(2), entries, packed_offsets: self.kind_flag() }
    }

    fn entries(&self, kind: Kind) -> Entries<'a> {
        Entries {
            btf: self.btf,
            at: self.at.map_or(0, |at| at + TYPE_SIZE),
            count: self.entry_count(),
            size: kind.entry_size() as usize,
        }
    }
}
