//! The kinds of types, and what follows a type of each kind in the encoding.

/// `enum btf_kind`, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `BTF_KIND_INT`.
    Int,
    /// `BTF_KIND_PTR`.
    Pointer,
    /// `BTF_KIND_ARRAY`.
    Array,
    /// `BTF_KIND_STRUCT`.
    Struct,
    /// `BTF_KIND_UNION`.
    Union,
    /// `BTF_KIND_ENUM`.
    Enum,
    /// `BTF_KIND_FWD`.
    Forward,
    /// `BTF_KIND_TYPEDEF`.
    Typedef,
    /// `BTF_KIND_VOLATILE`.
    Volatile,
    /// `BTF_KIND_CONST`.
    Const,
    /// `BTF_KIND_RESTRICT`.
    Restrict,
    /// `BTF_KIND_FUNC`.
    Function,
    /// `BTF_KIND_FUNC_PROTO`.
    Prototype,
    /// `BTF_KIND_VAR`.
    Variable,
    /// `BTF_KIND_DATASEC`.
    VariableSection,
    /// `BTF_KIND_FLOAT`.
    Float,
    /// `BTF_KIND_DECL_TAG`.
    DeclarationTag,
    /// `BTF_KIND_TYPE_TAG`.
    TypeTag,
    /// `BTF_KIND_ENUM64`.
    Enum64,
}

impl Kind {
    pub(super) fn from_number(number: u8) -> Option<Kind> {
        Some(match number {
            1 => Kind::Int,
            2 => Kind::Pointer,
            3 => Kind::Array,
            4 => Kind::Struct,
            5 => Kind::Union,
            6 => Kind::Enum,
            7 => Kind::Forward,
            8 => Kind::Typedef,
            9 => Kind::Volatile,
            10 => Kind::Const,
            11 => Kind::Restrict,
            12 => Kind::Function,
            13 => Kind::Prototype,
            14 => Kind::Variable,
            15 => Kind::VariableSection,
            16 => Kind::Float,
            17 => Kind::DeclarationTag,
            18 => Kind::TypeTag,
            19 => Kind::Enum64,
            _ => return None,
        })
    }

    /// Its number in `enum btf_kind`.
    pub(super) fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Size of one of the `entries` that follow the type; for kinds with a fixed payload, its size.
    pub(super) fn entry_size(self) -> u64 {
        match self {
            Kind::Int | Kind::Variable | Kind::DeclarationTag => 4,
            Kind::Enum | Kind::Prototype => 8,
            Kind::Array | Kind::Struct | Kind::Union | Kind::VariableSection | Kind::Enum64 => 12,
            Kind::Pointer
            | Kind::Forward
            | Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::Function
            | Kind::Float
            | Kind::TypeTag => 0,
        }
    }

    /// How many bytes follow a type of this kind.
    pub(super) fn payload(self, entries: u32) -> u64 {
        match self {
            Kind::Int | Kind::Variable | Kind::DeclarationTag | Kind::Array => self.entry_size(),
            _ => self.entry_size() * u64::from(entries),
        }
    }

    /// Whether the type's third word is a type id and not a size.
    pub(super) fn refers(self) -> bool {
        matches!(
            self,
            Kind::Pointer
                | Kind::Typedef
                | Kind::Volatile
                | Kind::Const
                | Kind::Restrict
                | Kind::Function
                | Kind::Prototype
                | Kind::Variable
                | Kind::DeclarationTag
                | Kind::TypeTag
        )
    }
}
