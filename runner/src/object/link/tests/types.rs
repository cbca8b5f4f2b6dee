//! The types that are loaded with programs.

use super::{Linkable, Request, facts, link, made_up_kernel, object};
use crate::btf::{Btf, BtfFeatures, Kind, Shape, TypeId, Variable};

const DATA: &[u8] = object!("data");
const EXTERNS: &[u8] = object!("externs");
const SUBPROGRAMS: &[u8] = object!("subprograms");

/// A kernel that takes none of the newer kinds.
const OLD: BtfFeatures = BtfFeatures {
    functions: true,
    global_functions: true,
    variables: true,
    question_marks: false,
    floats: false,
    declaration_tags: false,
    type_tags: false,
    enum64: false,
};

fn types(bytes: &[u8], programs: &[&str]) -> Btf {
    let linked = link(bytes, programs).expect("they can be linked");
    Btf::parse(linked.btf.expect("the object has types")).expect("what is written can be read")
}

fn types_for(bytes: &[u8], features: BtfFeatures) -> Btf {
    let kernel = made_up_kernel();
    let facts = facts();
    let request = Request {
        programs: &[],
        kernel: Some(&kernel),
        facts: Some(&facts),
        globals: &[],
        features,
    };
    let object = Linkable::open(bytes).expect("a good object");
    let linked = object.link(&request).expect("nothing is linked");
    Btf::parse(linked.btf.expect("the object has types")).expect("what is written can be read")
}

fn section(types: &Btf, name: &str) -> Vec<(String, Variable)> {
    let id = types.find(name, Kind::VariableSection).expect(name);
    let Shape::VariableSection(section) = types.ty(id).shape() else {
        panic!("{name} is no section");
    };
    let end = section.size;
    let variables: Vec<(String, Variable)> = section
        .variables()
        .map(|variable| (types.ty(variable.ty).name().to_owned(), variable))
        .collect();
    let ends = variables.iter().map(|(_, variable)| variable.offset + variable.size);
    assert!(ends.max() <= Some(end), "{name} ends at {end}");
    variables
}

#[test]
fn variables_have_places_in_order() {
    let types = types(DATA, &["dispatch"]);
    for name in [".data", ".bss", ".rodata", ".data.tags", ".maps", "license"] {
        let variables = section(&types, name);
        assert!(variables.iter().all(|(_, variable)| variable.size > 0), "{name}");
        assert!(variables.is_sorted_by_key(|(_, variable)| variable.offset), "{name}");
    }
    let names: Vec<String> = section(&types, ".bss").into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"total".to_owned()) && names.contains(&"record".to_owned()));
}

#[test]
fn ids_stay_what_they_are() {
    let object = Linkable::open(DATA).expect("a good object");
    let original = object.types().expect("it has types");
    for features in [BtfFeatures::ALL, OLD] {
        let written = types_for(DATA, features);
        assert!(written.len() > original.len());
        for (id, ty) in original.types() {
            if matches!(ty.kind(), Some(Kind::Int | Kind::Struct | Kind::Function)) {
                assert_eq!(written.ty(id).name(), ty.name());
                assert_eq!(written.ty(id).kind(), ty.kind());
            }
        }
    }
}

#[test]
fn options_have_places_and_symbols_have_none() {
    let types = types(EXTERNS, &["config"]);
    let options = section(&types, ".kconfig");
    let first: Vec<(&str, u32)> =
        options.iter().take(2).map(|(name, it)| (name.as_str(), it.offset)).collect();
    assert_eq!(first, [("CONFIG_LOG_BUF_SHIFT", 0), ("CONFIG_BPF", 8)]);
    assert!(types.find(".ksyms", Kind::VariableSection).is_none());
    // Nothing is somewhere else any more, and all parameters have names.
    for (_, ty) in types.types() {
        assert!(ty.linkage() < 2, "{}", ty.name());
        if let Shape::Function(prototype) = ty.shape()
            && let Shape::Prototype(prototype) = types.ty(prototype).shape()
        {
            let named =
                prototype.parameters().all(|it| !it.name.is_empty() || it.ty == TypeId::VOID);
            assert!(named, "{}", ty.name());
        }
    }
}

#[test]
fn hidden_functions_are_looked_at_with_their_callers() {
    let types = types(SUBPROGRAMS, &["two"]);
    let linkage = |name: &str| {
        let id = types.find(name, Kind::Function).expect(name);
        types.ty(id).linkage()
    };
    assert_eq!([linkage("hidden"), linkage("branch"), linkage("leaf")], [0, 1, 0]);
}

#[test]
fn older_kernels_get_what_they_know() {
    let made_up = types_for(super::MADE_UP_KERNEL, OLD);
    let kinds =
        |types: &Btf, kind: Kind| types.types().filter(|(_, ty)| ty.kind() == Some(kind)).count();
    let all = types_for(super::MADE_UP_KERNEL, BtfFeatures::ALL);
    for kind in [Kind::Enum64, Kind::Float] {
        assert!(kinds(&all, kind) > 0, "{kind:?} is not tested");
        assert_eq!(kinds(&made_up, kind), 0, "{kind:?}");
    }
    let id = made_up.find("large", Kind::Union).expect("a union in the place of an enumeration");
    let Shape::Union(large) = made_up.ty(id).shape() else {
        panic!("not a union");
    };
    assert_eq!(large.size, 8);
    let names: Vec<&str> = large.members().map(|member| member.name).collect();
    assert_eq!(names, ["LARGE_SMALL", "LARGE_LARGE", "LARGE_NEGATIVE"]);
}

#[test]
fn kernels_without_variables_and_functions_get_neither() {
    let nothing = BtfFeatures { functions: false, variables: false, ..OLD };
    for bytes in [DATA, EXTERNS, SUBPROGRAMS] {
        let types = types_for(bytes, nothing);
        for (_, ty) in types.types() {
            let kind = ty.kind().expect("a known kind");
            let gone = [Kind::Function, Kind::Prototype, Kind::Variable, Kind::VariableSection];
            assert!(!gone.contains(&kind), "{kind:?} {}", ty.name());
        }
    }
}
