//! What surrounds a page: what is watched, the tabs, what is missing, and the keys.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::read::Loss;
use crate::text::terminal::escape;
use crate::watch::state::{Page, State};
use crate::watch::view::paint::Paint;

/// Lines for what is missing.
pub const LOSSES: usize = 3;

/// What is watched, how it is, and when it was read.
pub fn top(state: &State, paint: Paint, width: u16) -> Line<'static> {
    let mut left = format!(" probe/{}", state.probe);
    let mut right = format!("every {}", humantime::format_duration(state.every));
    if let Some(sample) = &state.sample {
        left.push_str(&format!("  {}", escape(&sample.state)));
        let since_epoch = sample.at.duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let of_day = since_epoch.as_secs() % 86_400;
        let (hours, minutes, seconds) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        right.push_str(&format!("  {hours:02}:{minutes:02}:{seconds:02} UTC "));
    }
    if state.paused {
        left.push_str("  PAUSED");
    }
    let gap = usize::from(width).saturating_sub(left.width() + right.width());
    Line::styled(format!("{left}{}{right}", " ".repeat(gap)), paint.bar())
}

/// The pages, from the first that leaves room for the one that is looked at.
pub fn tabs(state: &State, paint: Paint, width: u16) -> Line<'static> {
    let tabs: Vec<String> = (1..)
        .zip(&state.pages)
        .map(|(number, page)| format!(" {number} {} ", escape(page.name())))
        .collect();
    let mut first = 0;
    let needed = |first: usize| -> usize {
        let end = (state.current + 1).min(tabs.len());
        tabs.get(first..end).unwrap_or(&[]).iter().map(|tab| tab.width() + 1).sum()
    };
    while first < state.current && needed(first) > usize::from(width) {
        first += 1;
    }
    let spans = tabs.into_iter().enumerate().skip(first).flat_map(|(position, tab)| {
        let style = if position == state.current { paint.chosen() } else { Style::new() };
        [Span::styled(tab, style), Span::raw(" ")]
    });
    Line::from(spans.collect::<Vec<_>>())
}

/// What makes the numbers short, the largest first.
pub fn losses(frame: &mut Frame<'_>, area: Rect, state: &State, paint: Paint) {
    let Some(sample) = &state.sample else { return };
    let losses = Loss::largest_first(&sample.losses);
    let more = losses.len().saturating_sub(LOSSES);
    for (y, loss) in (0..area.height).zip(losses) {
        let mut text = format!(
            "short by {} {} ({}): {}",
            loss.count,
            escape(&loss.what),
            escape(&loss.place),
            escape(&loss.meaning)
        );
        if more > 0 && y + 1 == area.height {
            text = format!("and {more} more; {text}");
        }
        let row = Rect { y: area.y + y, height: 1, ..area };
        frame.render_widget(Line::styled(text, paint.warning()), row);
    }
}

/// What is typed, or what was to be said, or what can be pressed.
pub fn keys(state: &State, paint: Paint) -> Line<'static> {
    if let Some(prompt) = &state.prompt {
        if let Some(error) = &prompt.error {
            return Line::styled(escape(error).into_owned(), paint.error());
        }
        return Line::from(vec![
            Span::styled("filter: ", paint.heading()),
            Span::raw(escape(&prompt.text).into_owned()),
            Span::styled(" ", paint.bar()),
        ]);
    }
    if let Some(message) = &state.message {
        return Line::from(escape(message).into_owned());
    }
    let of_page: &[(&str, &str)] = match state.page() {
        Some(Page::Table(_)) => {
            &[("s S", "sort"), ("r", "reverse"), ("/", "filter"), ("p", "drawing")]
        }
        Some(Page::Events(_)) => &[("/", "filter"), ("c", "clear"), ("End", "follow")],
        Some(Page::Health(_)) => &[("m", "measure runs")],
        None => &[],
    };
    let keys =
        [("q", "quit"), ("?", "help"), ("← →", "page"), ("↑ ↓", "scroll"), ("space", "pause")];
    let spans = keys.iter().chain(of_page).flat_map(|(key, what)| {
        [Span::styled((*key).to_owned(), paint.heading()), Span::raw(format!(" {what}  "))]
    });
    Line::from(spans.collect::<Vec<_>>())
}
