//! Types by name, of a kernel and of its modules.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{INT, SIGNED, STRUCT, TYPEDEF, Writer};
use crate::btf::{Btf, BtfError, KernelTypes, Kind, Module, Shape, TypeId, size_of};

fn kernel() -> Btf {
    let mut writer = Writer::new();
    let int = writer.int("int", 4, SIGNED);
    writer.structure("task", STRUCT, 4, &[("pid", int, 0)]);
    writer.structure("task___old", STRUCT, 8, &[("pid", int, 32)]);
    writer.add("task", TYPEDEF, 0, int, &[]);
    writer.structure("subtask", STRUCT, 4, &[("pid", int, 0)]);
    writer.btf()
}

/// A module's types: a structure with one of the kernel's in it, and one of a name that the kernel
/// has too.
fn module(kernel: &Arc<Btf>) -> Btf {
    let mut writer = Writer::continuing(kernel);
    writer.structure("extra", STRUCT, 12, &[("task", 2, 0), ("more", 1, 64)]);
    writer.structure("task", STRUCT, 1, &[]);
    Btf::parse_split(writer.bytes(), kernel.clone()).expect("it continues the kernel's types")
}

fn ids(kernel: &KernelTypes, name: &str) -> Vec<u32> {
    let found = kernel.named(name, |kind| kind == Kind::Struct);
    found.into_iter().map(|found| found.id.0).collect()
}

#[test]
fn modules_continue_the_kernels_types() {
    let kernel = Arc::new(kernel());
    let module = module(&kernel);
    assert_eq!(module.len(), kernel.len() + 2);
    let own: Vec<_> = module.types().map(|(id, ty)| (id.0, ty.name())).collect();
    assert_eq!(own, [(6, "extra"), (7, "task")]);
    let Shape::Struct(extra) = module.ty(TypeId(6)).shape() else {
        panic!("not a structure");
    };
    let members: Vec<_> = extra.members().map(|member| (member.name, member.ty.0)).collect();
    assert_eq!(members, [("task", 2), ("more", 1)]);
    assert_eq!(module.ty(TypeId(2)).name(), "task");
    assert_eq!(size_of(&module, TypeId(1)), 4);
    assert_eq!(module.find("extra", Kind::Struct), Some(TypeId(6)));
}

#[test]
fn modules_may_have_no_strings_and_no_types() {
    let kernel = Arc::new(kernel());
    let writer = Writer::continuing(&kernel);
    let module = Btf::parse_split(writer.bytes(), kernel.clone()).expect("nothing is wrong");
    assert_eq!(module.len(), kernel.len());
    assert_eq!(module.types().count(), 0);
}

#[test]
fn what_modules_refer_to_must_be_there() {
    let kernel = Arc::new(kernel());
    let mut writer = Writer::continuing(&kernel);
    writer.add("", super::POINTER, 0, 7, &[]);
    let error = Btf::parse_split(writer.bytes(), kernel.clone()).expect_err("7 isn't there");
    assert_eq!(error, BtfError::Reference { id: 6, to: 7, last: 6 });
    let mut writer = Writer::continuing(&kernel);
    writer.types.extend([writer.strings_before + 9, INT << 24, 4, 32]);
    let error = Btf::parse_split(writer.bytes(), kernel).expect_err("there is no such name");
    assert!(matches!(error, BtfError::Name { id: 6, .. }), "{error}");
}

#[test]
fn flavors_of_the_kernel_are_found_too() {
    let mut types = KernelTypes::new(kernel());
    assert_eq!(ids(&types, "task"), [2, 3]);
    types.prepare(["task___mine", "nothing", "subtask"]);
    assert_eq!(ids(&types, "task"), [2, 3]);
    assert_eq!(ids(&types, "task___other"), [2, 3]);
    assert_eq!(ids(&types, "subtask"), [5]);
    assert!(ids(&types, "nothing").is_empty());
    let exact = types.find("task___old", Kind::Struct).expect("it is there");
    assert_eq!(exact.id, TypeId(3));
    assert!(types.find("task___new", Kind::Struct).is_none());
}

#[test]
fn modules_are_read_for_what_the_kernel_lacks() {
    static READ: AtomicUsize = AtomicUsize::new(0);
    let mut types = KernelTypes::new(kernel()).with_modules(|kernel| {
        READ.fetch_add(1, Ordering::Relaxed);
        vec![Module { name: "extra_module".to_owned(), btf: module(kernel) }]
    });
    types.prepare(["task"]);
    assert_eq!(ids(&types, "task"), [2, 3]);
    assert_eq!(READ.load(Ordering::Relaxed), 0);
    let found = types.named("extra", |kind| kind == Kind::Struct);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id, found[0].module), (TypeId(6), Some("extra_module")));
    assert!(ids(&types, "nothing").is_empty());
    assert_eq!(READ.load(Ordering::Relaxed), 1);
}
