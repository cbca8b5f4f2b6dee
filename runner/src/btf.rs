//! BTF: the type information that compilers put into objects and that kernels carry.
//!
//! `read` has the encoding checked once, by `header` and `check`, and answers questions about types in
//! place, `types` are the answers; `layout` is a type with every typedef and qualifier looked through, for whoever reads
//! or writes its bytes. `kernel_types` finds types by name, `core_relo` answers CO-RE's questions with
//! them, `edit` and `sanitize` change BTF. Nothing here knows about ELF files or reads anything itself.

pub mod core_relo;

mod check;
mod display;
mod edit;
mod entries;
mod error;
mod header;
mod kind;
mod kernel_types;
mod layout;
mod names;
mod read;
mod sanitize;
#[cfg(test)]
mod tests;
mod types;

pub use edit::Editor;
pub use entries::{
    Composite, Enumeration, Member, Parameter, Prototype, Variable, VariableSection,
};
pub use error::BtfError;
pub use kernel_types::{Found, KernelTypes, Module};
pub use kind::Kind;
pub use layout::{Field, Layout, Scalar, ScalarKind, size_of};
pub use read::Btf;
pub use sanitize::{BtfFeatures, add_byte, dissolve_section, sanitize};
pub use types::{Array, Int, Shape, Type, TypeId};
