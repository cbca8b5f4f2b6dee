//! A state as a picture. Nothing here changes one.
//!
//! What came from maps goes through `escape` or `plain` before it becomes a span: both make visible what a
//! terminal would act on.

mod bars;
mod drawings;
mod events;
mod health;
mod help;
mod paint;
mod spark;
mod table;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::read::sinks::Colours;
use crate::watch::state::{Page, State};
use paint::Paint;

/// The smallest terminal that has room for a page.
const LEAST: (u16, u16) = (80, 24);

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, state: &State, colours: Colours) {
    let paint = Paint::new(colours);
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        too_small(frame, area);
        return;
    }
    let [top, tabs, page, losses, keys] = rows(area, losses_lines(state));
    frame.render_widget(bars::top(state, paint, top.width), top);
    frame.render_widget(bars::tabs(state, paint, tabs.width), tabs);
    match state.page() {
        Some(Page::Table(table)) => table::draw(frame, page, table, paint),
        Some(Page::Events(events)) => events::draw(frame, page, events, state.paused, paint),
        Some(Page::Health(health)) => health::draw(frame, page, health, paint),
        None => frame.render_widget(Line::from("reading …"), page),
    }
    bars::losses(frame, losses, state, paint);
    frame.render_widget(bars::keys(state, paint), keys);
    if state.helps {
        help::draw(frame, area, paint);
    }
}

/// How many lines a page has.
pub fn page_lines(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(5))
}

fn losses_lines(state: &State) -> u16 {
    let count = state.sample.as_ref().map_or(0, |sample| sample.losses.len());
    count.min(bars::LOSSES) as u16
}

/// From top to bottom: what it is, the tabs, the page, what is missing, the keys.
fn rows(area: Rect, losses: u16) -> [Rect; 5] {
    let row = |y: u16, height: u16| Rect { x: area.x, y: area.y + y, width: area.width, height };
    let page = area.height - 3 - losses;
    [row(0, 1), row(1, 1), row(2, page), row(2 + page, losses), row(2 + page + losses, 1)]
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let (width, height) = LEAST;
    let lines = [
        format!("{width}×{height} are needed,"),
        format!("{}×{} are there.", area.width, area.height),
        "q ends it.".to_owned(),
    ];
    for (y, line) in (0..area.height).zip(lines) {
        let row = Rect { x: area.x, y: area.y + y, width: area.width, height: 1 };
        frame.render_widget(Line::from(line), row);
    }
}

#[cfg(test)]
mod tests;
