//! Plans for hand-made states.

use crate::desired::{
    Attachment, Desired, Details, GlobalValue, Hook, HookKind, MapDefinition, ObjectRef, OnMissing,
    ProgramRef, ProgramUse, SectionDefinition, Slot, Value, Variable, View,
};
use crate::live::{
    AttachmentRecord, LinkKeeper, LinkRecord, Live, LiveLink, LiveMap, LiveProgram, LiveSlot,
    MapRecord, ProgramRecord, Record,
};
use crate::object::MapType;
use crate::plan::{Change, Leftovers, Outcome, Plan, Step, drift, plan, removal};
use crate::spec::MapFlag;

fn program(name: &str) -> ProgramRef {
    ProgramRef { object: "main".to_owned(), name: name.to_owned() }
}

fn used(name: &str, maps: &[&str]) -> ProgramUse {
    ProgramUse {
        program: program(name),
        section: "raw_tp/sys_enter".to_owned(),
        maps: maps.iter().map(|map| (*map).to_owned()).collect(),
    }
}

fn map(name: &str, map_type: MapType) -> MapDefinition {
    MapDefinition {
        name: name.to_owned(),
        object: "main".to_owned(),
        map_type: map_type.0,
        key_size: 4,
        value_size: 4,
        max_entries: 300,
        flags: 0,
        numa_node: None,
        extra: 0,
        owner: None,
    }
}

fn section(name: &str, variable: &str, initial: Option<Vec<u8>>) -> SectionDefinition {
    SectionDefinition {
        object: "main".to_owned(),
        name: name.to_owned(),
        variables: vec![Variable { name: variable.to_owned(), offset: 0, size: 4, initial }],
    }
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
        programs: vec![used("dispatch", &["handlers", "counts"]), used("exec", &["counts"])],
        maps: vec![map("handlers", MapType::PROG_ARRAY), map("counts", MapType::HASH)],
        migrate: Vec::new(),
        sections: vec![
            section(".rodata", "filter_protocol", None),
            section(".bss", "level", Some(vec![0; 4])),
        ],
        attach: vec![Attachment { alternatives: vec![hook()], on_missing: OnMissing::Error }],
        generations: Vec::new(),
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

fn program_record(name: &str, id: u32) -> ProgramRecord {
    ProgramRecord { program: program(name), target: None, pin: format!("main:{name}"), id }
}

fn live_map(name: &str, id: u32) -> LiveMap {
    LiveMap {
        name: name.to_owned(),
        id,
        map_type: MapType::HASH,
        key_size: 4,
        value_size: 4,
        max_entries: 300,
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
            programs: vec![program_record("dispatch", 31), program_record("exec", 30)],
            maps: [(1, "handlers"), (2, "counts"), (3, "main:.rodata"), (4, "main:.bss")]
                .map(|(id, name)| MapRecord { name: name.to_owned(), id })
                .to_vec(),
            applied_at: 1,
            swapped: None,
        }),
        unreadable: None,
        unfinished_replacement: false,
        links: vec![LiveLink {
            pin: "00:main:dispatch".to_owned(),
            id: 7,
            program_id: 31,
            program: program("dispatch"),
            missed: None,
        }],
        programs: vec![live_program("dispatch", 31), live_program("exec", 30)],
        maps: vec![
            live_map("handlers", 1),
            live_map("counts", 2),
            live_map("main:.rodata", 3),
            live_map("main:.bss", 4),
        ],
        slots: vec![LiveSlot {
            map: "handlers".to_owned(),
            index: 59,
            program_id: 30,
            program: Some(program("exec")),
        }],
        unused_slots: Vec::new(),
        bases: Vec::new(),
    }
}

/// The change that is the whole plan.
fn change(desired: &Desired, live: &Live) -> Change {
    match plan(desired, Some(live)).steps.as_slice() {
        [Step::Change(change)] => (**change).clone(),
        steps => panic!("not a change alone: {steps:?}"),
    }
}

fn lines(desired: &Desired, live: &Live) -> Vec<String> {
    change(desired, live).lines.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_not_there_is_created() {
    let plan = plan(&desired(), None);
    assert_eq!(
        shown(&plan),
        [
            "+ object main: built-in:syscalls.bpf.o",
            "+ global filter_protocol: 17",
            "+ map handlers: prog_array of 300 entries",
            "+ map counts: hash of 300 entries",
            "+ slot handlers[59]: exec",
            "+ attachment raw_tracepoint sys_enter with dispatch",
        ]
    );
    assert_eq!(plan.outcome(), Outcome::Created);
    assert!(!plan.loses_data());
}

#[test]
fn a_map_with_another_capacity_loses_its_data_unless_it_is_migrated() {
    let mut larger = desired();
    larger.maps[1].max_entries = 4096;
    let subject = |desired: &Desired, guarantee: &str| {
        let line = format!("~ map counts: max_entries 300 → 4096 ({guarantee})");
        assert!(lines(desired, &live()).contains(&line), "{:?}", lines(desired, &live()));
    };
    subject(&larger, "restart");
    assert!(plan(&larger, Some(&live())).loses_data());
    larger.migrate = vec!["counts".to_owned(), "handlers".to_owned()];
    subject(&larger, "migrate");
    assert_eq!(change(&larger, &live()).migrations, ["counts"]);
    assert!(!plan(&larger, Some(&live())).loses_data());
    // Other keys can't be stored in it.
    larger.maps[1].key_size = 8;
    assert_eq!(change(&larger, &live()).migrations, Vec::<String>::new());
}

#[test]
fn what_is_taken_down_says_what_is_lost() {
    let plan = removal(&live());
    assert_eq!(
        shown(&plan),
        [
            "- attachment raw_tracepoint sys_enter with dispatch",
            "- map handlers: prog_array of 300 entries",
            "- map counts: hash of 300 entries (restart)",
        ]
    );
    assert_eq!(plan.outcome(), Outcome::Deleted);
    assert!(plan.loses_data());
}

fn shown(plan: &Plan) -> Vec<String> {
    plan.lines().map(ToString::to_string).collect()
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
    desired.views.push(View { top: Some(20), ..View::plain("counts") });
    let plan = plan(&desired, Some(&live()));
    assert_eq!(plan.steps, [Step::Remember]);
    assert_eq!(plan.outcome(), Outcome::Configured);
}

/// [`desired`] with another handler for slot 59, of another object.
fn other_handler() -> Desired {
    let mut desired = desired();
    let mine = ProgramRef { object: "mine".to_owned(), name: "exec".to_owned() };
    desired.objects.push(ObjectRef {
        alias: "mine".to_owned(),
        origin: "mine.bpf.o".to_owned(),
        sha256: "cc".repeat(32),
    });
    desired.programs.pop();
    desired.programs.push(ProgramUse { program: mine.clone(), ..used("exec", &["counts"]) });
    desired.slots[0].program = mine;
    desired
}

#[test]
fn another_handler_is_one_exchange() {
    let change = change(&other_handler(), &live());
    assert_eq!(
        lines(&other_handler(), &live()),
        [
            "+ object mine: mine.bpf.o",
            "+ program mine/exec",
            "- program exec",
            "~ slot handlers[59]: exec → mine/exec (atomic)",
        ]
    );
    assert_eq!(change.keep.maps.len(), 4);
    assert_eq!(change.keep.attachments, [Some(0)]);
    assert!(change.keep.has_program(&program("dispatch")));
    assert!(change.changes_slot("handlers", 59));
}

#[test]
fn neighbouring_slots_are_one_line() {
    let mut desired = desired();
    for index in [222, 223, 224] {
        let slot = Slot { map: "handlers".to_owned(), index, program: program("exec") };
        desired.slots.push(slot);
    }
    assert_eq!(lines(&desired, &live()), ["+ slots handlers[222-224]: exec (ordered)"]);
    desired.slots.clear();
    assert_eq!(lines(&desired, &live()), ["- slot handlers[59]: exec (atomic)"]);
}

#[test]
fn another_object_is_loaded_anew_and_keeps_its_data() {
    let mut desired = desired();
    desired.objects[0].sha256 = "bb".repeat(32);
    assert_eq!(
        lines(&desired, &live()),
        [
            "~ object main: aaaaaaaaaaaa → bbbbbbbbbbbb",
            "~ program exec: loaded anew",
            "~ slot handlers[59]: exec, loaded anew (atomic)",
            "~ attachment raw_tracepoint sys_enter with dispatch: attached anew (overlap)",
        ]
    );
    assert_eq!(change(&desired, &live()).keep.maps, ["handlers", "counts", "main:.bss"]);
    desired.sections[1].variables[0].offset = 4;
    assert_eq!(change(&desired, &live()).keep.maps, ["handlers", "counts"]);
    let restarted = "~ variables main:.bss: made anew, with their initial values (restart)";
    assert!(lines(&desired, &live()).contains(&restarted.to_owned()));
}

#[test]
fn a_constant_is_compiled_in_and_a_variable_is_stored() {
    let mut desired = desired();
    desired.globals[0].value = Value::Bytes(vec![6]);
    let changed = change(&desired, &live());
    assert_eq!(changed.keep.maps, ["handlers", "counts", "main:.bss"]);
    assert_eq!(changed.keep.programs, []);
    assert_eq!(changed.stores, []);
    assert_eq!(changed.lines[0].to_string(), "~ global filter_protocol: 17 → 6");

    let mut desired = self::desired();
    desired.globals.push(GlobalValue {
        object: "main".to_owned(),
        name: "level".to_owned(),
        value: Value::Bytes(vec![7, 0, 0, 0]),
    });
    let changed = change(&desired, &live());
    assert_eq!(lines(&desired, &live()), ["~ global level: 7 (stored)"]);
    assert_eq!(changed.keep.programs.len(), 2);
    assert_eq!(changed.stores[0].map, "main:.bss");

    let mut live = live();
    live.record.as_mut().expect("it has one").desired = desired;
    let changed = change(&self::desired(), &live);
    assert_eq!(lines(&self::desired(), &live), ["~ global level: its initial value (stored)"]);
    assert_eq!(changed.stores[0].global.value, Value::Bytes(vec![0; 4]));
}

#[test]
fn a_map_of_another_shape_takes_its_programs_along() {
    let mut desired = desired();
    desired.maps[1].max_entries = 4096;
    desired.maps[1].flags = MapFlag::NoPrealloc.bit();
    desired.maps[1].numa_node = Some(0);
    assert_eq!(
        lines(&desired, &live()),
        [
            "~ map counts: max_entries 300 → 4096, flags none → no_prealloc, NUMA node any → 0 (restart)",
            "~ program exec: loaded anew",
            "~ slot handlers[59]: exec, loaded anew (atomic)",
            "~ attachment raw_tracepoint sys_enter with dispatch: attached anew (overlap)",
        ]
    );
}

#[test]
fn attachments_come_and_go() {
    let mut desired = desired();
    desired.attach[0].on_missing = OnMissing::Skip;
    assert_eq!(
        lines(&desired, &live()),
        [
            "+ attachment raw_tracepoint sys_enter with dispatch, may be missing (skip)",
            "- attachment raw_tracepoint sys_enter with dispatch",
        ]
    );
}

#[test]
fn a_link_that_is_gone_is_brought_back() {
    let brought_back =
        ["~ attachment raw_tracepoint sys_enter with dispatch: attached anew (overlap)"];
    let mut live = live();
    live.links.clear();
    assert_eq!(lines(&desired(), &live), brought_back);
    live.links = self::live().links;
    live.links[0].id = 8;
    assert_eq!(lines(&desired(), &live), brought_back);
    let told: Vec<String> = drift(&live).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["link of dispatch: was replaced by another"]);
}

#[test]
fn slots_that_somebody_changed_are_drift() {
    let mut live = live();
    live.slots.clear();
    assert_eq!(lines(&desired(), &live), ["+ slot handlers[59]: exec (atomic)"]);
    live.slots = vec![
        LiveSlot { map: "handlers".to_owned(), index: 59, program_id: 99, program: None },
        LiveSlot {
            map: "handlers".to_owned(),
            index: 60,
            program_id: 30,
            program: Some(program("exec")),
        },
    ];
    let told: Vec<String> = drift(&live).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "slot handlers[59]: holds foreign program 99 instead of exec",
            "slot handlers[60]: was filled by somebody else"
        ]
    );
    assert_eq!(
        lines(&desired(), &live),
        [
            "~ slot handlers[59]: foreign program 99 → exec (ordered)",
            "- slot handlers[60]: exec (ordered)"
        ]
    );
    let emptied: Vec<_> = change(&desired(), &live)
        .emptied_slots()
        .map(|(map, index)| (map.to_owned(), index))
        .collect();
    assert_eq!(emptied, [("handlers".to_owned(), 60)]);
}

#[test]
fn an_interrupted_apply_is_cleared_first() {
    let mut live = live();
    live.record = None;
    let plan = plan(&desired(), Some(&live));
    assert!(
        matches!(plan.steps[..], [Step::ClearLeftovers(Leftovers::Interrupted), Step::Create(_)]),
        "{:?}",
        plan.steps
    );
    assert!(drift(&live).is_empty());
}

#[test]
fn an_interrupted_replacement_leaves_the_old_one_alone() {
    let mut live = live();
    live.unfinished_replacement = true;
    let plan = plan(&desired(), Some(&live));
    assert_eq!(plan.steps, [Step::ClearLeftovers(Leftovers::Interrupted)]);
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
