//! Tables for people: aligned columns, two spaces between them, nothing drawn.

use std::io;

use unicode_width::UnicodeWidthStr;

use crate::read::columns::Column;
use crate::read::decoders::Lookups;
use crate::read::loss::Loss;
use crate::read::rates::Rates;
use crate::read::sinks::Colours;
use crate::read::sinks::plots;
use crate::read::sinks::terminal::plain;
use crate::read::table::Table;
use crate::text::terminal::escape;

/// How tables are written.
#[derive(Clone, Copy, Debug)]
pub struct Style<'a> {
    /// For what is drawn below them.
    pub colours: Colours,
    /// The reading before, to tell how fast counters grow.
    pub rates: Option<&'a Rates>,
}

impl Style<'_> {
    /// Text alone.
    pub const PLAIN: Style<'static> = Style { colours: Colours::No, rates: None };
}

/// Writes tables, one after another with an empty line between. Where there are several, each has
/// its map's name above it.
///
/// # Errors
/// The writer's.
pub fn write(
    out: &mut impl io::Write,
    tables: &[Table],
    style: Style<'_>,
    lookups: &mut Lookups,
) -> io::Result<()> {
    for (position, table) in tables.iter().enumerate() {
        if position > 0 {
            writeln!(out)?;
        }
        if tables.len() > 1 {
            writeln!(out, "{}", escape(&table.map))?;
        }
        write_one(out, table, style, lookups)?;
        plots::write(out, table, style.colours, lookups)?;
    }
    Ok(())
}

/// Writes what is missing, largest count first, below a line that says so; nothing if nothing is.
///
/// # Errors
/// The writer's.
pub fn write_loss(out: &mut impl io::Write, losses: &[Loss]) -> io::Result<()> {
    if losses.is_empty() {
        return Ok(());
    }
    let losses = Loss::largest_first(losses);
    writeln!(out, "warning: these numbers are short")?;
    let lines: Vec<Vec<String>> = losses
        .iter()
        .map(|loss| {
            vec![
                format!("  {}", loss.count),
                escape(&loss.what).into_owned(),
                escape(&loss.place).into_owned(),
                escape(&loss.meaning).into_owned(),
            ]
        })
        .collect();
    align(out, &[Side::Right, Side::Left, Side::Left, Side::Left], &lines)
}

/// The side of its column that a cell keeps to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

fn write_one(
    out: &mut impl io::Write,
    table: &Table,
    style: Style<'_>,
    lookups: &mut Lookups,
) -> io::Result<()> {
    let columns: Vec<(usize, &Column)> = table.columns.listed().collect();
    let rates = style.rates.filter(|rates| rates.knows(&table.map));
    let counters: Vec<&Column> = columns
        .iter()
        .filter(|(_, column)| rates.is_some() && column.is_counter())
        .map(|(_, column)| *column)
        .collect();
    let mut sides: Vec<Side> = columns
        .iter()
        .map(|(_, column)| if column.is_quantity() { Side::Right } else { Side::Left })
        .collect();
    sides.extend(counters.iter().map(|_| Side::Right));
    let shown = table.columns.top.unwrap_or(usize::MAX).min(table.len());
    let mut heading: Vec<String> =
        columns.iter().map(|(_, column)| escape(&column.name).to_uppercase()).collect();
    heading
        .extend(counters.iter().map(|column| format!("{}/S", escape(&column.name).to_uppercase())));
    let mut lines: Vec<Vec<String>> = vec![heading];
    lines.extend(table.entries().zip(table.rows(lookups)).take(shown).map(|(entry, row)| {
        let cells = columns.iter().map(|(position, _)| row.cells[*position].as_ref());
        let mut line: Vec<String> =
            cells.map(|cell| cell.map(|cell| plain(cell.shown())).unwrap_or_default()).collect();
        line.extend(counters.iter().map(|column| {
            let rate = rates.and_then(|rates| rates.of(&table.map, column, entry));
            rate.map(|rate| format!("{rate:.1}")).unwrap_or_default()
        }));
        line
    }));
    align(out, &sides, &lines)?;
    match table.len() - shown {
        _ if table.is_empty() => writeln!(out, "(no entries)"),
        0 => Ok(()),
        1 => writeln!(out, "… 1 more row"),
        more => writeln!(out, "… {more} more rows"),
    }
}

/// Writes lines of cells, each as wide on a terminal as the widest of its column.
fn align(out: &mut impl io::Write, sides: &[Side], lines: &[Vec<String>]) -> io::Result<()> {
    let widths: Vec<usize> = (0..sides.len())
        .map(|column| lines.iter().map(|line| line[column].width()).max().unwrap_or(0))
        .collect();
    for line in lines {
        let mut text = String::new();
        for ((cell, side), width) in line.iter().zip(sides).zip(&widths) {
            let padding = " ".repeat(width - cell.width());
            match side {
                Side::Left => text.extend([cell, padding.as_str()]),
                Side::Right => text.extend([padding.as_str(), cell]),
            }
            text.push_str("  ");
        }
        writeln!(out, "{}", text.trim_end_matches(' '))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::desired::{Decoder, View};
    use crate::read::sample::{
        chars, column, field, of_key, rps_key, sort, structure, unsigned, view,
    };
    use crate::read::sinks::table::{Style, write, write_loss};
    use crate::read::{Columns, Lookups, Loss, Table, Zeros, table};

    fn text(tables: &[Table]) -> String {
        let mut out = Vec::new();
        write(&mut out, tables, Style::PLAIN, &mut Lookups::default())
            .expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    fn rps_view() -> View {
        let mut view = view("rps_record");
        let devices = Decoder::Static(vec![(1, "lo".into()), (2, "wlp3s0".into())]);
        view.columns = vec![
            column("ifindex", Some("device"), Some(devices)),
            column("value", Some("packets"), None),
        ];
        view
    }

    fn rps(view: &View, entries: &[([i32; 4], u64)]) -> Table {
        let columns = Columns::new(Some(&rps_key()), &unsigned(8), Some(view)).expect("it fits");
        let entries = entries.iter().map(|(key, count)| (of_key(*key), [count.to_le_bytes()]));
        table(&view.map, columns, Zeros::Kept, entries, &mut Lookups::default())
    }

    const ENTRIES: [([i32; 4], u64); 4] =
        [([2, 0, 0, 1], 3), ([1, 0, 1, 0], 9_887), ([1, 0, 0, -1], 20), ([1, 0, 0, 1], 10_113)];

    #[test]
    fn amounts_keep_to_the_right_and_names_to_the_left() {
        assert_eq!(
            text(&[rps(&rps_view(), &ENTRIES)]),
            "\
DEVICE  CURR_NODE_ID  CURR_CPU  TARG_CPU  PACKETS
lo                 0         0        -1       20
lo                 0         0         1    10113
lo                 0         1         0     9887
wlp3s0             0         0         1        3
"
        );
    }

    #[test]
    fn counters_have_their_rates() {
        let mut view = rps_view();
        view.columns[1].kind = Some(crate::desired::Metric::Counter);
        let mut rates = crate::read::Rates::default();
        rates.note(&rps(&view, &ENTRIES[2..]));
        rates.turn(std::time::Duration::from_secs(2));
        let mut out = Vec::new();
        let style = Style { rates: Some(&rates), ..Style::PLAIN };
        let now = [([1, 0, 0, -1], 31), ([1, 0, 0, 1], 10_112), ([1, 0, 1, 0], 5)];
        write(&mut out, &[rps(&view, &now)], style, &mut Lookups::default()).expect("memory");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "\
DEVICE  CURR_NODE_ID  CURR_CPU  TARG_CPU  PACKETS  PACKETS/S
lo                 0         0        -1       31        5.5
lo                 0         0         1    10112     5056.0
lo                 0         1         0        5        2.5
"
        );
    }

    #[test]
    fn drawings_come_below_the_table() {
        let mut view = rps_view();
        view.plot = Some(crate::desired::Plot::Heatmap {
            x: "targ_cpu".into(),
            y: "curr_cpu".into(),
            value: "packets".into(),
        });
        let text = text(&[rps(&view, &ENTRIES)]);
        let drawn = text.split_once("\n\n").expect("an empty line").1;
        assert_eq!(
            drawn,
            "packets by targ_cpu (→) and curr_cpu (↓)\n  -1  0  1\n0 ..    @@\n1    @@   \n1 .:-=+*#%@ 10116\n"
        );
    }

    #[test]
    fn a_cut_table_says_how_much_is_missing() {
        let mut view = rps_view();
        view.sort = sort("packets", true);
        view.top = Some(2);
        assert_eq!(
            text(&[rps(&view, &ENTRIES)]),
            "\
DEVICE  CURR_NODE_ID  CURR_CPU  TARG_CPU  PACKETS
lo                 0         0         1    10113
lo                 0         1         0     9887
… 2 more rows
"
        );
        view.top = Some(3);
        assert!(text(&[rps(&view, &ENTRIES)]).ends_with("20\n… 1 more row\n"));
        view.top = Some(4);
        assert!(text(&[rps(&view, &ENTRIES)]).ends_with("3\n"));
    }

    #[test]
    fn several_tables_have_their_names_and_an_empty_one_says_so() {
        let mut second = rps(&rps_view(), &ENTRIES[..1]);
        second.map = "other".into();
        assert_eq!(
            text(&[rps(&rps_view(), &[]), second]),
            "\
rps_record
DEVICE  CURR_NODE_ID  CURR_CPU  TARG_CPU  PACKETS
(no entries)

other
DEVICE  CURR_NODE_ID  CURR_CPU  TARG_CPU  PACKETS
wlp3s0             0         0         1        3
"
        );
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn text_is_as_wide_as_it_looks_and_controls_nothing() {
        let key = structure(16, vec![field("comm", 0, chars(16))]);
        let columns = Columns::new(Some(&key), &unsigned(8), None).expect("no view");
        let names = ["日本語", "naïve", "\x1b[2Jx\n", "plain"];
        let entries = names.map(|name| {
            let mut key = [0; 16];
            key[..name.len()].copy_from_slice(name.as_bytes());
            (key, [5_u64.to_le_bytes()])
        });
        let table = table("names", columns, Zeros::Kept, entries, &mut Lookups::default());
        assert_eq!(
            text(&[table]),
            "\
COMM          VALUE
\\u{1b}[2Jx\\n      5
naïve             5
plain             5
日本語            5
"
        );
    }

    #[test]
    fn losses_are_a_block_of_their_own() {
        let loss = |what: &str, place: &str, count, meaning: &str| Loss {
            what: what.into(),
            place: place.into(),
            count,
            meaning: meaning.into(),
        };
        let losses = [
            loss("map_full", "rps_loss", 3, "what the probe itself counted"),
            loss("recursion_misses", "dispatch", 1200, "events that the kernel skipped"),
        ];
        let mut out = Vec::new();
        write_loss(&mut out, &losses).expect("memory takes everything");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "\
warning: these numbers are short
  1200  recursion_misses  dispatch  events that the kernel skipped
     3  map_full          rps_loss  what the probe itself counted
"
        );
        let mut nothing = Vec::new();
        write_loss(&mut nothing, &[]).expect("memory takes everything");
        assert!(nothing.is_empty());
    }
}
