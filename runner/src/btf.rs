//! BTF: the type information that compilers put into objects and that kernels carry.
//!
//! [`read`] parses the encoding once and answers questions about types in place; [`layout`] is a
//! type with every typedef and qualifier looked through, for whoever reads or writes its bytes.

mod layout;

pub use layout::{Field, Layout, Scalar, ScalarKind};
