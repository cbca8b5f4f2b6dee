//! What an object expects from elsewhere (`extern`): options of the kernel's configuration, its
//! variables and its functions.

use std::collections::HashMap;

use super::error::Problem;
use super::kconfig::{self, ConfigVariable};
use super::request::{KernelFacts, Needs};
use crate::btf::core_relo::{CoreError, are_alike};
use crate::btf::{Btf, Found, KernelTypes, Kind, Shape, TypeId};
use crate::object::elf::{Elf, Place, Symbol};

/// The section of a kernel configuration's options.
pub(super) const CONFIG_SECTION: &str = ".kconfig";
/// The section of a kernel's variables and functions.
pub(super) const SYMBOL_SECTION: &str = ".ksyms";

/// What an object's externs are, by name.
#[derive(Default)]
pub(super) struct Externs {
    kinds: HashMap<String, Declared>,
    /// How large the section of options is.
    pub(super) config_size: u32,
}

/// How an extern is declared.
#[derive(Clone, Copy)]
pub(super) enum Declared {
    /// An option, at its place in the section.
    Config(ConfigVariable),
    /// A variable of the kernel with its type.
    Variable(TypeId),
    /// Something of the kernel of which only the address matters.
    Address,
    /// A function of the kernel with its prototype.
    Function(TypeId),
}

/// What an extern is in a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// An option's place in the section of options.
    Config(ConfigVariable),
    /// A number.
    Address(u64),
    /// A type id of the kernel or of a module.
    Type { id: TypeId, module: Option<String> },
    /// Weak, and not in the kernel.
    Absent,
}

/// The kernel that externs are looked for in.
#[derive(Clone, Copy)]
pub(super) struct Kernel<'k> {
    pub(super) types: Option<&'k KernelTypes>,
    pub(super) facts: Option<&'k KernelFacts>,
}

impl Externs {
    pub(super) fn read(elf: &Elf<'_>, btf: Option<&Btf>) -> Externs {
        let Some(btf) = btf else {
            return Externs::default();
        };
        let undefined: HashMap<&str, &Symbol<'_>> = elf
            .symbols
            .iter()
            .filter(|symbol| symbol.place == Place::Undefined && !symbol.name.is_empty())
            .map(|symbol| (symbol.name, symbol))
            .collect();
        let mut externs = Externs::default();
        let mut options = Vec::new();
        for (_, ty) in btf.types() {
            let Shape::VariableSection(section) = ty.shape() else {
                continue;
            };
            for entry in section.variables() {
                let declared = btf.ty(entry.ty);
                if !undefined.contains_key(declared.name()) {
                    continue;
                }
                match (ty.name(), declared.shape()) {
                    (CONFIG_SECTION, Shape::Variable(of)) => options.push((declared.name(), of)),
                    (SYMBOL_SECTION, Shape::Variable(of)) => {
                        let is_typed = btf.ty(of).behind_aliases().kind().is_some();
                        let kind =
                            if is_typed { Declared::Variable(of) } else { Declared::Address };
                        externs.kinds.insert(declared.name().to_owned(), kind);
                    }
                    (SYMBOL_SECTION, Shape::Function(prototype)) => {
                        let kind = Declared::Function(prototype);
                        externs.kinds.insert(declared.name().to_owned(), kind);
                    }
                    _ => {}
                }
            }
        }
        let (options, size) = kconfig::arrange(btf, options);
        externs.config_size = size;
        for (name, variable) in options {
            externs.kinds.insert(name.to_owned(), Declared::Config(variable));
        }
        externs
    }

    /// Where an option of the configuration is in its section.
    pub(super) fn config_variable(&self, name: &str) -> Option<ConfigVariable> {
        match self.kinds.get(name)? {
            Declared::Config(variable) => Some(*variable),
            _ => None,
        }
    }

    /// Notes what has to be known to resolve a symbol.
    pub(super) fn note_need(&self, symbol: &Symbol<'_>, needs: &mut Needs) {
        let names = match self.kinds.get(symbol.name) {
            Some(Declared::Config(_)) => &mut needs.config,
            Some(Declared::Address) => &mut needs.addresses,
            Some(Declared::Variable(_) | Declared::Function(_)) => &mut needs.types,
            None => return,
        };
        names.insert(symbol.name.to_owned());
    }

    /// Finds a symbol in the kernel.
    pub(super) fn resolve(
        &self,
        symbol: &Symbol<'_>,
        btf: &Btf,
        kernel: Kernel<'_>,
    ) -> Result<Resolved, Problem> {
        let name = symbol.name;
        let Some(declared) = self.kinds.get(name) else {
            return Err(Problem::Target {
                symbol: name.to_owned(),
                what: "neither defined in the object nor declared as the kernel's (`__ksym`, \
                       `__kconfig`)",
            });
        };
        let types = || kernel.types.ok_or(Problem::Core(CoreError::KernelTypesNeeded));
        let (found, kind) = match *declared {
            Declared::Config(variable) => return Ok(Resolved::Config(variable)),
            Declared::Address => {
                let address = kernel.facts.and_then(|facts| facts.addresses.get(name));
                (address.map(|&address| Resolved::Address(address)), "symbol")
            }
            Declared::Variable(ty) => {
                let found = types()?.find(name, Kind::Variable);
                (typed(name, (btf, ty), found)?, "variable (in its BTF)")
            }
            Declared::Function(prototype) => {
                let found = function(types()?, name);
                (typed(name, (btf, prototype), found)?, "function for programs (kfunc)")
            }
        };
        match found {
            Some(resolved) => Ok(resolved),
            None if symbol.weak => Ok(Resolved::Absent),
            None => Err(Problem::NoKernelSymbol { name: name.to_owned(), kind }),
        }
    }
}

/// A function's name may have a flavor, so that several declarations of it can be tried.
fn function<'k>(types: &'k KernelTypes, name: &str) -> Option<Found<'k>> {
    let found = types.named(name, |kind| kind == Kind::Function);
    found.into_iter().find(|found| name.starts_with(found.ty().name()))
}

/// What was found, if its type is the one that the object declares.
fn typed(
    name: &str,
    local: (&Btf, TypeId),
    found: Option<Found<'_>>,
) -> Result<Option<Resolved>, Problem> {
    let Some(found) = found else {
        return Ok(None);
    };
    let of = match found.ty().shape() {
        Shape::Variable(of) | Shape::Function(of) => of,
        _ => return Ok(None),
    };
    if !are_alike(local, (found.btf, of)).map_err(Problem::Core)? {
        return Err(Problem::OtherShape { name: name.to_owned() });
    }
    let module = found.module.map(str::to_owned);
    Ok(Some(Resolved::Type { id: found.id, module }))
}
