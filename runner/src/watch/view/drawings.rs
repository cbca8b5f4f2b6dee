//! Histograms and heatmaps.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::read::sinks::Drawing;
use crate::read::sinks::drawing::Room;
use crate::watch::view::paint::Paint;

/// How many lines all of them take in full.
pub fn lines(drawings: &[Drawing], width: u16, paint: Paint) -> u16 {
    let room = Room { width: usize::from(width), ..Room::ENOUGH };
    let lines: usize = drawings.iter().map(|drawing| of(drawing, room, paint).len() + 1).sum();
    u16::try_from(lines).unwrap_or(u16::MAX)
}

/// Draws them one below the other, each after an empty line. What is skipped are lines of histograms, or
/// rows and columns of a heatmap that is alone.
pub fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    drawings: &[Drawing],
    skipped: (usize, usize),
    paint: Paint,
) {
    let height = usize::from(area.height.saturating_sub(1));
    let is_alone = drawings.len() == 1;
    let room = Room { width: usize::from(area.width), height: usize::MAX, skipped: (0, 0) };
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut above = skipped.0;
    for drawing in drawings {
        lines.push(Line::default());
        match drawing {
            Drawing::Heatmap(_) if is_alone => {
                lines.extend(of(drawing, Room { height, skipped, ..room }, paint));
                above = 0;
            }
            _ => lines.extend(of(drawing, room, paint)),
        }
    }
    let above = above.min(lines.len().saturating_sub(usize::from(area.height)));
    for (y, line) in (0..area.height).zip(lines.into_iter().skip(above)) {
        frame.render_widget(line, Rect { y: area.y + y, height: 1, ..area });
    }
}

fn of(drawing: &Drawing, room: Room, paint: Paint) -> Vec<Line<'static>> {
    match drawing {
        Drawing::Heatmap(heatmap) => {
            let lines = heatmap.lines(paint.colours, room).into_iter();
            let pieces = lines.map(|line| {
                let spans = line.into_iter().map(|piece| {
                    let style = piece.colour.map_or(Style::new(), |colour| paint.behind(colour));
                    Span::styled(piece.text, style)
                });
                Line::from(spans.collect::<Vec<_>>())
            });
            pieces.collect()
        }
        Drawing::Histogram(histogram) => {
            histogram.lines(room.width).into_iter().map(Line::from).collect()
        }
    }
}
