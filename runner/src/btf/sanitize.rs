//! Makes an object's BTF one that an older kernel takes: kinds that it doesn't know become others of
//! the same size, so that ids stay what they are.

use super::edit::{Editor, information};
use super::kind::Kind;
use super::types::{Shape, Type, TypeId};

/// What of BTF a kernel takes. Found out by loading small pieces of it, never from version numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BtfFeatures {
    /// Functions and their prototypes, and with them programs' function and line information (5.0).
    pub functions: bool,
    /// That functions are global (5.6).
    pub global_functions: bool,
    /// Variables and their sections (5.2).
    pub variables: bool,
    /// Names of sections with a `?` (6.12 and fixes).
    pub question_marks: bool,
    /// Floating point numbers (5.13).
    pub floats: bool,
    /// Tags of declarations (5.16).
    pub declaration_tags: bool,
    /// Tags of types (5.17).
    pub type_tags: bool,
    /// Enumerations of 64 bits, and signs of others (6.0).
    pub enum64: bool,
}

impl BtfFeatures {
    /// A kernel that takes everything.
    pub const ALL: BtfFeatures = BtfFeatures {
        functions: true,
        global_functions: true,
        variables: true,
        question_marks: true,
        floats: true,
        declaration_tags: true,
        type_tags: true,
        enum64: true,
    };
}

/// Replaces what the kernel doesn't take. `byte` is an integer type of one byte.
pub fn sanitize(editor: &mut Editor<'_>, features: &BtfFeatures, byte: TypeId) {
    let btf = editor.original();
    for (id, ty) in btf.types() {
        let Some(kind) = ty.kind() else {
            continue;
        };
        match kind {
            Kind::Variable | Kind::DeclarationTag if !takes(features, kind) => {
                become_byte(editor, id);
            }
            Kind::VariableSection if !features.variables => {
                section_to_struct(editor, id, ty);
            }
            Kind::VariableSection if !features.question_marks => {
                rename(editor, id, ty.name(), &['?']);
            }
            Kind::Function if !features.functions => {
                editor.set_kind(id, Kind::Typedef, false, 0);
            }
            Kind::Function if !features.global_functions => {
                editor.set_kind(id, Kind::Function, false, 0);
            }
            // Parameters' types become the enumerators' values.
            Kind::Prototype if !features.functions => {
                editor.set_kind(id, Kind::Enum, false, ty.entry_count());
                editor.set(id, 2, 4);
            }
            Kind::Float if !features.floats => {
                editor.set(id, 0, 0);
                editor.set_kind(id, Kind::Struct, false, 0);
            }
            Kind::TypeTag if !features.type_tags => {
                editor.set(id, 0, 0);
                editor.set_kind(id, Kind::Const, false, 0);
            }
            // Enumerators become members of one byte, all at the beginning.
            Kind::Enum64 if !features.enum64 => {
                editor.set_kind(id, Kind::Union, false, ty.entry_count());
                for entry in 0..ty.entry_count() {
                    let name = ty.entry_name(entry);
                    editor.set_entry(id, entry, &[name, byte.0, 0]);
                }
            }
            Kind::Enum if !features.enum64 => {
                editor.set_kind(id, Kind::Enum, false, ty.entry_count());
            }
            _ => {}
        }
    }
}

/// Makes a section's list of variables a structure without names that nobody refers to: for sections
/// that are gone, or hold what the kernel wouldn't take as variables.
pub fn dissolve_section(editor: &mut Editor<'_>, id: TypeId, byte: TypeId) {
    let entries = editor.original().ty(id).entry_count();
    editor.set(id, 0, 0);
    editor.set_kind(id, Kind::Struct, false, entries);
    editor.set(id, 2, entries);
    for entry in 0..entries {
        editor.set_entry(id, entry, &[0, byte.0, entry * 8]);
    }
}

/// Adds the integer type of one byte that replacements are made of.
pub fn add_byte(editor: &mut Editor<'_>) -> TypeId {
    let name = editor.add_string("unsigned char");
    editor.add_type(name, &[information(Kind::Int, false, 0), 1, 8])
}

fn takes(features: &BtfFeatures, kind: Kind) -> bool {
    match kind {
        Kind::Variable => features.variables,
        Kind::DeclarationTag => features.declaration_tags,
        _ => true,
    }
}

/// Both kinds are followed by one word, as integers are.
fn become_byte(editor: &mut Editor<'_>, id: TypeId) {
    editor.set_kind(id, Kind::Int, false, 0);
    editor.set(id, 2, 1);
    editor.set(id, 3, 8);
}

/// Keeps names and types of the variables, which have become integers of one byte.
fn section_to_struct(editor: &mut Editor<'_>, id: TypeId, ty: Type<'_>) {
    let Shape::VariableSection(section) = ty.shape() else {
        return;
    };
    let btf = editor.original();
    rename(editor, id, ty.name(), &['.', '?']);
    editor.set_kind(id, Kind::Struct, false, ty.entry_count());
    for (entry, variable) in (0..).zip(section.variables()) {
        let name = btf.ty(variable.ty).name_offset();
        editor.set_entry(id, entry, &[name, variable.ty.0, entry * 8]);
    }
    editor.set(id, 2, ty.entry_count());
}

/// Takes characters that a kernel refuses out of a section's name.
fn rename(editor: &mut Editor<'_>, id: TypeId, name: &str, refused: &[char]) {
    if name.contains(refused) {
        let name = editor.add_string(&name.replace(refused, "_"));
        editor.set(id, 0, name);
    }
}
