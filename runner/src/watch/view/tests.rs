//! Pictures of states that were made by hand, compared with those that are kept beside this file;
//! `BLESS=1` writes them anew.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::style::Color;

use crate::read::sinks::Colours;
use crate::watch::key::Key;
use crate::watch::made_up::{calls, hostile, rps};
use crate::watch::sample::{Sample, Taken};
use crate::watch::state::State;
use crate::watch::view::{draw, page_lines};

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);

fn watching(samples: impl IntoIterator<Item = Sample>) -> State {
    let mut state = State::new("made-up", None, Duration::from_secs(1));
    samples.into_iter().for_each(|sample| state.take(sample));
    state
}

fn press(state: &mut State, keys: &str) {
    for key in keys.chars() {
        state.press(Key::Char(key));
    }
}

fn terminal(state: &mut State, size: (u16, u16), colours: Colours) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("memory");
    terminal
        .draw(|frame| {
            state.has_room(page_lines(frame.area()));
            draw(frame, state, colours);
        })
        .expect("memory takes everything");
    terminal
}

/// The picture as text, without what is empty at the end of a line.
fn picture(state: &mut State, size: (u16, u16)) -> String {
    let terminal = terminal(state, size, Colours::No);
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..size.1 {
        let mut line = String::new();
        let mut x = 0;
        while x < size.0 {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol)).unwrap_or(1).max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[track_caller]
fn looks_like(name: &str, state: &mut State, size: (u16, u16)) {
    let picture = picture(state, size);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/watch/view/screens");
    let file = directory.join(format!("{name}-{}x{}.txt", size.0, size.1));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &picture).expect("the picture can be written");
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert!(picture == expected, "{} differs; it is now:\n{picture}", file.display());
}

#[test]
fn a_heatmap_below_its_rows() {
    let mut state = watching((1..30).map(rps));
    looks_like("rps", &mut state, SMALL);
    looks_like("rps", &mut state, LARGE);
    press(&mut state, "pssss");
    state.take(rps(30));
    looks_like("rps-rows-sorted", &mut state, SMALL);
    press(&mut state, "p ");
    looks_like("rps-drawing-paused", &mut state, SMALL);
}

#[test]
fn rows_that_have_no_room_and_what_is_missing() {
    let mut state = watching((1..5).map(calls));
    looks_like("calls", &mut state, SMALL);
    looks_like("calls", &mut state, LARGE);
    press(&mut state, "/calls > 3");
    looks_like("calls-filter-typed", &mut state, SMALL);
    press(&mut state, " and nothing");
    state.press(Key::Enter);
    looks_like("calls-filter-wrong", &mut state, SMALL);
}

#[test]
fn records() {
    let mut state = watching([calls(1)]);
    state.press(Key::Right);
    let lines = (0..50).map(|n| format!("2027-01-15T08:00:{n:02}Z  bash[{n}]  execve  /bin/ls"));
    state.take_records("events", Taken { count: 50, lines: lines.collect(), lost: 4 });
    state.take(calls(2));
    state.take(calls(3));
    looks_like("events", &mut state, SMALL);
    state.press(Key::PageUp);
    looks_like("events-above", &mut state, LARGE);
}

#[test]
fn help_above_everything() {
    let mut state = watching([rps(1)]);
    press(&mut state, "?");
    looks_like("help", &mut state, SMALL);
}

#[test]
fn a_small_terminal_says_what_it_needs() {
    let mut state = watching([rps(1)]);
    assert_eq!(picture(&mut state, (24, 3)), "80×24 are needed,\n24×3 are there.\nq ends it.\n");
    for width in (1..130).step_by(3) {
        for height in 1..50 {
            picture(&mut state, (width, height));
        }
    }
}

#[test]
fn colours_are_only_where_they_are_wanted() {
    let has_colours = |colours| {
        let mut state = watching((1..5).map(rps));
        let terminal = terminal(&mut state, SMALL, colours);
        let cells = terminal.backend().buffer().content();
        cells.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(has_colours(Colours::Ansi256));
    assert!(!has_colours(Colours::No));
}

/// Every byte that goes to a terminal, for every page of a probe that tries to do harm.
#[test]
fn nothing_from_a_map_acts_on_the_terminal() {
    let mut bytes = Vec::new();
    let mut state = watching([hostile()]);
    {
        let options = ratatui::TerminalOptions {
            viewport: ratatui::Viewport::Fixed(ratatui::layout::Rect::new(0, 0, 120, 40)),
        };
        let backend = CrosstermBackend::new(&mut bytes);
        let mut terminal = Terminal::with_options(backend, options).expect("memory");
        let lines = vec!["a\u{1b}[2Jb\u{202e}".to_owned(), "\u{9b}c\r\n".to_owned()];
        for _page in 0..3 {
            state
                .take_records("events\u{1b}[2J", Taken { count: 2, lines: lines.clone(), lost: 0 });
            state.message = Some("a\u{1b}[2Jb".to_owned());
            terminal
                .draw(|frame| draw(frame, &state, Colours::Ansi256))
                .expect("memory takes everything");
            state.press(Key::Right);
        }
        press(&mut state, "1/x");
        state.press(Key::Enter);
        terminal.draw(|frame| draw(frame, &state, Colours::No)).expect("memory takes everything");
    }
    let text = String::from_utf8(bytes).expect("text");
    let mut sequences = 0;
    let mut rest = text.as_str();
    while let Some(start) = rest.find('\u{1b}') {
        // Ours place the cursor (H), set attributes (m) and hide it (l, h); the hostile ones clear (J) or are no CSI.
        let sequence = rest[start..].strip_prefix("\u{1b}[").expect("a control sequence");
        let end = sequence.find(|c: char| c.is_ascii_alphabetic()).expect("its end");
        let last = sequence[end..].chars().next();
        assert!(matches!(last, Some('H' | 'm' | 'l' | 'h')), "{:?}", &sequence[..=end]);
        rest = &sequence[end + 1..];
        sequences += 1;
    }
    assert!(sequences > 10, "is the test looking?");
    let others = text.chars().filter(|c| {
        *c != '\u{1b}' && crate::text::terminal::escape(&c.to_string()) != c.to_string()
    });
    assert_eq!(others.collect::<String>(), "");
    assert!(text.contains("\\u{1b}[2J"), "what was there is shown");
}
