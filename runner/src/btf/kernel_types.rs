//! A kernel's types by name: those of the kernel proper and, where it has none, its modules'.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::kind::Kind;
use super::names::{NameIndex, essential};
use super::read::Btf;
use super::types::{Type, TypeId};

/// A kernel's types, as far as names lead to them.
///
/// Nothing is looked up before somebody asks, and modules are read when the kernel proper hasn't got
/// what is asked for. [`KernelTypes::prepare`] makes many questions as cheap as one.
pub struct KernelTypes {
    kernel: Arc<Btf>,
    index: NameIndex,
    read_modules: Box<ReadModules>,
    modules: OnceLock<Vec<(Module, NameIndex)>>,
}

type ReadModules = dyn Fn(&Arc<Btf>) -> Vec<Module> + Send + Sync;

/// The types of a loaded kernel module.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its name, which is that of its file in `/sys/kernel/btf`.
    pub name: String,
    /// Its types, which continue the kernel's ([`Btf::parse_split`]).
    pub btf: Btf,
}

/// A type that a name led to.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Where it is.
    pub btf: &'a Btf,
    /// Its id there.
    pub id: TypeId,
    /// The module whose type it is; none for the kernel proper.
    pub module: Option<&'a str>,
}

impl<'a> Found<'a> {
    /// The type.
    pub fn ty(&self) -> Type<'a> {
        self.btf.ty(self.id)
    }
}

impl KernelTypes {
    /// The types of a kernel without modules.
    pub fn new(kernel: Btf) -> KernelTypes {
        KernelTypes {
            kernel: Arc::new(kernel),
            index: NameIndex::default(),
            read_modules: Box::new(|_| Vec::new()),
            modules: OnceLock::new(),
        }
    }

    /// Adds modules, which `read` gives when the first name that the kernel proper doesn't have is
    /// looked for. What it gets is to be passed to [`Btf::parse_split`].
    pub fn with_modules(
        self,
        read: impl Fn(&Arc<Btf>) -> Vec<Module> + Send + Sync + 'static,
    ) -> KernelTypes {
        KernelTypes { read_modules: Box::new(read), ..self }
    }

    /// The types of the kernel proper.
    pub fn kernel(&self) -> &Btf {
        &self.kernel
    }

    /// Looks some names up together. Flavors (`___x`) don't count.
    pub fn prepare<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        let names: BTreeSet<&str> = names
            .into_iter()
            .map(essential)
            .filter(|name| self.index.get(name).is_none())
            .collect();
        if !names.is_empty() {
            self.index.merge(NameIndex::scan(&self.kernel, &names));
        }
    }

    /// The types of a name, flavors not counting, of which `fits` takes the kind: the kernel's
    /// proper, or if there are none its modules'.
    pub fn named<'a>(&'a self, name: &str, fits: impl Fn(Kind) -> bool) -> Vec<Found<'a>> {
        let name = essential(name);
        let found = types(&self.kernel, &self.index, name, None, &fits);
        if !found.is_empty() {
            return found;
        }
        let modules = self.modules().iter();
        modules
            .flat_map(|(module, index)| types(&module.btf, index, name, Some(&module.name), &fits))
            .collect()
    }

    /// The first type of exactly that name and kind, in the kernel proper or else in a module.
    pub fn find(&self, name: &str, kind: Kind) -> Option<Found<'_>> {
        let found = self.named(name, |other| other == kind);
        found.into_iter().find(|found| found.ty().name() == name)
    }

    /// Whether anything is known of its modules.
    pub fn knows_modules(&self) -> bool {
        !self.modules().is_empty()
    }

    fn modules(&self) -> &[(Module, NameIndex)] {
        self.modules.get_or_init(|| {
            let names: BTreeSet<&str> = self.index.names().collect();
            let modules = (self.read_modules)(&self.kernel).into_iter();
            modules
                .map(|module| {
                    let index = NameIndex::scan(&module.btf, &names);
                    (module, index)
                })
                .collect()
        })
    }
}

fn types<'a>(
    btf: &'a Btf,
    index: &NameIndex,
    name: &str,
    module: Option<&'a str>,
    fits: &impl Fn(Kind) -> bool,
) -> Vec<Found<'a>> {
    let scanned;
    let ids = match index.get(name) {
        Some(ids) => ids,
        None => {
            scanned = NameIndex::scan(btf, &BTreeSet::from([name]));
            scanned.get(name).unwrap_or_default()
        }
    };
    ids.iter()
        .map(|&id| Found { btf, id, module })
        .filter(|found| found.ty().kind().is_some_and(fits))
        .collect()
}

impl fmt::Debug for KernelTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelTypes").field("kernel", &self.kernel).finish_non_exhaustive()
    }
}
