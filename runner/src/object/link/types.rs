//! An object's types in the form that the kernel takes: sections' variables have places, nothing is
//! left to others, and what an older kernel doesn't know is replaced.

use std::collections::HashMap;

use super::Linkable;
use super::externs::{CONFIG_SECTION, SYMBOL_SECTION};
use crate::btf::{
    Btf, BtfFeatures, Editor, Kind, Shape, Type, TypeId, Variable, VariableSection, add_byte,
    dissolve_section, sanitize, size_of,
};
use crate::object::elf::{Place, SymbolKind};

/// A function's linkage: not seen outside of the object.
const STATIC: u32 = 0;
/// A function's linkage, and a variable's that has memory.
const GLOBAL: u32 = 1;
/// A function's and a variable's linkage: it is somewhere else. Kernels don't take it.
const EXTERN: u32 = 2;

/// Writes the types.
pub(super) fn write(object: &Linkable<'_>, btf: &Btf, features: &BtfFeatures) -> Vec<u8> {
    let mut editor = Editor::new(btf);
    let byte = add_byte(&mut editor);
    let places = Places::of(object);
    for (id, ty) in btf.types() {
        match ty.shape() {
            Shape::VariableSection(section) => {
                section_places(object, &places, &mut editor, (id, ty, section), byte);
            }
            Shape::Function(prototype) => {
                function(object, &places, &mut editor, (id, ty), prototype);
            }
            Shape::Variable(of) if ty.linkage() == EXTERN => {
                editor.set(id, 3, GLOBAL);
                if object.externs.config_variable(ty.name()).is_none() || size_of(btf, of) == 0 {
                    editor.set(id, 2, byte.0);
                }
            }
            _ => {}
        }
    }
    sanitize(&mut editor, features, byte);
    editor.finish()
}

/// Where the object's symbols say that things are.
struct Places<'a> {
    /// Offset and size by section and name.
    variables: HashMap<(&'a str, &'a str), (u64, u64)>,
    /// Sizes by section.
    sections: HashMap<&'a str, u64>,
    /// Functions that are global in the source and not to be seen from outside.
    hidden: Vec<&'a str>,
}

impl<'a> Places<'a> {
    fn of(object: &Linkable<'a>) -> Places<'a> {
        let elf = &object.parts.elf;
        let mut places = Places {
            variables: HashMap::new(),
            sections: elf.sections.iter().map(|section| (section.name, section.size)).collect(),
            hidden: Vec::new(),
        };
        for symbol in &elf.symbols {
            let Place::Section(section) = symbol.place else {
                continue;
            };
            let key = (elf.sections[section].name, symbol.name);
            places.variables.entry(key).or_insert((symbol.value, symbol.size));
            if symbol.kind == SymbolKind::Function && symbol.hidden {
                places.hidden.push(symbol.name);
            }
        }
        places
    }
}

/// Fills in where a section's variables are, which compilers leave open, in the order of their places.
fn section_places(
    object: &Linkable<'_>,
    places: &Places<'_>,
    editor: &mut Editor<'_>,
    (id, ty, section): (TypeId, Type<'_>, VariableSection<'_>),
    byte: TypeId,
) {
    let name = ty.name();
    let found = match name {
        CONFIG_SECTION => config_places(object, editor.original(), section),
        SYMBOL_SECTION => None,
        _ => variable_places(places, editor.original(), name, section),
    };
    let Some((size, mut variables)) = found else {
        dissolve_section(editor, id, byte);
        return;
    };
    variables.sort_by_key(|variable| variable.offset);
    editor.set(id, 2, size);
    for (entry, variable) in (0..).zip(variables) {
        editor.set_entry(id, entry, &[variable.ty.0, variable.offset, variable.size]);
    }
}

fn variable_places(
    places: &Places<'_>,
    btf: &Btf,
    name: &str,
    section: VariableSection<'_>,
) -> Option<(u32, Vec<Variable>)> {
    let size = u32::try_from(*places.sections.get(name)?).ok().filter(|&size| size > 0)?;
    let variables = section.variables().map(|variable| {
        let (offset, size) = *places.variables.get(&(name, btf.ty(variable.ty).name()))?;
        let offset = u32::try_from(offset).ok()?;
        Some(Variable { ty: variable.ty, offset, size: u32::try_from(size).ok()? })
    });
    Some((size, variables.collect::<Option<_>>()?))
}

fn config_places(
    object: &Linkable<'_>,
    btf: &Btf,
    section: VariableSection<'_>,
) -> Option<(u32, Vec<Variable>)> {
    let variables = section.variables().map(|variable| {
        let place = object.externs.config_variable(btf.ty(variable.ty).name())?;
        Some(Variable { ty: variable.ty, offset: place.offset, size: place.size })
    });
    Some((object.externs.config_size, variables.collect::<Option<_>>()?))
}

/// Functions of the kernel become ordinary ones, whose parameters must have names; hidden ones become
/// static, so that the verifier looks at them together with their callers.
fn function(
    object: &Linkable<'_>,
    places: &Places<'_>,
    editor: &mut Editor<'_>,
    (id, ty): (TypeId, Type<'_>),
    prototype: TypeId,
) {
    if ty.linkage() == GLOBAL && places.hidden.contains(&ty.name()) {
        editor.set_kind(id, Kind::Function, false, STATIC);
    }
    if ty.linkage() != EXTERN {
        return;
    }
    editor.set_kind(id, Kind::Function, false, GLOBAL);
    let Some(btf) = &object.parts.btf else {
        return;
    };
    let Shape::Prototype(prototype_shape) = btf.ty(prototype).shape() else {
        return;
    };
    for (entry, parameter) in (0..).zip(prototype_shape.parameters()) {
        if parameter.name.is_empty() && parameter.ty != TypeId::VOID {
            let name = editor.add_string("argument");
            editor.set_entry(prototype, entry, &[name, parameter.ty.0]);
        }
    }
}
