//! Plans for hand-made states.

use crate::desired::{
    Attachment, Desired, Details, GlobalValue, Hook, HookKind, ObjectRef, OnMissing, ProgramRef,
    Slot, Value, View,
};
use crate::live::{
    AttachmentRecord, LinkKeeper, LinkRecord, Live, LiveLink, LiveProgram, LiveSlot, Record,
};
use crate::plan::{Outcome, Step, drift, plan};

fn program(name: &str) -> ProgramRef {
    ProgramRef { object: "main".to_owned(), name: name.to_owned() }
}

fn hook() -> Hook {
    Hook {
        kind: HookKind::RawTracepoint,
        target: "sys_enter".to_owned(),
        offset: 0,
        details: Details::None,
        cookie: None,
        program: program("dispatch"),
        return_program: None,
    }
}

fn desired() -> Desired {
    Desired {
        probe: "syscalls".to_owned(),
        file: "probes.d/syscalls.yaml".to_owned(),
        description: None,
        objects: vec![ObjectRef {
            alias: "main".to_owned(),
            origin: "built-in:syscalls.bpf.o".to_owned(),
            sha256: "aa".repeat(32),
        }],
        globals: vec![GlobalValue {
            object: "main".to_owned(),
            name: "filter_protocol".to_owned(),
            value: Value::Bytes(vec![17]),
        }],
        programs: Vec::new(),
        maps: Vec::new(),
        sections: Vec::new(),
        attach: vec![Attachment { alternatives: vec![hook()], on_missing: OnMissing::Error }],
        slots: vec![Slot { map: "handlers".to_owned(), index: 59, program: program("exec") }],
        views: Vec::new(),
    }
}

fn live_program(name: &str, id: u32) -> LiveProgram {
    LiveProgram {
        pin: format!("main:{name}"),
        program: program(name),
        id,
        tag: "0011223344556677".to_owned(),
        program_type: "raw_tracepoint".to_owned(),
        loaded_at: 1,
        run_count: 0,
        run_time_ns: 0,
        recursion_misses: Some(0),
    }
}

/// What an `apply` of [`desired`] leaves.
fn live() -> Live {
    let link = LinkRecord {
        program: program("dispatch"),
        keeper: LinkKeeper::Pin { name: "00:main:dispatch".to_owned(), id: 7 },
    };
    Live {
        probe: "syscalls".to_owned(),
        record: Some(Record {
            schema_version: Record::SCHEMA_VERSION,
            desired: desired(),
            attachments: vec![AttachmentRecord {
                chosen: Some(hook()),
                links: vec![link],
                passed_over: Vec::new(),
            }],
            applied_at: 1,
        }),
        unfinished_replacement: false,
        links: vec![LiveLink {
            pin: "00:main:dispatch".to_owned(),
            id: 7,
            program_id: 31,
            program: program("dispatch"),
            missed: None,
        }],
        programs: vec![live_program("dispatch", 31), live_program("exec", 30)],
        maps: Vec::new(),
        slots: vec![LiveSlot {
            map: "handlers".to_owned(),
            index: 59,
            program_id: 30,
            program: Some(program("exec")),
        }],
    }
}

/// The reasons for the replacement that is the whole plan.
fn reasons(desired: &Desired, live: &Live) -> Vec<String> {
    match plan(desired, Some(live)).steps.as_slice() {
        [Step::Replace { reasons }] => reasons.iter().map(ToString::to_string).collect(),
        steps => panic!("not a replacement alone: {steps:?}"),
    }
}

#[test]
fn what_is_not_there_is_created() {
    let plan = plan(&desired(), None);
    assert_eq!(plan.steps, [Step::Create]);
    assert_eq!(plan.outcome(), Outcome::Created);
}

#[test]
fn the_same_again_changes_nothing() {
    let plan = plan(&desired(), Some(&live()));
    assert_eq!(plan.steps, []);
    assert_eq!(plan.outcome(), Outcome::Unchanged);
}

#[test]
fn a_view_alone_is_only_remembered() {
    let mut desired = desired();
    desired.views.push(View {
        map: "counts".to_owned(),
        record: None,
        columns: Vec::new(),
        sort: None,
        top: Some(20),
        loss: false,
        line: None,
    });
    let plan = plan(&desired, Some(&live()));
    assert_eq!(plan.steps, [Step::Remember]);
    assert_eq!(plan.outcome(), Outcome::Configured);
}

#[test]
fn every_difference_is_a_reason() {
    let mut desired = desired();
    desired.objects[0].sha256 = "bb".repeat(32);
    desired.globals[0].value = Value::Bytes(vec![6]);
    desired.slots[0].program = ProgramRef { object: "mine".to_owned(), name: "exec".to_owned() };
    desired.slots.push(Slot { map: "handlers".to_owned(), index: 222, program: program("exec") });
    desired.attach[0].on_missing = OnMissing::Skip;
    assert_eq!(
        reasons(&desired, &live()),
        [
            "object main: aaaaaaaaaaaa → bbbbbbbbbbbb",
            "global filter_protocol: 17 → 6",
            "slot handlers[59]: exec → mine/exec",
            "slot handlers[222]: added",
            "attachment 1: raw_tracepoint sys_enter with dispatch → raw_tracepoint sys_enter with \
             dispatch, may be missing (skip)",
        ]
    );
}

#[test]
fn what_is_no_longer_asked_for_is_removed() {
    let mut desired = desired();
    desired.globals.clear();
    desired.slots.clear();
    assert_eq!(
        reasons(&desired, &live()),
        ["global filter_protocol: removed", "slot handlers[59]: removed"]
    );
}

#[test]
fn a_link_that_is_gone_is_brought_back() {
    let mut live = live();
    live.links.clear();
    assert_eq!(reasons(&desired(), &live), ["link of dispatch: is gone"]);
    live.links = self::live().links;
    live.links[0].id = 8;
    assert_eq!(reasons(&desired(), &live), ["link of dispatch: was replaced by another"]);
}

#[test]
fn slots_that_somebody_changed_are_drift() {
    let mut live = live();
    live.slots.clear();
    assert_eq!(reasons(&desired(), &live), ["slot handlers[59]: is empty"]);
    live.slots = vec![
        LiveSlot { map: "handlers".to_owned(), index: 59, program_id: 99, program: None },
        LiveSlot {
            map: "handlers".to_owned(),
            index: 60,
            program_id: 30,
            program: Some(program("exec")),
        },
    ];
    let found: Vec<String> = drift(&live).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "slot handlers[59]: foreign program 99 → exec",
            "slot handlers[60]: was filled by somebody else"
        ]
    );
}

#[test]
fn an_interrupted_apply_is_cleared_first() {
    let mut live = live();
    live.record = None;
    let plan = plan(&desired(), Some(&live));
    assert_eq!(plan.steps, [Step::ClearLeftovers, Step::Create]);
    assert!(drift(&live).is_empty());
}

#[test]
fn an_interrupted_replacement_leaves_the_old_one_alone() {
    let mut live = live();
    live.unfinished_replacement = true;
    let plan = plan(&desired(), Some(&live));
    assert_eq!(plan.steps, [Step::ClearLeftovers]);
    assert_eq!(plan.outcome(), Outcome::Unchanged);
}

#[test]
fn misses_are_told_only_when_there_are_any() {
    let mut live = live();
    assert!(live.misses().is_empty());
    live.programs[0].recursion_misses = Some(12);
    live.programs[1].recursion_misses = None;
    live.links[0].missed = Some(3);
    let told: Vec<(&str, u64)> = live.misses().iter().map(|miss| (miss.what, miss.count)).collect();
    assert_eq!(told, [("recursion_misses", 12), ("missed", 3)]);
}
