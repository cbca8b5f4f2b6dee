//! BTF: the type information that compilers put into objects and that kernels carry.
//!
//! `read` checks the encoding once and answers questions about types in place, `types` are the
//! answers; `layout` is a type with every typedef and qualifier looked through, for whoever reads
//! or writes its bytes. Nothing here knows about ELF files or kernels.

mod display;
mod error;
mod kind;
mod layout;
mod read;
#[cfg(test)]
mod tests;
mod types;

pub use error::BtfError;
pub use kind::Kind;
pub use layout::{Field, Layout, Scalar, ScalarKind, size_of};
pub use read::Btf;
pub use types::{
    Array, Composite, Enumeration, Int, Member, Parameter, Prototype, Shape, Type, TypeId,
    Variable, VariableSection,
};
