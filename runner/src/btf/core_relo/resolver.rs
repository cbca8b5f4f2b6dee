//! Finds the kernel's types that a relocation may mean and makes them agree on one answer.

use std::collections::HashMap;

use super::access::{Access, kind_of, name_of};
use super::value::{self, Memory, Value};
use super::walk::{Steps, similar};
use super::{CoreError, CoreRelocation, Question};
use crate::btf::{Btf, Found, KernelTypes, Shape, TypeId};

/// Candidates that an error names.
const NAMED: usize = 4;

/// Resolves the relocations of one object.
pub struct Resolver<'a> {
    local: &'a Btf,
    kernel: Option<&'a KernelTypes>,
    /// The kernel's types that a type of the object can still mean: what has been asked about it
    /// before leaves only those that fitted.
    candidates: HashMap<TypeId, Vec<Found<'a>>>,
    steps: Steps,
}

/// What becomes of a relocated instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It gets this number.
    Number(Number),
    /// The kernel hasn't got it: the instruction must not be reached.
    Missing {
        /// What the kernel hasn't got: `field x of struct y`.
        what: String,
    },
}

/// A number for an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// What the instruction must hold before, where that is certain.
    pub before: Option<u64>,
    /// What it holds afterwards.
    pub after: u64,
    /// Where the number is the offset of what is loaded or stored and its size is another one in
    /// the kernel.
    pub resize: Option<Resize>,
}

/// Another size of what is loaded or stored, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// In the object.
    pub before: u64,
    /// In the kernel.
    pub after: u64,
    /// Whether the meaning stays: for pointers and unsigned integers.
    pub safe: bool,
}

/// A candidate that has what is asked about.
struct Fit<'a> {
    found: Found<'a>,
    access: Access<'a>,
    value: Value,
}

impl<'a> Resolver<'a> {
    /// For an object's types and the kernel's, which may be missing until something needs them.
    pub fn new(local: &'a Btf, kernel: Option<&'a KernelTypes>) -> Resolver<'a> {
        Resolver { local, kernel, candidates: HashMap::new(), steps: Steps::new() }
    }

    /// Answers one relocation.
    ///
    /// # Errors
    /// If it has no answer; that the kernel hasn't got something isn't an error.
    pub fn resolve(&mut self, relocation: &CoreRelocation<'_>) -> Result<Answer, CoreError> {
        let question = relocation.question;
        let local = Access::read(self.local, relocation)?;
        let before = value::of(question, &local)?;
        if question == Question::LocalTypeId {
            return Ok(Answer::Number(Number { before: None, after: before.number, resize: None }));
        }
        let root = self.local.ty(local.root);
        if root.name().is_empty() {
            return Err(CoreError::Anonymous { kind: kind_of(root) });
        }
        let fits = self.fits(question, &local)?;
        let Some(first) = fits.first() else {
            return Ok(self.missing(question, &local, before));
        };
        let agree = fits.iter().all(|fit| {
            fit.value.number == first.value.number
                && fit.access.bit_offset == first.access.bit_offset
        });
        if !agree {
            return Err(CoreError::Ambiguous {
                about: local.describe(),
                candidates: describe(&fits),
            });
        }
        let number = Number {
            before: before.certain.then_some(before.number),
            after: first.value.number,
            resize: resize((self.local, before.memory), (first.found.btf, first.value.memory)),
        };
        let found = fits.iter().map(|fit| fit.found).collect();
        self.candidates.insert(local.root, found);
        Ok(Answer::Number(number))
    }

    /// What a relocation is about, for a message: `field x of struct y`.
    pub fn describe(&self, relocation: &CoreRelocation<'_>) -> String {
        Access::read(self.local, relocation).map(|access| access.describe()).unwrap_or_default()
    }

    /// The candidates that have what is asked about.
    fn fits(&mut self, question: Question, local: &Access<'_>) -> Result<Vec<Fit<'a>>, CoreError> {
        let candidates = match self.candidates.get(&local.root) {
            Some(known) => known.clone(),
            None => {
                let kernel = self.kernel.ok_or(CoreError::KernelTypesNeeded)?;
                let root = self.local.ty(local.root);
                kernel.named(root.name(), |kind| similar(root.kind(), Some(kind)))
            }
        };
        let mut fits = Vec::new();
        for &found in &candidates {
            let steps = &mut self.steps;
            if let Some(access) =
                super::locate::locate(question, local, found.btf, found.id, steps)?
            {
                let value = value::of(question, &access)?;
                fits.push(Fit { found, access, value });
            }
        }
        self.candidates.entry(local.root).or_insert(candidates);
        Ok(fits)
    }

    fn missing(&self, question: Question, local: &Access<'_>, before: Value) -> Answer {
        match value::of_nothing(question) {
            Some(value) => Answer::Number(Number {
                before: before.certain.then_some(before.number),
                after: value.number,
                resize: None,
            }),
            None => {
                let no_type = self.candidates.get(&local.root).is_none_or(Vec::is_empty);
                let what = match no_type {
                    true => name_of(self.local, local.root),
                    false => local.describe(),
                };
                Answer::Missing { what }
            }
        }
    }
}

/// Whether and how a load or store changes its size.
fn resize(
    (local, before): (&Btf, Option<Memory>),
    (kernel, after): (&Btf, Option<Memory>),
) -> Option<Resize> {
    let (before, after) = (before?, after?);
    if before.size == after.size {
        return None;
    }
    let safe = match (local.ty(before.ty).shape(), kernel.ty(after.ty).shape()) {
        (Shape::Pointer(_), Shape::Pointer(_)) => true,
        (Shape::Int(one), Shape::Int(other)) => !one.signed && !other.signed,
        _ => false,
    };
    Some(Resize { before: before.size, after: after.size, safe })
}

/// What tells the candidates of an ambiguous name apart.
fn describe(fits: &[Fit<'_>]) -> Vec<String> {
    let mut described: Vec<String> = fits
        .iter()
        .take(NAMED)
        .map(|fit| {
            let place = fit.found.module.map(|module| format!(" of module {module}"));
            format!(
                "type {}{} gives {}",
                fit.found.id.0,
                place.unwrap_or_default(),
                fit.value.number
            )
        })
        .collect();
    if fits.len() > NAMED {
        described.push(format!("{} more", fits.len() - NAMED));
    }
    described
}
