//! Records as they come.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::text::terminal::escape;
use crate::watch::state::Events;
use crate::watch::view::paint::Paint;
use crate::watch::view::spark::spark;

/// Characters of the chart of how many came a second.
const SPARK: usize = 40;

/// Draws a page of records, the newest at the bottom.
pub fn draw(frame: &mut Frame<'_>, area: Rect, events: &Events, paused: bool, paint: Paint) {
    let mut lines = vec![counts(events, paint)];
    if let Some((text, _)) = &events.filter {
        lines.push(Line::styled(format!("filter: {}", escape(text)), paint.warning()));
    }
    lines.push(match (&events.remark, paused) {
        (Some(remark), _) => Line::styled(escape(remark).into_owned(), paint.error()),
        (None, true) => Line::styled("paused: records stay in the buffer", paint.faint()),
        (None, false) => {
            Line::styled("what is shown here is taken: no other reader sees it", paint.faint())
        }
    });
    let head = lines.len();
    let room = usize::from(area.height).saturating_sub(head);
    let behind = events.behind.min(events.lines.len().saturating_sub(room));
    let end = events.lines.len() - behind;
    let shown = events.lines.range(end.saturating_sub(room)..end);
    lines.extend(shown.map(|line| Line::from(escape(line).into_owned())));
    if behind > 0 && !lines.is_empty() {
        let last = lines.len() - 1;
        lines[last] = Line::styled(format!("… {behind} newer lines (End follows)"), paint.faint());
    }
    for (y, line) in (0..area.height).zip(lines) {
        frame.render_widget(line, Rect { y: area.y + y, height: 1, ..area });
    }
}

fn counts(events: &Events, paint: Paint) -> Line<'static> {
    let mut spans = vec![Span::styled(format!("{} records", events.count), paint.heading())];
    if let Some(rate) = events.rate {
        let chart = spark(events.history.last(SPARK), 0);
        spans.push(Span::styled(format!("  {rate:.1}/s {chart}"), paint.rate()));
    }
    if events.lost > 0 {
        let text = format!("  {} found their buffer full", events.lost);
        spans.push(Span::styled(text, paint.warning()));
    }
    Line::from(spans)
}
