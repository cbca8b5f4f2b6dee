//! What is reached of small programs.

use super::{Constants, reached};
use crate::object::Instruction;
use crate::object::link::{LinkedProgram, POISON, Reference, Referent};

const fn op(code: u8, destination: u8, source: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction { code, destination, source, offset, immediate }
}

const EXIT: Instruction = op(0x95, 0, 0, 0, 0);
/// `r0 = 7`: what is looked for.
const HERE: Instruction = op(0xb7, 0, 0, 0, 7);

const fn set(register: u8, value: i32) -> Instruction {
    op(0xb7, register, 0, 0, value)
}

/// `if rX == 0 goto +1`
const fn skip_if_zero(register: u8) -> Instruction {
    op(0x15, register, 0, 1, 0)
}

/// One section of one 4-byte variable.
struct Variable(Option<u64>);

impl Constants for Variable {
    fn number(&self, section: &str, offset: u64, size: u8) -> Option<u64> {
        (section == ".rodata" && offset == 4 && size == 4).then_some(self.0).flatten()
    }
}

fn with(code: &[Instruction], constants: &Variable, references: &[Reference]) -> Vec<bool> {
    let program = LinkedProgram {
        name: "program".to_owned(),
        section: "raw_tp".to_owned(),
        instructions: code.to_vec(),
        references: references.to_vec(),
        functions: Vec::new(),
        lines: Vec::new(),
        missing: Vec::new(),
    };
    reached(&program, constants).expect("it is small")
}

/// Whether `HERE` is reached.
fn here(code: &[Instruction]) -> bool {
    let at = code.iter().position(|one| *one == HERE).expect("it has one");
    with(code, &Variable(None), &[])[at]
}

#[test]
fn constants_close_branches() {
    assert!(!here(&[set(1, 0), skip_if_zero(1), HERE, EXIT]));
    assert!(here(&[set(1, 1), skip_if_zero(1), HERE, EXIT]));
    // What a program is given depends.
    assert!(here(&[skip_if_zero(1), HERE, EXIT]));
}

#[test]
fn constants_are_followed_through_moves_arithmetic_and_the_stack() {
    // r6 = 0; *(u64 *)(r10 - 8) = r6; r2 = *(u32 *)(r10 - 8); r2 &= r1; if r2 == 0 goto +1
    let code = [
        set(6, 0),
        op(0x7b, 10, 6, -8, 0),
        op(0x61, 2, 10, -8, 0),
        op(0x5f, 2, 1, 0, 0),
        skip_if_zero(2),
        HERE,
        EXIT,
    ];
    assert!(!here(&code));
    // A helper is handed the place, so it may write it: r1 = r10; r1 += -8; r2 = 8; call 4
    let mut written = vec![set(6, 0), op(0x7b, 10, 6, -8, 0), op(0xbf, 1, 10, 0, 0)];
    written.extend([op(0x07, 1, 0, 0, -8), set(2, 8), op(0x85, 0, 0, 0, 4)]);
    written.extend([op(0x79, 3, 10, -8, 0), skip_if_zero(3), HERE, EXIT]);
    assert!(here(&written));
}

#[test]
fn ways_that_disagree_leave_nothing_known() {
    // if r1 == 0 goto +2; r2 = 0; goto +1; r2 = 1; if r2 == 0 goto +1
    let ways = |first, second| {
        [
            op(0x15, 1, 0, 2, 0),
            set(2, first),
            op(0x05, 0, 0, 1, 0),
            set(2, second),
            skip_if_zero(2),
            HERE,
            EXIT,
        ]
    };
    assert!(here(&ways(0, 1)));
    assert!(!here(&ways(0, 0)));
}

#[test]
fn a_branch_says_what_its_register_equals() {
    // if r1 != 0 goto +2 (to EXIT); if r1 == 0 goto +1
    assert!(!here(&[op(0x55, 1, 0, 2, 0), skip_if_zero(1), HERE, EXIT]));
}

#[test]
fn loops_end() {
    // r1 = 0; r1 += 1; if r1 != 100 goto -2
    assert!(here(&[set(1, 0), op(0x07, 1, 0, 0, 1), op(0x55, 1, 0, -2, 100), HERE, EXIT]));
}

#[test]
fn read_only_variables_are_constants_where_they_are_known() {
    let code = [
        op(0x18, 1, 2, 0, 0),
        op(0, 0, 0, 0, 0),
        op(0x61, 1, 1, 4, 0),
        skip_if_zero(1),
        HERE,
        EXIT,
    ];
    let to = Referent::Data { section: ".rodata".to_owned(), offset: 0 };
    let references = [Reference { instruction: 0, to }];
    assert!(!with(&code, &Variable(Some(0)), &references)[4]);
    assert!(with(&code, &Variable(Some(1)), &references)[4]);
    assert!(with(&code, &Variable(None), &references)[4]);
}

#[test]
fn functions_return_what_they_return_everywhere() {
    // call +3; if r0 == 0 goto +1; HERE; EXIT; r0 = …; EXIT
    let code = |result| [op(0x85, 0, 1, 0, 3), skip_if_zero(0), HERE, EXIT, set(0, result), EXIT];
    assert!(!here(&code(0)));
    assert!(here(&code(1)));
    // What they are handed counts too: r1 = 0; call; callee: if r1 == 0 goto +1; HERE; r0 = 0
    let handed = |argument| {
        [set(1, argument), op(0x85, 0, 1, 0, 1), EXIT, skip_if_zero(1), HERE, set(0, 0), EXIT]
    };
    assert!(!here(&handed(0)));
    assert!(here(&handed(1)));
}

#[test]
fn nothing_comes_after_poison_or_an_end() {
    assert!(!here(&[op(0x85, 0, 0, 0, POISON), HERE, EXIT]));
    assert!(!here(&[EXIT, HERE, EXIT]));
    assert!(here(&[op(0x85, 0, 0, 0, 5), HERE, EXIT]));
}

#[test]
fn addresses_are_not_null() {
    let of = |referent: Option<Referent>| {
        let code = [op(0x18, 1, 1, 0, 0), op(0, 0, 0, 0, 0), skip_if_zero(1), HERE, EXIT];
        let references: Vec<Reference> =
            referent.map(|to| Reference { instruction: 0, to }).into_iter().collect();
        with(&code, &Variable(None), &references)[3]
    };
    assert!(of(Some(Referent::Map("map".to_owned()))));
    // A weak symbol that isn't there is 0.
    assert!(!of(None));
}
