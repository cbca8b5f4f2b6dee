//! How programs are put together: subprograms, maps, variables, lines.

use std::collections::BTreeMap;

use super::{Linkable, Request, link, made_up_kernel, object, program};
use crate::btf::BtfFeatures;
use crate::object::link::{LinkedProgram, Referent};

const SUBPROGRAMS: &[u8] = object!("subprograms");
const DATA: &[u8] = object!("data");

/// Names of a program's functions by where they begin.
fn functions(program: &LinkedProgram) -> BTreeMap<usize, String> {
    let object = Linkable::open(SUBPROGRAMS).expect("a good object");
    let types = object.types().expect("it has types");
    let function = |info: &crate::object::link::FunctionInfo| {
        (info.instruction as usize, types.ty(info.ty).name().to_owned())
    };
    program.functions.iter().map(function).collect()
}

/// Which function each call and each address of a function leads to, in code order.
fn calls(program: &LinkedProgram) -> Vec<String> {
    let functions = functions(program);
    program
        .instructions
        .iter()
        .enumerate()
        .filter(|(_, it)| matches!((it.code, it.source), (0x85, 1) | (0x18, 4)))
        .map(|(index, it)| {
            let to = index.wrapping_add_signed(it.immediate as isize + 1);
            functions.get(&to).cloned().unwrap_or_else(|| format!("the middle of {to}"))
        })
        .collect()
}

#[test]
fn subprograms_follow_in_the_order_of_the_calls() {
    let one = program(SUBPROGRAMS, "one");
    let names: Vec<String> = functions(&one).into_values().collect();
    assert_eq!(names, ["one", "branch", "pid_of", "leaf"]);
    assert_eq!(calls(&one), ["branch", "leaf", "pid_of", "leaf", "leaf"]);

    let two = program(SUBPROGRAMS, "two");
    let names: Vec<String> = functions(&two).into_values().collect();
    assert_eq!(names, ["two", "leaf", "weak", "hidden", "branch", "pid_of"]);
}

#[test]
fn callbacks_are_subprograms() {
    let callbacks = program(SUBPROGRAMS, "callbacks");
    let names: Vec<String> = functions(&callbacks).into_values().collect();
    assert_eq!(names, ["callbacks", "each", "leaf", "each_entry", "branch", "pid_of"]);
    assert_eq!(calls(&callbacks)[..2], ["each", "each_entry"]);
}

#[test]
fn programs_hold_nothing_that_they_do_not_reach() {
    let alone = program(SUBPROGRAMS, "alone");
    assert_eq!(alone.instructions.len(), 2);
    assert!(alone.references.is_empty());
    assert_eq!(calls(&alone), [] as [&str; 0]);
}

#[test]
fn programs_linked_together_are_those_linked_alone() {
    let names = ["one", "two", "callbacks", "jumping", "alone"];
    let together = link(SUBPROGRAMS, &names).expect("all can be linked").programs;
    for (name, linked) in names.iter().zip(together) {
        let alone = program(SUBPROGRAMS, name);
        assert_eq!(linked.instructions, alone.instructions, "{name}");
        assert_eq!(linked.references, alone.references, "{name}");
        assert_eq!(linked.lines, alone.lines, "{name}");
    }
}

#[test]
fn lines_lie_in_their_functions() {
    let two = program(SUBPROGRAMS, "two");
    let object = Linkable::open(SUBPROGRAMS).expect("a good object");
    let types = object.types().expect("it has types");
    assert!(two.lines.is_sorted_by_key(|line| line.instruction));
    for function in &two.functions {
        let first = two.lines.iter().find(|line| line.instruction == function.instruction);
        let first = first.expect("each function begins with a line");
        assert_eq!(types.string(first.file), "tests/objects/subprograms.bpf.c");
        let name = types.ty(function.ty).name();
        let text = types.string(first.text);
        let following = two.lines.iter().filter(|line| line.instruction >= function.instruction);
        let texts: Vec<&str> = following.take(4).map(|line| types.string(line.text)).collect();
        assert!(!text.is_empty() && !texts.is_empty(), "{name}: {texts:?}");
    }
    let last = two.lines.last().expect("there are lines").instruction as usize;
    assert!(last < two.instructions.len());
}

#[test]
fn maps_stay_names() {
    let jumping = program(SUBPROGRAMS, "jumping");
    let maps: Vec<&Referent> = jumping.references.iter().map(|reference| &reference.to).collect();
    assert_eq!(maps, [&Referent::Map("next".to_owned())]);
    let load = jumping.instructions[jumping.references[0].instruction];
    assert_eq!((load.code, load.source, load.immediate), (0x18, 1, 0));
}

#[test]
fn variables_are_places_in_their_sections() {
    let dispatch = program(DATA, "dispatch");
    let mut sections: Vec<&str> = dispatch
        .references
        .iter()
        .filter_map(|reference| match &reference.to {
            Referent::Data { section, offset } => {
                let second = dispatch.instructions[reference.instruction + 1];
                assert_eq!(second.immediate.cast_unsigned(), *offset);
                Some(section.as_str())
            }
            _ => None,
        })
        .collect();
    sections.sort_unstable();
    sections.dedup();
    let expected = [".bss", ".data", ".data.tags", ".rodata", ".rodata.str1.1", ".rodata.words"];
    assert_eq!(sections, expected);
}

#[test]
fn variables_get_the_values_that_are_asked_for() {
    let kernel = made_up_kernel();
    let object = Linkable::open(DATA).expect("a good object");
    let request = |globals| Request {
        programs: &["first"],
        kernel: Some(&kernel),
        facts: None,
        globals,
        features: BtfFeatures::ALL,
    };
    let set = [
        ("wanted".to_owned(), vec![1, 2, 3, 4]),
        ("total".to_owned(), vec![8; 8]),
        ("tag".to_owned(), b"xyz\0".to_vec()),
    ];
    let linked = object.link(&request(&set)).expect("the variables are there");
    let section = |name: &str| {
        let mut found = linked.data.iter().filter(|section| section.name == name);
        found.next().expect(name)
    };
    assert!(section(".rodata").read_only && !section(".bss").read_only);
    assert!(section(".rodata").bytes.windows(4).any(|bytes| bytes == [1, 2, 3, 4]));
    assert!(section(".bss").bytes.windows(8).any(|bytes| bytes == [8; 8]));
    assert_eq!(section(".data.tags").bytes, b"xyz\0");
    assert_eq!(section(".rodata.words").bytes, b"one\0\0\0\0\0two\0\0\0\0\0");
    assert!(section(".data").ty.is_some());

    let wrong = [("wanted".to_owned(), vec![1])];
    let error = object.link(&request(&wrong)).expect_err("it is larger").to_string();
    assert_eq!(error, "variable `wanted`: it has 4 bytes, its value 1");
    let unknown = [("nobody".to_owned(), vec![1])];
    let error = object.link(&request(&unknown)).expect_err("it isn't there").to_string();
    assert_eq!(error, "variable `nobody`: the object has no such variable");
}

#[test]
fn programs_may_ask_whether_a_variable_is_given_a_value() {
    let object = Linkable::open(object!("generations")).expect("a good object");
    assert!(object.needs(&["dispatch"]).types.is_empty());
    let dispatch = |globals| {
        let request = Request {
            programs: &["dispatch"],
            kernel: None,
            facts: None,
            globals,
            features: BtfFeatures::ALL,
        };
        object.link(&request).expect("no kernel is asked").programs.remove(0).instructions
    };
    let slots = [("handlers_slots".to_owned(), vec![5, 0, 0, 0])];
    let (plain, halves) = (dispatch(&[]), dispatch(&slots));
    let other = [("process".to_owned(), vec![7, 0, 0, 0])];
    assert_eq!(dispatch(&other), plain);
    let changed = plain.iter().zip(&halves).filter(|(plain, halves)| plain != halves);
    let changed: Vec<_> =
        changed.map(|(plain, halves)| (plain.immediate, halves.immediate)).collect();
    assert_eq!(changed, [(0, 1)]);
}

#[test]
fn errors_in_subprograms_name_the_program() {
    let object = Linkable::open(SUBPROGRAMS).expect("a good object");
    let request = Request {
        programs: &["alone", "one"],
        kernel: None,
        facts: None,
        globals: &[],
        features: BtfFeatures::ALL,
    };
    let error = object.link(&request).expect_err("types are needed").to_string();
    assert!(
        error.starts_with("one: branch, instruction ")
            && error.contains("(tests/objects/subprograms.bpf.c:"),
        "{error}"
    );
}

/// bpf-linker puts all functions but programs into `.text`, with the names that Rust gives them.
#[test]
fn objects_of_aya_link() {
    let aya = include_bytes!("../../../../../tests/objects/aya/aya-probe.bpf.o");
    for (name, maps, functions) in [
        ("count_calls", &["CALLS"][..], 2),
        ("dispatch", &["HANDLERS", "MISSED"], 2),
        ("handler", &["HANDLED"], 1),
    ] {
        let linked = program(aya, name);
        let used = linked.references.iter().filter_map(|reference| match &reference.to {
            Referent::Map(map) => Some(map.as_str()),
            _ => None,
        });
        let used: std::collections::BTreeSet<&str> = used.collect();
        assert_eq!(used.into_iter().collect::<Vec<_>>(), maps, "{name}");
        assert_eq!(linked.functions.len(), functions, "{name}");
    }
}
