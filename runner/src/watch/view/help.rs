//! What the keys do.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::watch::view::paint::Paint;

const KEYS: [(&str, &str); 17] = [
    ("← → Tab 1…9", "another page: a map, records, slots and health"),
    ("↑ ↓ k j", "a line up or down; also PgUp PgDn Home End g G"),
    ("< >", "columns to the left or right"),
    ("s S", "sort by the next column, or by the one before"),
    ("", "(behind each counter comes how fast it grows)"),
    ("r", "the other way round"),
    ("/", "show only rows for which an expression holds, such as"),
    ("", "  device == \"eth0\" and packets > 10"),
    ("", "Enter uses it, Escape leaves it, Ctrl-U empties it"),
    ("p", "rows and drawings, rows alone, drawings alone"),
    ("space", "pause; nothing is read, and records stay where they are"),
    ("+ -", "read more often, or less"),
    ("c", "forget the records that are shown"),
    ("m", "count and time the programs' runs (slots and health)"),
    ("Ctrl-L", "draw everything anew"),
    ("Ctrl-Z", "stop for a while; `fg` goes on"),
    ("q Ctrl-C", "end"),
];

/// Draws the keys above the page.
pub fn draw(frame: &mut Frame<'_>, area: Rect, paint: Paint) {
    let (width, height) = (76.min(area.width), (KEYS.len() as u16 + 2).min(area.height));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    let lines = KEYS.iter().map(|(key, what)| {
        Line::from(vec![Span::styled(format!(" {key:<14}"), paint.heading()), Span::raw(*what)])
    });
    let block = Block::bordered().title(" keys: any of them closes this ");
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()).block(block), place);
}
