//! A map's rows, with how fast they grow, and what is drawn of them.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Row, Table as Grid};
use unicode_width::UnicodeWidthStr;

use crate::read::sinks::plain;
use crate::text::terminal::escape;
use crate::watch::sample::{Head, Sheet};
use crate::watch::state::{By, Shown, Table};
use crate::watch::view::drawings;
use crate::watch::view::paint::Paint;
use crate::watch::view::spark::spark;

/// Characters of a little bar chart beside a row, and above all rows.
const SPARK: usize = 12;
const WIDE_SPARK: usize = 40;
/// A column of text keeps so many characters where there is not enough room for all.
const LEAST: usize = 12;

/// Draws a map's page.
pub fn draw(frame: &mut Frame<'_>, area: Rect, table: &Table, paint: Paint) {
    let Some(sheet) = &table.sheet else { return };
    let mut area = area;
    for line in above(table, sheet, paint) {
        if area.height == 0 {
            return;
        }
        frame.render_widget(line, Rect { height: 1, ..area });
        area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    if sheet.heads.is_empty() && sheet.drawings.is_empty() {
        return;
    }
    let drawn = match table.shown {
        _ if sheet.drawings.is_empty() => 0,
        Shown::Rows => 0,
        Shown::Drawings => area.height,
        // Rows have the other half, or more if a drawing doesn't take all of its own.
        Shown::Both => drawings::lines(&sheet.drawings, area.width, paint).min(area.height / 2),
    };
    let (rows, below) = (
        Rect { height: area.height - drawn, ..area },
        Rect { y: area.y + area.height - drawn, height: drawn, ..area },
    );
    if drawn > 0 {
        let skipped =
            if table.shown == Shown::Drawings { (table.skipped, table.shifted) } else { (0, 0) };
        drawings::draw(frame, below, &sheet.drawings, skipped, paint);
    }
    if rows.height > 0 {
        draw_rows(frame, rows, table, sheet, paint);
    }
}

/// The filter, what is to be said, and all counters' sums.
fn above(table: &Table, sheet: &Sheet, paint: Paint) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some((text, _)) = &table.filter {
        let rows = sheet.rows.len() + sheet.more;
        let text = format!("filter: {}  ({rows} rows)", escape(text));
        lines.push(Line::styled(text, paint.warning()));
    }
    if let Some(remark) = &sheet.remark {
        lines.push(Line::styled(escape(remark).into_owned(), paint.error()));
    }
    for (column, (head, total)) in sheet.heads.iter().zip(&sheet.totals).enumerate().take(16) {
        let Some(total) = total else { continue };
        let mut spans = vec![
            Span::styled(escape(&head.name).into_owned(), paint.heading()),
            Span::raw(format!(" {}", total.sum)),
        ];
        if let Some(rate) = total.rate {
            let history = table.total(column).map(|history| spark(history.last(WIDE_SPARK), 0));
            spans.push(Span::styled(format!("  {rate:.1}/s "), paint.rate()));
            spans.push(Span::styled(history.unwrap_or_default(), paint.rate()));
        }
        lines.push(Line::from(spans));
        if lines.len() >= 4 {
            break;
        }
    }
    lines
}

/// One column as it is shown: its heading, its cells, and the side that it keeps to.
struct Column {
    heading: String,
    cells: Vec<String>,
    side: Alignment,
    style: Style,
    /// Whether its cells may be cut.
    is_text: bool,
}

fn draw_rows(frame: &mut Frame<'_>, area: Rect, table: &Table, sheet: &Sheet, paint: Paint) {
    let height = usize::from(area.height.saturating_sub(1));
    let last = (sheet.rows.len() + usize::from(sheet.more > 0)).saturating_sub(height);
    let skipped = table.skipped.min(last);
    let mut columns = Vec::new();
    for (position, head) in sheet.heads.iter().enumerate().skip(table.shifted) {
        columns.push(values(table, sheet, position, head, skipped, height));
        if sheet.totals[position].is_some_and(|total| total.rate.is_some()) {
            columns.push(rates(table, sheet, position, head, (skipped, height), paint));
            columns.push(sparks(table, sheet, position, (skipped, height), paint));
        }
    }
    let widths = widths(&columns, usize::from(area.width));
    columns.truncate(widths.len());
    let heading = Row::new(
        columns
            .iter()
            .map(|column| Cell::from(Text::from(column.heading.clone()).alignment(column.side))),
    );
    let count = columns.first().map_or(0, |column| column.cells.len());
    let lines = (0..count).map(|index| {
        Row::new(columns.iter().zip(&widths).map(|(column, width)| {
            let text = cut(&column.cells[index], *width);
            Cell::from(Text::from(text).alignment(column.side)).style(column.style)
        }))
    });
    let constraints = widths.iter().map(|width| Constraint::Length(*width as u16));
    let grid =
        Grid::new(lines, constraints).column_spacing(2).header(heading.style(paint.heading()));
    frame.render_widget(grid, area);
    let note = match (sheet.rows.is_empty(), sheet.more) {
        (true, _) => "(no entries)".to_owned(),
        (false, more) if more > 0 && count < height => format!("… {more} more rows"),
        _ => return,
    };
    if let Some(y) = u16::try_from(count + 1).ok().filter(|y| *y < area.height) {
        let row = Rect { y: area.y + y, height: 1, ..area };
        frame.render_widget(Line::styled(note, paint.faint()), row);
    }
}

fn values(
    table: &Table,
    sheet: &Sheet,
    position: usize,
    head: &Head,
    skipped: usize,
    count: usize,
) -> Column {
    let rows = sheet.rows.iter().skip(skipped).take(count);
    let is_order = |by: &By| *by == By::Cell(head.name.clone());
    Column {
        heading: format!("{}{}", escape(&head.name).to_uppercase(), arrow(table, is_order)),
        cells: rows
            .map(|row| row.cells[position].as_ref().map(plain).unwrap_or_default())
            .collect(),
        side: if head.is_quantity { Alignment::Right } else { Alignment::Left },
        style: Style::new(),
        is_text: !head.is_quantity,
    }
}

fn rates(
    table: &Table,
    sheet: &Sheet,
    position: usize,
    head: &Head,
    (skipped, count): (usize, usize),
    paint: Paint,
) -> Column {
    let rows = sheet.rows.iter().skip(skipped).take(count);
    let is_order = |by: &By| *by == By::Rate(head.name.clone());
    Column {
        heading: format!("{}/S{}", escape(&head.name).to_uppercase(), arrow(table, is_order)),
        cells: rows
            .map(|row| row.rates[position].map(|rate| format!("{rate:.1}")).unwrap_or_default())
            .collect(),
        side: Alignment::Right,
        style: paint.rate(),
        is_text: false,
    }
}

fn sparks(
    table: &Table,
    sheet: &Sheet,
    position: usize,
    (skipped, count): (usize, usize),
    paint: Paint,
) -> Column {
    let rows = sheet.rows.iter().skip(skipped).take(count);
    let of_row = |key: &[u8]| {
        let history = table.history(key, position);
        history.map_or_else(String::new, |history| spark(history.last(SPARK), SPARK))
    };
    Column {
        heading: " ".repeat(SPARK),
        cells: rows.map(|row| of_row(&row.key)).collect(),
        side: Alignment::Right,
        style: paint.rate(),
        is_text: false,
    }
}

/// What a heading has behind it if the rows are in its order.
fn arrow(table: &Table, is_order: impl Fn(&By) -> bool) -> &'static str {
    match &table.order {
        Some(order) if is_order(&order.by) && order.descending => " ▼",
        Some(order) if is_order(&order.by) => " ▲",
        _ => "",
    }
}

/// How wide each column is. Where there is not enough room for all, the widest of text get narrower, then the last
/// ones aren't shown.
fn widths(columns: &[Column], room: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = columns
        .iter()
        .map(|column| {
            let cells = column.cells.iter().map(|cell| cell.width()).max().unwrap_or(0);
            cells.max(column.heading.width()).min(room)
        })
        .collect();
    let whole =
        |widths: &[usize]| widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
    while whole(&widths) > room {
        let can_shrink = |&position: &usize| columns[position].is_text && widths[position] > LEAST;
        let widest = (0..widths.len()).filter(can_shrink).max_by_key(|&position| widths[position]);
        match widest {
            Some(position) => widths[position] -= 1,
            None if widths.len() > 1 => drop(widths.pop()),
            None => break,
        }
    }
    widths
}

/// Text in so much room.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    for character in text.chars() {
        cut.push(character);
        if cut.width() >= width {
            cut.pop();
            break;
        }
    }
    cut.push('…');
    cut
}
