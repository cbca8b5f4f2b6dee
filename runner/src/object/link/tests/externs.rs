//! What objects expect of a kernel besides its types.

use std::sync::Arc;

use super::{Linkable, Request, facts, message, object, program};
use crate::btf::{Btf, BtfFeatures, KernelTypes, Kind, Module};
use crate::object::link::{KernelFacts, LinkError, Linked, POISON, Referent};

const EXTERNS: &[u8] = object!("externs");
const MISSING: &[u8] = object!("externs-missing");

/// A kernel whose types are the object's own, so that it has all functions and variables that the
/// object declares.
fn own_kernel() -> KernelTypes {
    let object = Linkable::open(EXTERNS).expect("a good object");
    KernelTypes::new(object.types().expect("it has types").clone())
}

fn link_for(kernel: &KernelTypes, facts: &KernelFacts, program: &str) -> Result<Linked, LinkError> {
    let object = Linkable::open(EXTERNS).expect("a good object");
    object.link(&Request {
        programs: &[program],
        kernel: Some(kernel),
        facts: Some(facts),
        globals: &[],
        features: BtfFeatures::ALL,
    })
}

#[test]
fn needs_are_known_before() {
    let object = Linkable::open(EXTERNS).expect("a good object");
    let needs = object.needs(&["config"]);
    assert!(needs.types.is_empty() && needs.addresses.is_empty());
    assert_eq!(needs.config.len(), 9);
    let needs = object.needs(&["addresses", "functions"]);
    let addresses: Vec<String> = needs.addresses.into_iter().collect();
    assert_eq!(addresses, ["nowhere_symbol", "schedule"]);
    assert!(needs.types.contains("bpf_rcu_read_lock") && needs.config.is_empty());
}

#[test]
fn options_are_variables_of_a_section() {
    let linked = link_for(&own_kernel(), &facts(), "config").expect("all options are known");
    let section = linked.data.iter().find(|section| section.name == ".kconfig");
    let section = section.expect("options are read");
    assert!(section.read_only);
    // Eight bytes first, then four, two and one; of each the names in order.
    let mut expected = vec![0x12, 0, 0, 0, 0, 0, 0, 0];
    expected.extend([2, 0, 0, 0]); // CONFIG_BPF
    expected.extend([250, 0, 0, 0]); // CONFIG_HZ
    expected.extend([2, 1, 6, 0]); // LINUX_KERNEL_VERSION
    expected.extend([0, 0]); // CONFIG_OF_NO_KERNEL
    expected.extend([0, 1, 1]); // CONFIG_BPF_JIT, CONFIG_BPF_SYSCALL, LINUX_HAS_BPF_COOKIE
    expected.extend(b"a compiler with a name \0");
    assert_eq!(section.bytes, expected);
}

#[test]
fn weak_symbols_may_be_missing() {
    let program = program(EXTERNS, "addresses");
    assert!(program.references.is_empty());
    let loads: Vec<(u32, u32)> = program
        .instructions
        .windows(2)
        .filter(|pair| pair[0].code == 0x18)
        .map(|pair| (pair[0].immediate.cast_unsigned(), pair[1].immediate.cast_unsigned()))
        .collect();
    assert!(loads.contains(&(0x8123_4567, 0xffff_ffff)) && loads.contains(&(0, 0)), "{loads:?}");
}

#[test]
fn kernel_functions_are_called_by_type_id() {
    let kernel = own_kernel();
    let linked = link_for(&kernel, &facts(), "functions").expect("all are weak");
    let program = &linked.programs[0];
    let id = kernel.find("bpf_rcu_read_lock", Kind::Function).expect("it is there").id;
    let to = |name: &str, module: Option<&str>| {
        let (name, module) = (name.to_owned(), module.map(str::to_owned));
        Referent::KernelFunction { name, module }
    };
    let call = program.references.iter().find(|it| it.to == to("bpf_rcu_read_lock", None));
    let call = program.instructions[call.expect("it is called").instruction];
    assert_eq!((call.code, call.source, call.immediate), (0x85, 2, id.0.cast_signed()));
    assert!(program.missing.is_empty());

    // The made-up kernel has none of them.
    let program = super::program(EXTERNS, "functions");
    assert!(program.references.is_empty());
    let names: Vec<&str> = program.missing.iter().map(|missing| missing.what.as_str()).collect();
    assert_eq!(
        names,
        [
            "function bpf_rcu_read_lock is not in this kernel",
            "function bpf_rcu_read_unlock is not in this kernel",
            "function bpf_nowhere_function is not in this kernel"
        ]
    );
    assert_eq!(program.instructions[program.missing[0].instruction].immediate, POISON);
}

#[test]
fn modules_functions_and_variables_name_their_module() {
    let base = Linkable::open(super::MADE_UP_KERNEL).expect("a good object");
    let base = base.types().expect("it has types").clone();
    let module = module(&Arc::new(base.clone()));
    let kernel = KernelTypes::new(base).with_modules(move |kernel| {
        let btf = Btf::parse_split(module.clone(), kernel.clone()).expect("it was made for it");
        vec![Module { name: "extra".to_owned(), btf }]
    });
    let linked = link_for(&kernel, &facts(), "variables").expect("the module has it");
    let to = &linked.programs[0].references[0].to;
    let expected = Referent::KernelAddress {
        name: "bpf_prog_active".to_owned(),
        module: Some("extra".to_owned()),
    };
    assert_eq!(*to, expected);
}

/// A module with one variable, `int bpf_prog_active`.
fn module(kernel: &Arc<Btf>) -> Vec<u8> {
    let int = kernel.find("int", Kind::Int).expect("it is there").0;
    let name = kernel.strings_len();
    let types = [name, 14 << 24, int, 1];
    let strings = b"bpf_prog_active\0";
    let mut bytes = vec![0x9f, 0xeb, 1, 0];
    for word in [24, 0, 16, 16, strings.len() as u32] {
        bytes.extend(u32::to_le_bytes(word));
    }
    bytes.extend(types.into_iter().flat_map(u32::to_le_bytes));
    bytes.extend(strings);
    bytes
}

#[test]
fn only_used_programs_must_find_what_they_expect() {
    assert_eq!(program(MISSING, "fine").instructions.len(), 2);
    for (name, expected) in [
        ("no_function", "this kernel has no function for programs (kfunc) `bpf_nowhere_function`"),
        ("no_variable", "this kernel has no variable (in its BTF) `nowhere_variable`"),
        ("no_symbol", "this kernel has no symbol `nowhere_symbol`"),
        ("no_option", "`CONFIG_NOWHERE`: this kernel's configuration doesn't set it"),
        ("not_a_number", "`CONFIG_HZ`: the kernel's value is 250, which is not y or n"),
    ] {
        let message = message(MISSING, name);
        assert!(message.contains(expected), "{message}");
        assert!(message.starts_with(&format!("{name}, instruction ")), "{message}");
    }
}

#[test]
fn functions_of_another_shape_are_refused() {
    let kernel = own_kernel();
    let object = Linkable::open(MISSING).expect("a good object");
    let request = Request {
        programs: &["other_function"],
        kernel: Some(&kernel),
        facts: None,
        globals: &[],
        features: BtfFeatures::ALL,
    };
    let error = object.link(&request).expect_err("it takes no number there").to_string();
    assert!(error.contains("has `bpf_rcu_read_lock` with another type"), "{error}");
}

#[test]
fn facts_are_read_from_text() {
    let mut facts = KernelFacts::default();
    let wanted = ["CONFIG_HZ", "CONFIG_NOT_SET"].map(str::to_owned).into();
    facts.read_config("# CONFIG_NOT_SET is not set\nCONFIG_HZ=250\nCONFIG_HZ_250=y\n", &wanted);
    assert_eq!(facts.config, [("CONFIG_HZ".to_owned(), "250".to_owned())].into());
    let wanted = ["schedule".to_owned()].into();
    let text = "ffffffff81000000 T _stext\nffffffff81000010 T schedule\n\
                ffffffffc0000000 t schedule\t[module]\n";
    facts.addresses.clear();
    facts.read_addresses(text, &wanted);
    assert_eq!(facts.addresses["schedule"], 0xffff_ffff_8100_0010);
}
