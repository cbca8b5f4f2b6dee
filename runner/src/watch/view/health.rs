//! What the kernel runs, as `status` says it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use unicode_width::UnicodeWidthChar;

use crate::text::terminal::escape;
use crate::watch::state::Health;
use crate::watch::view::paint::Paint;

/// Where the second and further lines of a long one begin.
const INDENT: usize = 12;

/// Draws the page.
pub fn draw(frame: &mut Frame<'_>, area: Rect, health: &Health, paint: Paint) {
    let width = usize::from(area.width);
    let mut lines: Vec<Line<'static>> = Vec::new();
    if health.measures {
        let text =
            "the kernel times every run of every BPF program of this machine while this is on";
        lines.push(Line::styled(text, paint.warning()));
    }
    for line in &health.lines {
        let folded = folded(&escape(line), width);
        lines.extend(folded.into_iter().map(Line::from));
    }
    let above = health.skipped.min(lines.len().saturating_sub(usize::from(area.height)));
    for (y, line) in (0..area.height).zip(lines.into_iter().skip(above)) {
        frame.render_widget(line, Rect { y: area.y + y, height: 1, ..area });
    }
}

/// A line as several that are not wider than the screen.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for character in text.chars() {
        let own = character.width().unwrap_or(0);
        if used + own > width {
            lines.push(" ".repeat(INDENT));
            used = INDENT;
        }
        if let Some(line) = lines.last_mut() {
            line.push(character);
        }
        used += own;
    }
    lines
}
