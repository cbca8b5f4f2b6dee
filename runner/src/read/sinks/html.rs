//! A page of HTML by itself: tables, and what is drawn of them as SVG. It asks for nothing from elsewhere,
//! runs nothing, and says so to the browser.

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::read::decoders::Lookups;
use crate::read::loss::Loss;
use crate::read::sinks::heatmap::{self, Heatmap};
use crate::read::sinks::histogram::Histogram;
use crate::read::sinks::listing::{self, Listing};
use crate::read::sinks::plots::{self, Drawing};
use crate::read::sinks::terminal::plain;
use crate::read::table::Table;
use crate::text::template::{TemplateError, page};
use crate::text::terminal::{escape, lines};

const TEMPLATE: &str = include_str!("html/report.html");
/// Steps of a heatmap's colour.
const STEPS: usize = 9;
/// Height of a line, and of a cell, in pixels.
const LINE: usize = 22;
/// Width of the longest bar.
const BAR: usize = 420;
/// About how wide a character is.
const CHARACTER: usize = 7;

/// What stands above and below the tables.
#[derive(Clone, Debug, Default, Serialize)]
pub struct About {
    /// The probe.
    pub probe: String,
    /// What it is for.
    pub description: Option<String>,
    /// The machine.
    pub host: String,
    /// When the data was read.
    pub taken: String,
    /// Names and texts of further facts.
    pub facts: Vec<(String, String)>,
    /// How the probe is, in lines.
    pub state: String,
    /// The program that wrote it.
    pub version: String,
}

/// What the page shows.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// What it is about.
    pub about: &'a About,
    /// A table for each map.
    pub tables: &'a [Table],
    /// What is missing from them.
    pub losses: &'a [Loss],
    /// What iterators wrote.
    pub listings: &'a [Listing],
    /// How many rows of a table are shown at most, if its view doesn't say.
    pub rows: usize,
}

#[derive(Serialize)]
struct Page<'a> {
    about: About,
    losses: Vec<&'a Loss>,
    tables: Vec<Sheet>,
    listings: Vec<Listing>,
}

#[derive(Serialize)]
struct Sheet {
    map: String,
    columns: Vec<Heading>,
    rows: Vec<Vec<String>>,
    note: Option<String>,
    plots: Vec<Plot>,
}

#[derive(Serialize)]
struct Heading {
    name: String,
    right: bool,
}

#[derive(Default, Serialize)]
struct Plot {
    title: String,
    width: usize,
    height: usize,
    shapes: Vec<Shape>,
    labels: Vec<Label>,
    note: Option<String>,
}

#[derive(Serialize)]
struct Shape {
    class: String,
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    title: String,
}

#[derive(Serialize)]
struct Label {
    class: &'static str,
    x: usize,
    y: usize,
    text: String,
}

/// Writes the page.
///
/// # Errors
/// Never, as long as the template fits what is put into it.
pub fn write(content: Content<'_>, lookups: &mut Lookups) -> Result<String, TemplateError> {
    let losses = Loss::largest_first(content.losses);
    let tables = content.tables.iter().map(|table| sheet(table, content.rows, lookups)).collect();
    let listings = content.listings.iter().map(|listing| Listing {
        program: escape(&listing.program).into_owned(),
        text: listing::lines(&listing.text).join("\n"),
    });
    let about = About { state: lines(&content.about.state), ..content.about.clone() };
    page::html(TEMPLATE, Page { about, losses, tables, listings: listings.collect() })
}

fn sheet(table: &Table, most: usize, lookups: &mut Lookups) -> Sheet {
    let columns: Vec<_> = table.columns.listed().collect();
    let shown = table.columns.top.unwrap_or(most).min(table.len());
    let rows = table.rows(lookups).take(shown).map(|row| {
        let cells = columns.iter().map(|(position, _)| row.cells[*position].as_ref());
        cells.map(|cell| cell.map(|cell| plain(cell.shown())).unwrap_or_default()).collect()
    });
    let rows = rows.collect();
    let note = match table.len() - shown {
        _ if table.is_empty() => Some("no entries".to_owned()),
        0 => None,
        1 => Some("and 1 more row".to_owned()),
        more => Some(format!("and {more} more rows")),
    };
    let drawings = plots::of(table, lookups).into_iter().map(|drawing| match drawing {
        Drawing::Histogram(histogram) => bars(&histogram),
        Drawing::Heatmap(heatmap) => field(&heatmap),
    });
    let heading = |name: &str, right| Heading { name: escape(name).into_owned(), right };
    Sheet {
        map: escape(&table.map).into_owned(),
        columns: columns.iter().map(|(_, one)| heading(&one.name, one.is_quantity())).collect(),
        rows,
        note,
        plots: drawings.collect(),
    }
}

/// How wide a text is, in pixels.
fn width(text: &str) -> usize {
    text.width() * CHARACTER
}

/// A line for each bucket: bounds, bar, count.
fn bars(histogram: &Histogram) -> Plot {
    let lines = histogram.bounded();
    let most = lines.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let bounds = lines.iter().map(|(bounds, _)| width(bounds)).max().unwrap_or(0);
    let counts = lines.iter().map(|(_, count)| width(&count.to_string())).max().unwrap_or(0);
    let begin = bounds + 10;
    let mut plot = Plot {
        title: histogram.title.clone(),
        width: begin + BAR + 10 + counts,
        height: lines.len() * LINE,
        ..Plot::default()
    };
    for (index, (bounds, count)) in lines.into_iter().enumerate() {
        let share = (count as f64 / most as f64 * BAR as f64).round() as usize;
        // Every count has a bar, however small.
        let width = share.max(usize::from(count > 0));
        let y = index * LINE;
        let label = |class, x, text| Label { class, x, y: y + 15, text };
        plot.labels.push(label("side", begin - 10, bounds.clone()));
        plot.labels.push(label("", begin + width + 6, count.to_string()));
        plot.shapes.push(Shape {
            class: "bar".to_owned(),
            x: begin,
            y: y + 2,
            width,
            height: LINE - 4,
            title: format!("{bounds}: {count}"),
        });
    }
    plot
}

/// A cell for each pair of numbers that something was counted for.
fn field(heatmap: &Heatmap) -> Plot {
    let [x_name, y_name, value_name] = &heatmap.names;
    let (xs, ys) = heatmap.axes();
    let most = heatmap.cells.values().copied().max().unwrap_or(0);
    let title = format!("{value_name} by {x_name} (→) and {y_name} (↓)");
    if most == 0 {
        return Plot { title, ..Plot::default() };
    }
    let side = ys.iter().map(|y| width(&y.to_string())).max().unwrap_or(0) + 10;
    let cell = xs.iter().map(|x| width(&x.to_string())).max().unwrap_or(0).max(LINE - 6) + 6;
    let (across, down) = (xs.len().min(heatmap::MOST), ys.len().min(heatmap::MOST));
    let hidden = xs.len() - across + ys.len() - down;
    let mut plot = Plot {
        title,
        width: side + across * cell,
        height: (down + 1) * LINE,
        note: Some(match hidden {
            0 => format!("strongest colour: {most}"),
            _ => format!("strongest colour: {most}; {hidden} more rows and columns"),
        }),
        ..Plot::default()
    };
    for (column, x) in xs.iter().take(across).enumerate() {
        let middle = side + column * cell + cell / 2;
        plot.labels.push(Label { class: "middle", x: middle, y: 15, text: x.to_string() });
    }
    for (row, y) in ys.iter().take(down).enumerate() {
        let top = (row + 1) * LINE;
        plot.labels.push(Label { class: "side", x: side - 10, y: top + 15, text: y.to_string() });
        for (column, x) in xs.iter().take(across).enumerate() {
            let amount = heatmap.cells.get(&(*x, *y)).copied().unwrap_or(0);
            if amount == 0 {
                continue;
            }
            plot.shapes.push(Shape {
                class: format!("h{}", heatmap::step(amount, most, STEPS)),
                x: side + column * cell,
                y: top,
                width: cell - 1,
                height: LINE - 1,
                title: format!("{x_name} {x}, {y_name} {y}: {amount}"),
            });
        }
    }
    plot
}

#[cfg(test)]
mod tests {
    use crate::desired::{Column as Wish, Decoder, Metric, Plot, Scale};
    use crate::read::sample::{
        array, chars, column, field, of_key, rps_key, structure, unsigned, view,
    };
    use crate::read::sinks::html::{About, Content, write};
    use crate::read::sinks::listing::Listing;
    use crate::read::{Columns, Lookups, Loss, Table, Zeros, table};

    const HOSTILE: &str = "</title><script>'\"&";

    fn page(tables: &[Table], losses: &[Loss], rows: usize) -> String {
        let about = About {
            probe: "rps".into(),
            description: Some("Counts <packets>".into()),
            host: "host".into(),
            taken: "2026-01-02T03:04:05Z".into(),
            facts: vec![("kernel".into(), "Linux 6.12".into())],
            state: "probe/rps attached\n  file /etc/<rps>.yaml".into(),
            version: "1.2.3".into(),
        };
        let listings = [Listing { program: "tasks".into(), text: "1\t<init>\n".into() }];
        let content = Content { about: &about, tables, losses, listings: &listings, rows };
        write(content, &mut Lookups::default()).expect("the template fits")
    }

    fn packets(plot: Option<Plot>) -> Table {
        let mut view = view("rps_record");
        let devices = Decoder::Static(vec![(1, "lo".into()), (2, HOSTILE.into())]);
        view.columns = vec![
            column("ifindex", Some("device"), Some(devices)),
            Wish { hide: true, ..column("curr_node_id", None, None) },
            column("value", Some("packets"), None),
        ];
        view.plot = plot;
        let columns = Columns::new(Some(&rps_key()), &unsigned(8), Some(&view)).expect("it fits");
        let entries = [([1, 0, 0, -1], 20), ([1, 0, 0, 1], 900), ([2, 0, 1, 0], 300)];
        let entries = entries.map(|(key, count): (_, u64)| (of_key(key), [count.to_le_bytes()]));
        table("rps_record", columns, Zeros::Kept, entries, &mut Lookups::default())
    }

    fn heatmap() -> Option<Plot> {
        let [x, y, value] = ["targ_cpu", "curr_cpu", "packets"].map(str::to_owned);
        Some(Plot::Heatmap { x, y, value })
    }

    /// The page as it is. `BLESS=1` writes it anew.
    #[test]
    fn a_page_has_everything() {
        let value = structure(
            24,
            vec![field("took", 0, array(unsigned(4), 4)), field("name", 16, chars(8))],
        );
        let mut view = view("times");
        view.columns = vec![Wish {
            kind: Some(Metric::Histogram(Scale::Log2)),
            decoder: Some(Decoder::Duration),
            ..column("took", None, None)
        }];
        let columns = Columns::new(Some(&unsigned(4)), &value, Some(&view)).expect("it fits");
        let counts = [0_u32, 3, 0, 12].map(u32::to_le_bytes).concat();
        let entries = [(7_u32.to_le_bytes(), [[&counts[..], &b"<b>&\x1b[2J"[..]].concat()])];
        let times = table("times", columns, Zeros::Kept, entries, &mut Lookups::default());
        let loss = Loss {
            what: "missed".into(),
            place: "rps_entry".into(),
            count: 3,
            meaning: "calls".into(),
        };
        let page = page(&[packets(heatmap()), times], &[loss], 2);
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/src/read/sinks/html/golden.html");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(golden, &page).expect("the expectation can be written");
        }
        let expected = std::fs::read_to_string(golden).expect("the expectation is there");
        assert!(page == expected, "the page is another (BLESS=1 writes it anew):\n{page}");
    }

    #[test]
    fn a_page_runs_nothing_and_asks_for_nothing() {
        let page = page(&[packets(heatmap())], &[], 1000);
        for word in
            ["<script", "javascript:", "src=", "href=", "@import", "url(", "http:", "https:", " on"]
        {
            let found =
                page.match_indices(word).map(|(at, _)| &page[at..][..40.min(page.len() - at)]);
            let found: Vec<&str> = found.filter(|text| !text.starts_with(" on host")).collect();
            assert!(found.is_empty(), "{word}: {found:?}");
        }
        assert!(page.contains("default-src 'none'"), "{page}");
        assert!(page.contains("&lt;&#x2f;title&gt;&lt;script&gt;&#x27;&quot;&amp;"), "{page}");
    }

    #[test]
    fn cells_and_bars_are_as_large_as_what_they_stand_for() {
        let page = page(&[packets(heatmap())], &[], 1000);
        let cells: Vec<&str> = page.lines().filter(|line| line.starts_with("<rect")).collect();
        assert_eq!(cells.len(), 3, "{page}");
        assert!(cells[0].contains("class=\"h0\"") && cells[0].contains(": 20<"), "{}", cells[0]);
        assert!(cells[1].contains("class=\"h8\"") && cells[1].contains(": 900<"), "{}", cells[1]);
        assert!(cells[2].contains("class=\"h2\"") && cells[2].contains(": 300<"), "{}", cells[2]);
    }

    #[test]
    fn a_long_table_is_cut_and_says_so() {
        let cut = page(&[packets(None)], &[], 1);
        assert!(cut.contains("and 2 more rows"), "{cut}");
        assert!(!cut.contains("<rect"), "{cut}");
        let none = page(&[packets(None)], &[], 3);
        assert!(!none.contains("more row"), "{none}");
    }
}
