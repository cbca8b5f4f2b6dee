use std::time::Duration;

use crate::read::sinks::plain;
use crate::watch::key::Key;
use crate::watch::made_up::{calls, rps};
use crate::watch::sample::{Stream, Taken};
use crate::watch::state::{By, Order, Page, Reaction, Shown, State};

fn watching(samples: impl IntoIterator<Item = crate::watch::Sample>) -> State {
    let mut state = State::new("rps", None, Duration::from_secs(1));
    state.has_room(10);
    samples.into_iter().for_each(|sample| state.take(sample));
    state
}

fn press(state: &mut State, keys: &str) -> Reaction {
    keys.chars().map(|key| state.press(Key::Char(key))).last().expect("a key")
}

/// What a column of the page shows.
fn column(state: &State, position: usize) -> Vec<String> {
    let Some(Page::Table(table)) = state.page() else { panic!("no table") };
    let rows = &table.sheet.as_ref().expect("it was read").rows;
    rows.iter().map(|row| row.cells[position].as_ref().map(plain).unwrap_or_default()).collect()
}

#[test]
fn orders_come_in_turn_and_back() {
    let mut state = watching((1..4).map(rps));
    let by = |state: &State| state.wishes()[0].order.clone();
    assert_eq!(by(&state), None);
    assert_eq!(press(&mut state, "s"), Reaction::Sample);
    let device = Order { by: By::Cell("device".to_owned()), descending: false };
    assert_eq!(by(&state), Some(device.clone()));
    press(&mut state, "sss");
    assert_eq!(by(&state), Some(Order { by: By::Cell("packets".to_owned()), descending: true }));
    assert_eq!(column(&state, 3), ["270000", "3600", "900", "21", "3", "0"]);
    press(&mut state, "r");
    assert_eq!(column(&state, 3), ["0", "3", "21", "900", "3600", "270000"]);
    press(&mut state, "s");
    assert_eq!(by(&state), Some(Order { by: By::Rate("packets".to_owned()), descending: true }));
    assert_eq!(column(&state, 2), ["3", "1", "0", "-1", "2", "3"]);
    press(&mut state, "s");
    assert_eq!(by(&state), None);
    press(&mut state, "SSSSS");
    assert_eq!(by(&state), Some(device));
}

#[test]
fn amounts_are_ordered_as_numbers_also_while_nothing_is_read() {
    let mut state = watching([rps(1)]);
    assert_eq!(press(&mut state, " "), Reaction::Draw);
    assert!(state.paused);
    // The target's column: −1 comes before 0, and 3 first the other way round.
    assert_eq!(press(&mut state, "sss"), Reaction::Draw);
    assert_eq!(column(&state, 2), ["3", "3", "2", "1", "0", "-1"]);
    assert_eq!(press(&mut state, " "), Reaction::Sample);
    assert!(!state.paused);
}

#[test]
fn a_filter_is_used_only_if_it_can_be() {
    let mut state = watching([rps(1)]);
    press(&mut state, "/devise == 'lo'");
    assert_eq!(state.press(Key::Enter), Reaction::Draw);
    let error = state.prompt.as_ref().and_then(|prompt| prompt.error.clone()).expect("an error");
    assert!(error.contains("`devise`") && error.contains("`device`"), "{error}");
    assert!(state.wishes()[0].filter.is_none());

    state.press(Key::Clear);
    press(&mut state, "packets >");
    state.press(Key::Enter);
    assert!(state.prompt.as_ref().is_some_and(|prompt| prompt.error.is_some()));
    press(&mut state, " 10x");
    state.press(Key::Backspace);
    assert_eq!(state.press(Key::Enter), Reaction::Sample);
    assert_eq!(state.prompt, None);
    let filter = state.wishes()[0].filter.clone().expect("a filter");
    assert!(filter.keeps(&serde_json::json!({ "packets": 11 })).expect("it fits"));
    assert!(!filter.keeps(&serde_json::json!({ "packets": 10 })).expect("it fits"));

    // Escape leaves it, an empty one is none.
    press(&mut state, "/ and");
    state.press(Key::Escape);
    assert!(state.wishes()[0].filter.is_some());
    state.press(Key::Char('/'));
    assert_eq!(state.prompt.as_ref().map(|prompt| prompt.text.as_str()), Some("packets > 10"));
    state.press(Key::Clear);
    state.press(Key::Enter);
    assert!(state.wishes()[0].filter.is_none());
}

#[test]
fn keys_that_mean_something_elsewhere_are_typed() {
    let mut state = watching([rps(1)]);
    press(&mut state, "/q? ps");
    assert_eq!(state.prompt.as_ref().map(|prompt| prompt.text.as_str()), Some("q? ps"));
    assert_eq!(state.press(Key::Interrupt), Reaction::Quit);
}

#[test]
fn records_are_taken_only_from_when_somebody_looks() {
    let mut state = watching([calls(1)]);
    assert_eq!(state.wants_records().count(), 0);
    state.press(Key::Right);
    assert_eq!(state.wants_records().collect::<Vec<_>>(), ["events"]);
    let taken = |range: std::ops::Range<u32>| Taken {
        count: u64::from(range.end - range.start),
        lines: range.map(|number| format!("record {number}")).collect(),
        lost: 5,
    };
    state.take_records("events", taken(0..30));
    state.take(calls(2));
    state.take_records("events", taken(30..100));
    state.take(calls(3));
    let Some(Page::Events(events)) = state.page() else { panic!("no records") };
    assert_eq!((events.count, events.lost, events.rate), (100, 5, Some(70.0)));
    // Who looks back sees the same lines although others come.
    state.press(Key::Up);
    state.press(Key::PageUp);
    state.take_records("events", taken(100..103));
    let Some(Page::Events(events)) = state.page() else { panic!("no records") };
    assert_eq!(events.behind, 13);
    state.press(Key::End);
    let Some(Page::Events(events)) = state.page() else { panic!("no records") };
    assert_eq!(events.behind, 0);
    // They are taken on behind another page.
    state.press(Key::Left);
    assert_eq!(state.wants_records().count(), 1);
}

#[test]
fn what_can_not_be_opened_is_not_tried_again_and_again() {
    let mut state = watching([calls(1)]);
    state.press(Key::Right);
    state.refuse_records("events", "it is gone");
    state.take(calls(2));
    assert_eq!(state.wants_records().count(), 0);
}

#[test]
fn pages_follow_the_probe() {
    let mut state = State::new("syscalls", Some("events"), Duration::from_secs(1));
    state.take(calls(1));
    assert_eq!(state.page().map(Page::name), Some("events"));
    assert_eq!(state.wants_records().count(), 1);
    // Another map comes first; the page that is looked at stays.
    let mut more = calls(2);
    more.sheets.insert(0, rps(1).sheets.remove(0));
    more.streams.push(Stream { map: "more".to_owned(), id: 9 });
    state.take(more);
    assert_eq!(state.page().map(Page::name), Some("events"));
    assert_eq!(state.pages.len(), 5);
    // Its map goes, and with it the page.
    state.take(rps(3));
    assert_eq!(state.page().map(Page::name), Some("rps_record"));
    state.press(Key::Left);
    assert!(state.wants_health());
}

#[test]
fn other_columns_forget_what_was_before() {
    let mut state = watching((1..5).map(rps));
    press(&mut state, "s");
    let Some(Page::Table(table)) = state.page() else { panic!("no table") };
    assert_eq!(table.history(&[0, 1], 3).map(|history| history.last(9).count()), Some(3));
    let mut other = rps(5);
    other.sheets[0].heads[0].name = "interface".to_owned();
    state.take(other);
    let Some(Page::Table(table)) = state.page() else { panic!("no table") };
    assert_eq!(table.history(&[0, 1], 3).map(|history| history.last(9).count()), Some(1));
    assert_eq!(state.wishes()[0].order, None);
}

#[test]
fn drawings_and_paces_and_help() {
    let mut state = watching([rps(1)]);
    let shown = |state: &State| match state.page() {
        Some(Page::Table(table)) => table.shown,
        _ => panic!("no table"),
    };
    press(&mut state, "p");
    assert_eq!(shown(&state), Shown::Rows);
    press(&mut state, "p");
    assert_eq!(shown(&state), Shown::Drawings);
    press(&mut state, "p");
    assert_eq!(shown(&state), Shown::Both);
    press(&mut state, "--");
    assert_eq!(state.every, Duration::from_secs(5));
    press(&mut state, "++++++++++++");
    assert_eq!(state.every, Duration::from_millis(100));
    press(&mut state, "?");
    assert!(state.helps);
    assert_eq!(press(&mut state, "s"), Reaction::Draw);
    assert!(!state.helps && state.wishes()[0].order.is_none());
    press(&mut state, "?");
    assert_eq!(press(&mut state, "q"), Reaction::Quit);
}

#[test]
fn any_keys_in_any_order_do_no_harm() {
    let mut state = watching([]);
    let keys = "q? s/S rp<>+-cm123456789kjgG".chars().map(Key::Char).chain([
        Key::Enter,
        Key::Escape,
        Key::Backspace,
        Key::Clear,
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::PageUp,
        Key::PageDown,
        Key::Home,
        Key::End,
        Key::Tab,
        Key::BackTab,
    ]);
    let keys: Vec<Key> = keys.collect();
    let mut number = 1_u64;
    for round in 0..20_000 {
        // A small generator is enough, and the same in every run.
        number =
            number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.press(keys[(number >> 33) as usize % keys.len()]);
        match round % 50 {
            7 => state.take(rps(round)),
            23 => state.take(calls(round)),
            31 => {
                state.take_records("events", Taken { count: 1, lines: vec!["x".into()], lost: 0 })
            }
            _ => {}
        }
    }
}
