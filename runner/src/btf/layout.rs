//! How the bytes of a type are laid out: what a decoder or encoder needs and nothing more.
//!
//! A [`Layout`] owns its parts and holds no type ids, so it outlives the BTF it came from.
//! Types may be nested without end in hostile BTF and come in circles, so how deep and how large
//! a layout gets is limited; what is beyond the limit is [`Layout::Opaque`].

use serde::{Deserialize, Serialize};

use super::entries::{Composite, Enumeration, Member, VariableSection};
use super::read::Btf;
use super::types::{Int, MAX_ALIASES, Shape, TypeId};

/// How deep structures and arrays are followed.
const MAX_DEPTH: usize = 32;
/// What a layout may cost: see [`Builder::spend`]. About 30,000 members.
const BUDGET: usize = 1 << 20;
/// What a part costs besides its name.
const PART_COST: usize = 32;

/// A type, with typedefs and qualifiers looked through. All sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// An integer, a boolean, a character or an enumerated value.
    Scalar(Scalar),
    /// A structure.
    Struct {
        /// Its tag, empty if it has none.
        name: String,
        /// Its size, padding included.
        size: u32,
        /// Its members in the order of the source.
        fields: Vec<Field>,
    },
    /// A union: every member begins at offset 0.
    Union {
        /// Its tag, empty if it has none.
        name: String,
        /// Its size.
        size: u32,
        /// Its members in the order of the source.
        fields: Vec<Field>,
    },
    /// `len` elements one behind the other; 0 for a flexible array.
    Array {
        /// One element.
        element: Box<Layout>,
        /// How many.
        len: u32,
    },
    /// An address; 8 bytes on every architecture that BPF programs see.
    Pointer,
    /// Bytes whose shape is not known or is cut off (a recursion limit, a forward declaration).
    Opaque {
        /// How many bytes.
        size: u32,
    },
}

/// A value of up to 16 bytes in the machine's byte order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scalar {
    /// The name that the source uses: `int`, `__u32`, `bool`, `enum colour` …, or a typedef's.
    pub name: String,
    /// Size in bytes: 1, 2, 4, 8 or 16.
    pub size: u32,
    /// Whether the top bit is a sign.
    pub signed: bool,
    /// What the bits mean.
    pub kind: ScalarKind,
}

/// What a scalar's bits mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScalarKind {
    /// A number.
    Integer,
    /// `char`: an array of them is text.
    Char,
    /// `_Bool`.
    Bool,
    /// An IEEE floating point number.
    Float,
    /// One of the listed values, named.
    Enum(Vec<(String, i128)>),
}

/// A member of a structure or union.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name; empty for an anonymous structure or union.
    pub name: String,
    /// Offset from the beginning of the structure, in bits.
    pub bit_offset: u32,
    /// Width in bits, for bit-fields alone.
    pub bit_width: Option<u32>,
    /// The member's own layout.
    pub layout: Layout,
}

impl Layout {
    /// The layout of a type, or of a variable's type.
    ///
    /// It ends on any BTF. What has no bytes (`void`, functions) or an unknown number of them is
    /// opaque with size 0.
    pub fn of(btf: &Btf, id: TypeId) -> Layout {
        let mut budget = BUDGET;
        Builder { btf, budget: &mut budget, cut: false }.layout(id, 0)
    }

    /// The layout of a type if it is whole and costs no more than what `budget` has left, from which
    /// its cost is taken. For whoever makes many layouts of BTF that may be hostile.
    pub fn within(btf: &Btf, id: TypeId, budget: &mut usize) -> Option<Layout> {
        let mut builder = Builder { btf, budget, cut: false };
        let layout = builder.layout(id, 0);
        (!builder.cut).then_some(layout)
    }

    /// What is known of bytes without a type: a number where they are as many as a number has.
    pub fn untyped(size: u32) -> Layout {
        if !matches!(size, 1 | 2 | 4 | 8) {
            return Layout::Opaque { size };
        }
        scalar(format!("u{}", 8 * size), size, false, ScalarKind::Integer)
    }

    /// Size in bytes; 0 for a flexible array.
    pub fn size(&self) -> u32 {
        match self {
            Layout::Scalar(scalar) => scalar.size,
            Layout::Struct { size, .. } | Layout::Union { size, .. } | Layout::Opaque { size } => {
                *size
            }
            Layout::Array { element, len } => element.size().saturating_mul(*len),
            Layout::Pointer => 8,
        }
    }
}

struct Builder<'a, 'b> {
    btf: &'a Btf,
    budget: &'b mut usize,
    /// Whether a part is opaque because of a limit.
    cut: bool,
}

/// A type with its typedefs and qualifiers taken off.
struct Bare<'a> {
    shape: Shape<'a>,
    /// The outermost typedef's name.
    alias: Option<&'a str>,
    /// The type's own name.
    own_name: &'a str,
}

impl<'a> Bare<'a> {
    /// The name that the source uses.
    fn name(&self) -> &'a str {
        self.alias.unwrap_or(self.own_name)
    }
}

impl<'a> Builder<'a, '_> {
    fn layout(&mut self, id: TypeId, depth: usize) -> Layout {
        let Some(bare) = bare(self.btf, id) else {
            return self.cut_off(0);
        };
        if depth >= MAX_DEPTH || !self.spend(bare.name()) {
            return self.cut_off(size_of(self.btf, id));
        }
        match bare.shape {
            Shape::Int(int) => integer(&bare, int),
            Shape::Float(size @ (2 | 4 | 8 | 16)) => {
                scalar(bare.name().to_owned(), size, true, ScalarKind::Float)
            }
            Shape::Enum(enumeration) => self.enumeration(&bare, enumeration),
            Shape::Struct(composite) => Layout::Struct {
                name: bare.own_name.to_owned(),
                size: composite.size,
                fields: self.fields(composite, depth),
            },
            Shape::Union(composite) => Layout::Union {
                name: bare.own_name.to_owned(),
                size: composite.size,
                fields: self.fields(composite, depth),
            },
            Shape::Array(array) => Layout::Array {
                element: Box::new(self.layout(array.element, depth + 1)),
                len: array.len,
            },
            Shape::Pointer(_) => Layout::Pointer,
            Shape::VariableSection(section) => self.variables(bare.own_name, section, depth),
            _ => Layout::Opaque { size: size_of(self.btf, id) },
        }
    }

    /// A section of variables as a structure that has them as members.
    fn variables(&mut self, name: &str, section: VariableSection<'a>, depth: usize) -> Layout {
        let mut fields = Vec::new();
        for variable in section.variables() {
            let name = self.btf.ty(variable.ty).name();
            if !self.spend(name) {
                self.cut = true;
                break;
            }
            fields.push(Field {
                name: name.to_owned(),
                bit_offset: variable.offset.saturating_mul(8),
                bit_width: None,
                layout: self.layout(variable.ty, depth + 1),
            });
        }
        fields.sort_by_key(|field| field.bit_offset);
        Layout::Struct { name: name.to_owned(), size: section.size, fields }
    }

    fn fields(&mut self, composite: Composite<'a>, depth: usize) -> Vec<Field> {
        let mut fields = Vec::new();
        for member in composite.members() {
            if !self.spend(member.name) {
                self.cut = true;
                break;
            }
            let (bit_offset, bit_width) = self.place(&member);
            fields.push(Field {
                name: member.name.to_owned(),
                bit_offset,
                bit_width,
                layout: self.layout(member.ty, depth + 1),
            });
        }
        fields
    }

    /// Where a member's bits are. Old compilers say it in the member's type: an integer that
    /// begins some bits later and has fewer bits than its size.
    fn place(&self, member: &Member<'_>) -> (u32, Option<u32>) {
        if member.bit_width.is_some() {
            return (member.bit_offset, member.bit_width);
        }
        match bare(self.btf, member.ty).map(|bare| bare.shape) {
            Some(Shape::Int(int))
                if int.bit_offset != 0 || int.bits != int.size.saturating_mul(8) =>
            {
                (member.bit_offset.saturating_add(int.bit_offset), Some(int.bits))
            }
            _ => (member.bit_offset, None),
        }
    }

    fn enumeration(&mut self, bare: &Bare<'a>, enumeration: Enumeration<'a>) -> Layout {
        if !matches!(enumeration.size, 1 | 2 | 4 | 8) {
            return Layout::Opaque { size: enumeration.size };
        }
        let mut values = Vec::new();
        for (name, value) in enumeration.values() {
            if !self.spend(name) {
                self.cut = true;
                break;
            }
            values.push((name.to_owned(), value));
        }
        let name = match bare.alias {
            Some(alias) => alias.to_owned(),
            None => format!("enum {}", bare.own_name).trim_end().to_owned(),
        };
        let kind = ScalarKind::Enum(values);
        scalar(name, enumeration.size, enumeration.signed, kind)
    }

    /// Takes the cost of one part from the budget, if it is there.
    fn spend(&mut self, name: &str) -> bool {
        match self.budget.checked_sub(PART_COST + name.len()) {
            Some(rest) => {
                *self.budget = rest;
                true
            }
            None => false,
        }
    }

    fn cut_off(&mut self, size: u32) -> Layout {
        self.cut = true;
        Layout::Opaque { size }
    }
}

fn scalar(name: String, size: u32, signed: bool, kind: ScalarKind) -> Layout {
    Layout::Scalar(Scalar { name, size, signed, kind })
}

fn integer(bare: &Bare<'_>, int: Int) -> Layout {
    if !matches!(int.size, 1 | 2 | 4 | 8 | 16) {
        return Layout::Opaque { size: int.size };
    }
    let kind = match int {
        Int { bool: true, .. } => ScalarKind::Bool,
        // Compilers call `char` a signed integer, so its name must tell it from `signed char`.
        Int { size: 1, char, .. } if char || bare.own_name == "char" => ScalarKind::Char,
        _ => ScalarKind::Integer,
    };
    scalar(bare.name().to_owned(), int.size, int.signed, kind)
}

/// Takes typedefs, qualifiers and a variable's name off; `None` if they don't end.
fn bare(btf: &Btf, id: TypeId) -> Option<Bare<'_>> {
    let mut ty = btf.ty(id);
    let mut alias = None;
    for _ in 0..MAX_ALIASES {
        let next = match ty.shape() {
            Shape::Typedef(next) => {
                alias.get_or_insert(ty.name());
                next
            }
            Shape::Qualified(next) | Shape::Variable(next) => next,
            shape => {
                let own_name = ty.name();
                return Some(Bare { shape, alias, own_name });
            }
        };
        ty = btf.ty(next);
    }
    None
}

/// A type's size in bytes, without making its layout; 0 for what has none.
pub fn size_of(btf: &Btf, id: TypeId) -> u32 {
    let mut id = id;
    let mut count = 1u32;
    // Arrays of arrays may form a circle.
    for _ in 0..MAX_DEPTH {
        let Some(bare) = bare(btf, id) else {
            return 0;
        };
        let size = match bare.shape {
            Shape::Array(array) => {
                count = count.saturating_mul(array.len);
                id = array.element;
                continue;
            }
            Shape::Int(int) => int.size,
            Shape::Float(size) => size,
            Shape::Enum(enumeration) => enumeration.size,
            Shape::Struct(composite) | Shape::Union(composite) => composite.size,
            Shape::Pointer(_) => 8,
            _ => 0,
        };
        return size.saturating_mul(count);
    }
    0
}
