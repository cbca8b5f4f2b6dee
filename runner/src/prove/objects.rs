//! The probes' objects, each opened once and linked once a kernel.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::btf::BtfFeatures;
use crate::kernels::Kernel;
use crate::model::{Model, ProgramId};
use crate::object::ObjectError;
use crate::object::link::{
    DataSection, KernelFacts, LinkError, Linkable, LinkedEach, LinkedProgram, Needs, Problem,
    Request,
};
use crate::object::store::ObjectFile;
use crate::prove::names::{KernelNames, Numbering};
use crate::rules::Checked;

/// `BPF_FUNC_get_attach_cookie`.
const GET_ATTACH_COOKIE: u32 = 174;
/// Where x86-64 has a wrapper around each system call, this is one.
const WRAPPED: &str = "__x64_sys_bpf";
/// Stands for the address of what a kernel's types don't tell: not null, that is all that counts.
const SOME_ADDRESS: u64 = 0xffff_ffff_8100_0000;

/// The objects of some probes.
pub(super) struct Objects<'p> {
    objects: Vec<Object<'p>>,
}

struct Object<'p> {
    file: &'p ObjectFile,
    linkable: Result<Linkable<'p>, ObjectError>,
    /// What is in use of it, by place in the inventory.
    programs: BTreeMap<usize, &'p str>,
    needs: Needs,
}

/// The objects linked for one kernel.
pub(super) struct LinkedObjects {
    /// By object and place in the inventory.
    programs: HashMap<(*const ObjectFile, usize), Result<LinkedProgram, LinkFailure>>,
    data: HashMap<*const ObjectFile, Vec<DataSection>>,
    /// Programs that need a symbol of which nobody knows whether the kernel has it, with the symbol.
    doubts: HashMap<(*const ObjectFile, usize), String>,
}

/// Why a program can't be linked.
#[derive(Clone)]
pub(super) enum LinkFailure {
    /// The object can't be read.
    Object(String),
    /// What the linker says.
    Link(LinkError),
}

impl<'p> Objects<'p> {
    /// Opens the probes' objects.
    pub(super) fn of(probes: &[&'p Checked]) -> Objects<'p> {
        let mut places: HashMap<*const ObjectFile, usize> = HashMap::new();
        let mut objects: Vec<Object<'p>> = Vec::new();
        for model in probes.iter().map(|probe| probe.model()) {
            for id in programs(model) {
                let file = &model.objects[id.object].file;
                let index = *places.entry(Arc::as_ptr(file)).or_insert_with(|| {
                    let linkable = Linkable::open(&file.bytes);
                    let (programs, needs) = Default::default();
                    objects.push(Object { file, linkable, programs, needs });
                    objects.len() - 1
                });
                objects[index].programs.insert(id.program, &model.program(id).name);
            }
        }
        for object in &mut objects {
            if let Ok(linkable) = &object.linkable {
                let programs: Vec<&str> = object.programs.values().copied().collect();
                object.needs = linkable.needs(&programs);
            }
        }
        Objects { objects }
    }

    /// Names of the kernel's types that linking asks for.
    pub(super) fn type_names(&self) -> impl Iterator<Item = &str> {
        self.objects.iter().flat_map(|object| object.needs.types.iter().map(String::as_str))
    }

    /// Links every program in use for a kernel.
    pub(super) fn link(&self, names: &KernelNames<'_>) -> LinkedObjects {
        let mut linked = LinkedObjects {
            programs: HashMap::new(),
            data: HashMap::new(),
            doubts: HashMap::new(),
        };
        for object in &self.objects {
            let key = std::ptr::from_ref(object.file);
            let mut facts = facts(names, &object.needs);
            let outcome = object.link(names, &facts);
            let doubtful: Vec<&String> =
                object.needs.addresses.iter().filter(|name| names.symbol(name).is_none()).collect();
            if !doubtful.is_empty() {
                facts.addresses.retain(|name, _| !doubtful.contains(&name));
                linked.doubts.extend(object.doubts(key, object.link(names, &facts)));
            }
            match outcome {
                Ok(each) => {
                    linked.data.insert(key, each.data);
                    let outcomes = each.programs.into_iter().map(|(_, outcome)| outcome);
                    for (&program, outcome) in object.programs.keys().zip(outcomes) {
                        let outcome = outcome.map_err(LinkFailure::Link);
                        linked.programs.insert((key, program), outcome);
                    }
                }
                Err(failure) => {
                    for &program in object.programs.keys() {
                        linked.programs.insert((key, program), Err(failure.clone()));
                    }
                }
            }
        }
        linked
    }
}

impl Object<'_> {
    fn link(
        &self,
        names: &KernelNames<'_>,
        facts: &KernelFacts,
    ) -> Result<LinkedEach, LinkFailure> {
        let wanted: Vec<&str> = self.programs.values().copied().collect();
        let linkable =
            self.linkable.as_ref().map_err(|error| LinkFailure::Object(error.to_string()))?;
        linkable
            .link_each(&Request {
                programs: &wanted,
                kernel: Some(&names.kernel.types),
                facts: Some(facts),
                globals: &[],
                features: BtfFeatures::ALL,
            })
            .map_err(LinkFailure::Link)
    }

    /// What programs lack that were linked without the symbols that nobody knows of.
    fn doubts(
        &self,
        key: *const ObjectFile,
        without: Result<LinkedEach, LinkFailure>,
    ) -> Vec<((*const ObjectFile, usize), String)> {
        let outcomes = without.map(|each| each.programs).unwrap_or_default();
        let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome);
        let each = self.programs.keys().zip(outcomes);
        each.filter_map(|(&program, outcome)| match outcome.err()?.problem {
            Problem::NoKernelSymbol { name, .. } => Some(((key, program), name)),
            _ => None,
        })
        .collect()
    }
}

impl LinkedObjects {
    /// A symbol that a program needs and of which nobody knows whether the kernel has it.
    pub(super) fn doubt(&self, model: &Model, id: ProgramId) -> Option<&str> {
        let key = Arc::as_ptr(&model.objects[id.object].file);
        self.doubts.get(&(key, id.program)).map(String::as_str)
    }

    /// What linking a program of a probe gave.
    pub(super) fn program(
        &self,
        model: &Model,
        id: ProgramId,
    ) -> Option<&Result<LinkedProgram, LinkFailure>> {
        let key = Arc::as_ptr(&model.objects[id.object].file);
        self.programs.get(&(key, id.program))
    }

    /// The sections of variables of a probe's object, with the values that the object gives them.
    pub(super) fn data(&self, model: &Model, object: usize) -> &[DataSection] {
        let key = Arc::as_ptr(&model.objects[object].file);
        self.data.get(&key).map_or(&[], Vec::as_slice)
    }
}

/// The programs of a probe that may be loaded.
fn programs(model: &Model) -> BTreeSet<ProgramId> {
    let attached = model.hooks().flat_map(|hook| hook.programs().map(|program| program.value));
    let entries = model.tail_calls.iter().flat_map(|table| &table.slots);
    let handlers = entries.map(|entry| entry.program.value);
    let defaults = model.default_slots().into_iter().map(|slot| slot.program);
    attached.chain(handlers).chain(defaults).collect()
}

/// What linking has to know of a kernel besides its types. An address is of no interest, only whether
/// there is one: what nobody knows of is taken to be there.
fn facts(names: &KernelNames<'_>, needs: &Needs) -> KernelFacts {
    let kernel: &Kernel = names.kernel;
    let mut facts = KernelFacts {
        version: kernel.version.unwrap_or_default(),
        has_cookies: !names.lacks(Numbering::Helper, GET_ATTACH_COOKIE),
        has_syscall_wrapper: names.function(WRAPPED).is_some(),
        config: BTreeMap::new(),
        addresses: BTreeMap::new(),
    };
    let symbols = needs.addresses.iter().filter(|name| names.symbol(name) != Some(false));
    facts.addresses = symbols.map(|name| (name.clone(), SOME_ADDRESS)).collect();
    if let Some(config) = &kernel.config {
        facts.read_config(config, &needs.config);
    }
    facts
}
