//! Which types an object's BTF gives to the variables of its sections.

use std::collections::HashMap;

use crate::btf::{Btf, Shape, TypeId};

/// Types of variables by section and name. Their offsets are not here: compilers leave them 0 in
/// objects, so a variable's place comes from its symbol.
#[derive(Default)]
pub(super) struct Variables<'a>(HashMap<(&'a str, &'a str), TypeId>);

impl<'a> Variables<'a> {
    pub(super) fn read(btf: &'a Btf) -> Variables<'a> {
        let mut variables = HashMap::new();
        for (_, ty) in btf.types() {
            let Shape::VariableSection(section) = ty.shape() else {
                continue;
            };
            for variable in section.variables() {
                let variable = btf.ty(variable.ty);
                if let Shape::Variable(of) = variable.shape() {
                    variables.insert((ty.name(), variable.name()), of);
                }
            }
        }
        Variables(variables)
    }

    /// The type of a section's variable.
    pub(super) fn find(&self, section: &str, name: &str) -> Option<TypeId> {
        self.0.get(&(section, name)).copied()
    }
}
