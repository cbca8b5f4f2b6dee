//! A kernel's names: what can be attached to, and which numbers of bpf(2) it knows.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use crate::btf::{Btf, Found, Kind, Prototype, Shape, Type, TypeId};
use crate::kernels::Kernel;
use crate::text::diagnostic::Diagnostic;
use crate::text::suggest::nearest;

/// How the types of tracepoints begin: `btf_trace_NAME` is a pointer to a function that takes a data
/// pointer and the tracepoint's arguments (`__DEFINE_EVENT`, include/trace/bpf_probe.h).
const TRACEPOINT: &str = "btf_trace_";
/// How the records of tracepoints begin (`DECLARE_EVENT_CLASS`, include/trace/trace_events.h).
const RECORD: &str = "trace_event_raw_";
/// How the kernel's own structures of links begin and end.
const LINK: &str = "bpf_";
const LINK_END: &str = "_link";
/// What a link to a trampoline has for each of its functions, in newer kernels.
const LINK_NODE: &str = "bpf_tramp_node";
/// Where a map keeps what the first program that used it is: in the map, since 6.17 apart from it.
const OWNERS: [&str; 2] = ["bpf_map", "bpf_map_owner"];
/// What a kprobe's program gets.
const REGISTERS: &str = "pt_regs";
/// A name that differs by more than this was not meant.
const MAX_SLIP: usize = 3;

/// Enumerations of the kernel's interface. Numbers in them never change, so that a number that isn't
/// in a kernel's enumeration is one that the kernel refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Numbering {
    /// `enum bpf_prog_type`.
    ProgramType,
    /// `enum bpf_attach_type`.
    AttachType,
    /// `enum bpf_map_type`.
    MapType,
    /// `enum bpf_func_id`: helpers.
    Helper,
    /// `enum bpf_link_type`.
    LinkType,
}

/// Names of a kernel, found in one pass over its types.
pub(super) struct KernelNames<'k> {
    pub(super) kernel: &'k Kernel,
    functions: HashMap<&'k str, TypeId>,
    tracepoints: HashMap<&'k str, TypeId>,
    /// Structures that something is asked about: records of tracepoints, links, owners of maps, registers.
    structures: HashMap<&'k str, TypeId>,
    numbers: HashMap<Numbering, BTreeSet<i128>>,
    /// Names that the kernel proper hasn't got, with what a module has: asking modules takes time.
    of_modules: RefCell<HashMap<(String, Kind), Option<Found<'k>>>>,
}

/// What a function or a tracepoint takes and returns, in the types that say it.
#[derive(Clone, Copy)]
pub(super) struct Signature<'k> {
    pub(super) btf: &'k Btf,
    pub(super) prototype: Prototype<'k>,
    /// Where the prototype is among the types.
    pub(super) id: TypeId,
}

impl Numbering {
    const ALL: [Numbering; 5] = [
        Numbering::ProgramType,
        Numbering::AttachType,
        Numbering::MapType,
        Numbering::Helper,
        Numbering::LinkType,
    ];

    fn name(self) -> &'static str {
        match self {
            Numbering::ProgramType => "bpf_prog_type",
            Numbering::AttachType => "bpf_attach_type",
            Numbering::MapType => "bpf_map_type",
            Numbering::Helper => "bpf_func_id",
            Numbering::LinkType => "bpf_link_type",
        }
    }
}

impl<'k> KernelNames<'k> {
    /// Reads a kernel's names.
    pub(super) fn read(kernel: &'k Kernel) -> KernelNames<'k> {
        let mut names = KernelNames {
            kernel,
            functions: HashMap::new(),
            tracepoints: HashMap::new(),
            structures: HashMap::new(),
            numbers: HashMap::new(),
            of_modules: RefCell::default(),
        };
        for (id, ty) in kernel.types.kernel().types() {
            match ty.kind() {
                Some(Kind::Function) => {
                    names.functions.entry(ty.name()).or_insert(id);
                }
                Some(Kind::Typedef) => {
                    if let Some(name) = ty.name().strip_prefix(TRACEPOINT) {
                        names.tracepoints.entry(name).or_insert(id);
                    }
                }
                Some(Kind::Struct) => {
                    let name = ty.name();
                    if name.starts_with(RECORD)
                        || name.starts_with(LINK) && name.ends_with(LINK_END)
                        || OWNERS.contains(&name)
                        || [LINK_NODE, REGISTERS].contains(&name)
                    {
                        names.structures.entry(name).or_insert(id);
                    }
                }
                Some(Kind::Enum) => {
                    let numbering = Numbering::ALL.into_iter().find(|n| n.name() == ty.name());
                    if let (Some(numbering), Shape::Enum(enumeration)) = (numbering, ty.shape()) {
                        // What ends an enumeration is no number of its own: `__MAX_BPF_ATTACH_TYPE`, and
                        // before 5.13 `MAX_BPF_LINK_TYPE`.
                        let values = enumeration.values().filter(|(name, _)| {
                            !name.starts_with("__") && !name.starts_with("MAX_")
                        });
                        names.numbers.insert(numbering, values.map(|(_, value)| value).collect());
                    }
                }
                _ => {}
            }
        }
        names
    }

    /// A function of that name, of a module if the kernel proper has none.
    pub(super) fn function(&self, name: &str) -> Option<Found<'k>> {
        match self.functions.get(name) {
            Some(&id) => Some(self.own(id)),
            None => self.of_modules(name, Kind::Function),
        }
    }

    /// Whether the kernel has a symbol of that name; `None` if that can't be told. Types have the
    /// functions and a few of the variables.
    pub(super) fn symbol(&self, name: &str) -> Option<bool> {
        match self.function(name) {
            Some(_) => Some(true),
            None => self.kernel.has_symbol(name),
        }
    }

    /// The type of a tracepoint of that name.
    pub(super) fn tracepoint(&self, name: &str) -> Option<Found<'k>> {
        match self.tracepoints.get(name) {
            Some(&id) => Some(self.own(id)),
            None => self.of_modules(&format!("{TRACEPOINT}{name}"), Kind::Typedef),
        }
    }

    /// Whether the kernel proper has any tracepoint: one without `CONFIG_TRACEPOINTS` has none, and
    /// types without functions tell nothing.
    pub(super) fn has_tracepoints(&self) -> bool {
        !self.tracepoints.is_empty()
    }

    /// Whether the kernel proper has any function: types cut down for CO-RE have none, and what they
    /// don't have proves nothing.
    pub(super) fn has_functions(&self) -> bool {
        !self.functions.is_empty()
    }

    /// Adds to a finding about a name that is missing what it rests on: a module might have it.
    pub(super) fn as_far_as_known(&self, missing: Diagnostic) -> Diagnostic {
        match self.kernel.types.knows_modules() {
            true => missing,
            false => missing.note(
                "nothing is known of the kernel's modules: give the package that has them, or put it beside",
            ),
        }
    }

    /// Whether the kernel is known not to have a number: it isn't in the enumeration, which is there.
    pub(super) fn lacks(&self, numbering: Numbering, number: u32) -> bool {
        self.numbers.get(&numbering).is_some_and(|known| !known.contains(&number.into()))
    }

    /// Whether the kernel is known not to have a member in one of its structures of links: the
    /// structure has no such member, or isn't there though others are.
    pub(super) fn lacks_member(&self, link: &str, member: &str) -> bool {
        let knows_links = self.structures.contains_key("bpf_tracing_link");
        match self.structures.get(link).map(|&id| self.own(id).ty().shape()) {
            Some(Shape::Struct(composite)) => {
                !composite.members().any(|other| other.name == member)
            }
            _ => knows_links,
        }
    }

    /// Bytes of a tracepoint's record, where the tracepoint has a class of its own.
    pub(super) fn record_size(&self, tracepoint: &str) -> Option<u32> {
        self.structure_size(&format!("{RECORD}{tracepoint}"))
    }

    /// Bytes of the registers that a kprobe's program gets.
    pub(super) fn registers_size(&self) -> Option<u32> {
        self.structure_size(REGISTERS)
    }

    fn structure_size(&self, name: &str) -> Option<u32> {
        match self.own(*self.structures.get(name)?).ty().shape() {
            Shape::Struct(composite) => Some(composite.size),
            _ => None,
        }
    }

    /// Whether the kernel compares this of the programs that share a PROG_ARRAY: what it compares it
    /// keeps of the first of them, in `struct bpf_map_owner` or, before that, in `owner` of `struct
    /// bpf_map`. `None` if its types don't have maps.
    pub(super) fn compares_of_owner(&self, member: &str) -> Option<bool> {
        let kept = OWNERS.map(|name| self.structures.get(name).map(|&id| self.own(id).ty()));
        let [map, owner] = kept;
        let has = |ty: Type<'_>| match ty.behind_aliases().shape() {
            Shape::Struct(composite) => composite.members().any(|other| other.name == member),
            _ => false,
        };
        if let Some(owner) = owner {
            return Some(has(owner));
        }
        let Shape::Struct(composite) = map?.shape() else { return None };
        let owner = composite.members().find(|other| other.name == "owner");
        Some(owner.is_some_and(|owner| has(self.kernel.types.kernel().ty(owner.ty))))
    }

    /// Whether the kernel is older than a version; `None` if that can't be told. Enterprise kernels
    /// carry much that is newer than their version.
    pub(super) fn is_older_than(&self, major: u32, minor: u32) -> Option<bool> {
        if self.kernel.release.as_ref().is_some_and(|release| release.contains(".el")) {
            return None;
        }
        self.kernel.version.map(|version| version >> 8 < (major << 8 | minor))
    }

    /// An option of its configuration; `None` if the configuration is not known, an empty text if
    /// the option isn't set.
    pub(super) fn option(&self, name: &str) -> Option<&'k str> {
        let config = self.kernel.config.as_deref()?;
        let value = config.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        Some(value.unwrap_or_default())
    }

    /// What a function or a tracepoint takes and returns.
    pub(super) fn signature(&self, found: Found<'k>) -> Option<Signature<'k>> {
        let mut ty = found.ty().behind_aliases();
        let mut id = found.id;
        // A function is its prototype's name; a tracepoint's type is a pointer to one.
        for _ in 0..2 {
            match ty.shape() {
                Shape::Function(next) | Shape::Pointer(next) => {
                    id = next;
                    ty = found.btf.ty(next).behind_aliases();
                }
                _ => break,
            }
        }
        match ty.shape() {
            Shape::Prototype(prototype) => Some(Signature { btf: found.btf, prototype, id }),
            _ => None,
        }
    }

    /// The function that was meant.
    pub(super) fn function_like(&self, name: &str) -> Option<&'k str> {
        near(name, self.functions.keys().copied())
    }

    /// The function with a prefix that was meant, without the prefix.
    pub(super) fn function_like_with(&self, prefix: &str, name: &str) -> Option<&'k str> {
        near(name, self.functions.keys().filter_map(|function| function.strip_prefix(prefix)))
    }

    /// The tracepoint that was meant.
    pub(super) fn tracepoint_like(&self, name: &str) -> Option<&'k str> {
        near(name, self.tracepoints.keys().copied())
    }

    /// Functions of that name with an ending of the compiler's: `name.isra.0`.
    pub(super) fn has_copies(&self, name: &str) -> bool {
        self.functions
            .keys()
            .any(|function| function.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }

    fn own(&self, id: TypeId) -> Found<'k> {
        Found { btf: self.kernel.types.kernel(), id, module: None }
    }

    fn of_modules(&self, name: &str, kind: Kind) -> Option<Found<'k>> {
        let key = (name.to_owned(), kind);
        if let Some(&known) = self.of_modules.borrow().get(&key) {
            return known;
        }
        let found = self.kernel.types.find(name, kind);
        self.of_modules.borrow_mut().insert(key, found);
        found
    }
}

impl<'k> Signature<'k> {
    /// How many parameters a program sees: a tracepoint's first is the kernel's own.
    pub(super) fn parameters(&self) -> Vec<TypeId> {
        self.prototype.parameters().map(|parameter| parameter.ty).collect()
    }
}

/// The nearest of many names. Comparing all of them would take too long: only those of about that
/// length that begin or end alike are.
fn near<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let ends = |name: &str| (name.bytes().next(), name.bytes().next_back());
    let (first, last) = ends(wanted);
    let alike = names.filter(|name| {
        let (other_first, other_last) = ends(name);
        name.len().abs_diff(wanted.len()) <= MAX_SLIP
            && (first == other_first || last == other_last)
            && common(wanted, name) + MAX_SLIP >= wanted.len().min(name.len())
    });
    let mut alike: Vec<&str> = alike.collect();
    alike.sort_unstable();
    nearest(wanted, alike)
}

/// How many bytes two names begin and end with alike. A slip leaves the rest, so this misses only
/// names with several slips far apart.
fn common(a: &str, b: &str) -> usize {
    let before = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let after = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    before + after
}
