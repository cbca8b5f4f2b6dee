//! Small functions, and what is found out about them.

use super::{Access, Trace, Value, trace};
use crate::object::instruction::Instruction;

const fn op(code: u8, destination: u8, source: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction { code, destination, source, offset, immediate }
}

const fn copy(to: u8, from: u8) -> Instruction {
    op(0xbf, to, from, 0, 0)
}

/// `to = *(u64 *)(from + offset)`
const fn load(to: u8, from: u8, offset: i16) -> Instruction {
    op(0x79, to, from, offset, 0)
}

/// `*(u64 *)(to + offset) = from`
const fn store(to: u8, offset: i16, from: u8) -> Instruction {
    op(0x7b, to, from, offset, 0)
}

const fn set(register: u8, value: i32) -> Instruction {
    op(0xb7, register, 0, 0, value)
}

/// `if register == 0 goto +slots`
const fn unless(register: u8, slots: i16) -> Instruction {
    op(0x15, register, 0, slots, 0)
}

const CALL: Instruction = op(0x85, 0, 0, 0, 14);
const EXIT: Instruction = op(0x95, 0, 0, 0, 0);
const CONTEXT: [Value; 5] =
    [Value::Context(0), Value::Runtime, Value::Runtime, Value::Runtime, Value::Runtime];

fn traced(code: &[Instruction], relocated: &[usize]) -> Trace {
    let relocated: Vec<bool> = (0..code.len()).map(|at| relocated.contains(&at)).collect();
    trace(code, &relocated, CONTEXT, &mut 1000).expect("that is enough")
}

/// Offsets in the context, and whether the verifier is sure to see them.
fn reads(code: &[Instruction]) -> Vec<(i32, bool)> {
    relocated_reads(code, &[])
}

fn relocated_reads(code: &[Instruction], relocated: &[usize]) -> Vec<(i32, bool)> {
    let context = |access: &Access| match access.place {
        Value::Context(offset) => Some((offset, access.certain)),
        _ => None,
    };
    traced(code, relocated).accesses.iter().filter_map(context).collect()
}

#[test]
fn follows_the_context_through_calls_and_the_stack() {
    let saved = [copy(6, 1), CALL, load(1, 6, 8), EXIT];
    assert_eq!(reads(&saved), [(8, true)]);
    let spilled = [store(10, -8, 1), CALL, load(2, 10, -8), load(1, 2, 16), EXIT];
    assert_eq!(reads(&spilled), [(16, true)]);
    let moved = [op(0x07, 1, 0, 0, 24), load(2, 1, 8), op(0x17, 1, 0, 0, 16), load(3, 1, 0)];
    assert_eq!(reads(&moved), [(32, true), (8, true)]);
}

#[test]
fn forgets_it_where_it_may_be_something_else() {
    assert_eq!(reads(&[CALL, load(2, 1, 8), EXIT]), []);
    assert_eq!(reads(&[op(0x0f, 1, 2, 0, 0), load(3, 1, 8), EXIT]), []);
    // if r2 { r1 = r3 }; read through r1
    assert_eq!(reads(&[unless(2, 1), copy(1, 3), load(4, 1, 8), EXIT]), []);
    // Half of it was overwritten.
    let halved = [store(10, -8, 1), op(0x63, 10, 2, -4, 0), load(3, 10, -8), load(4, 3, 0)];
    assert_eq!(reads(&halved), []);
}

#[test]
fn knows_both_ways_of_a_branch_on_what_happens() {
    let code = [load(2, 1, 0), unless(2, 1), load(3, 1, 8), load(4, 1, 16), EXIT];
    assert_eq!(reads(&code), [(0, true), (8, true), (16, true)]);
}

#[test]
fn is_not_certain_behind_a_branch_on_what_a_loader_sets() {
    // r2 = &variable; if *r2 { read } ; read
    let address = [op(0x18, 2, 0, 0, 0), op(0, 0, 0, 0, 0)];
    let rest = [load(2, 2, 0), unless(2, 1), load(3, 1, 8), load(4, 1, 16), EXIT];
    assert_eq!(reads(&[&address[..], &rest].concat()), [(8, false), (16, false)]);
    // The same with an answer of CO-RE.
    let asked = [set(2, 1), unless(2, 1), load(3, 1, 8), EXIT];
    assert_eq!(relocated_reads(&asked, &[0]), [(8, false)]);
    // And with a number that came from such a branch.
    let stored = [op(0x7a, 10, 0, -8, 0), load(2, 10, -8), unless(2, 1), load(3, 1, 8), EXIT];
    assert_eq!(reads(&stored), [(8, false)]);
}

#[test]
fn ends_in_loops() {
    // do { r1 += 8; read } while r2
    let code = [op(0x07, 1, 0, 0, 8), load(2, 1, 0), op(0x55, 2, 0, -3, 0), EXIT];
    assert_eq!(reads(&code), []);
}

#[test]
fn sees_the_stack_that_is_handed_on() {
    let code = [copy(2, 10), op(0x07, 2, 0, 0, -96), CALL, EXIT];
    let trace = traced(&code, &[]);
    assert_eq!(trace.calls[0].arguments[1], Value::Frame(-96));
    assert!(trace.calls[0].certain);
}

#[test]
fn knows_a_key_that_is_a_pid() {
    // r0 = pid_tgid; *(u32 *)(r10 - 4) = r0 >> 32; r2 = r10 - 4; call
    let shifted = op(0x77, 0, 0, 0, 32);
    let key = [copy(2, 10), op(0x07, 2, 0, 0, -4)];
    let stored = [CALL, shifted, op(0x63, 10, 0, -4, 0)];
    let lookup = op(0x85, 0, 0, 0, 1);
    let pid_bytes = |code: &[&[Instruction]]| traced(&code.concat(), &[]).calls[1].pid_bytes;
    assert_eq!(pid_bytes(&[&stored, &key, &[lookup]]), 4);
    // Added to something else it is something else.
    let added = [CALL, op(0x0f, 0, 6, 0, 0), op(0x63, 10, 0, -4, 0)];
    assert_eq!(pid_bytes(&[&added, &key, &[lookup]]), 0);
}

#[test]
fn gives_up_when_the_steps_are_used_up() {
    let mut steps = 5;
    assert!(trace(&[CALL, CALL, CALL, EXIT], &[false; 4], CONTEXT, &mut steps).is_none());
    assert_eq!(steps, 0);
}
