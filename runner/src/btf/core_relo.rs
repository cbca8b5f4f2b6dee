//! CO-RE: what an object's relocations come to with a kernel's types.
//!
//! A relocation names a type of the object, a way into it and a question: where is this field, how
//! large is it, does it exist. The object's answer stands in an instruction already; the same question
//! is asked of the kernel's type of that name, and the answer replaces it. [`Resolver`] gives answers;
//! instructions are not known here. The format and the kinds are those of the kernel's
//! Documentation/bpf/llvm_reloc.rst.

mod access;
mod compatible;
mod error;
mod locate;
mod matching;
mod resolver;
mod value;
mod walk;

pub use error::CoreError;
pub use resolver::{Answer, Number, Resize, Resolver};

use super::read::Btf;
use super::types::TypeId;

/// A CO-RE relocation's question.
#[derive(Clone, Copy, Debug)]
pub struct CoreRelocation<'a> {
    /// What is asked.
    pub question: Question,
    /// The object's type that the way begins with.
    pub root: TypeId,
    /// The way: numbers of members, elements or enumerators, separated by colons.
    pub access: &'a str,
}

/// `enum bpf_core_relo_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// Where is the field, in bytes?
    FieldOffset,
    /// How large is it, in bytes?
    FieldSize,
    /// Is it there?
    FieldExists,
    /// Is it signed?
    FieldSigned,
    /// By how many bits must a bit-field's bytes be shifted left to lose what stands above it?
    FieldLeftShift,
    /// And right to lose what stands below it?
    FieldRightShift,
    /// What is the type's id in the object?
    LocalTypeId,
    /// And in the kernel?
    KernelTypeId,
    /// Is the type there?
    TypeExists,
    /// How large is it, in bytes?
    TypeSize,
    /// Is the enumerator there?
    EnumeratorExists,
    /// What is its value?
    EnumeratorValue,
    /// Is a type like this one there?
    TypeMatches,
}

impl Question {
    /// The question of a number in `.BTF.ext`.
    pub fn from_number(number: u32) -> Option<Question> {
        Some(match number {
            0 => Question::FieldOffset,
            1 => Question::FieldSize,
            2 => Question::FieldExists,
            3 => Question::FieldSigned,
            4 => Question::FieldLeftShift,
            5 => Question::FieldRightShift,
            6 => Question::LocalTypeId,
            7 => Question::KernelTypeId,
            8 => Question::TypeExists,
            9 => Question::TypeSize,
            10 => Question::EnumeratorExists,
            11 => Question::EnumeratorValue,
            12 => Question::TypeMatches,
            _ => return None,
        })
    }

    fn is_about_field(self) -> bool {
        matches!(
            self,
            Question::FieldOffset
                | Question::FieldSize
                | Question::FieldExists
                | Question::FieldSigned
                | Question::FieldLeftShift
                | Question::FieldRightShift
        )
    }

    fn is_about_enumerator(self) -> bool {
        matches!(self, Question::EnumeratorExists | Question::EnumeratorValue)
    }
}

/// Whether a type of the object and one of the kernel are of one kind throughout, as functions and
/// variables that the object declares must be. Types are given with the BTF that has them.
///
/// # Errors
/// If the types are nested too deeply to tell.
pub fn are_alike(local: (&Btf, TypeId), kernel: (&Btf, TypeId)) -> Result<bool, CoreError> {
    let local = (local.0, walk::bare(local.0, local.1).id);
    let kernel = (kernel.0, walk::bare(kernel.0, kernel.1).id);
    compatible::types(local, kernel, &mut walk::Steps::new())
}
