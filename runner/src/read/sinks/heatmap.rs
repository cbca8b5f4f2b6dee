//! Heatmaps: amounts by two numbers, as colours or, where there are none, as characters.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::read::sinks::Colours;
use crate::read::sinks::drawing::{self, Line, Piece, Room};

/// From little to much: black-blue to yellow-white of the 256 colours.
const RAMP: [u8; 12] = [17, 18, 19, 55, 90, 125, 161, 197, 203, 209, 215, 222];
/// The same in characters.
const CHARACTERS: [char; 9] = ['.', ':', '-', '=', '+', '*', '#', '%', '@'];
/// How many columns and rows are drawn at most.
pub(super) const MOST: usize = 128;
/// Lines of a drawing that show no row: the title, the heading, what is hidden, and what the colours mean.
const FRAME: usize = 4;

/// One heatmap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heatmap {
    /// What goes from left to right, from top to bottom, and what is counted. Nothing in them acts on a terminal.
    pub names: [String; 3],
    /// Amounts by x and y.
    pub cells: BTreeMap<(i128, i128), u128>,
}

impl Heatmap {
    /// Writes it: a line for each y, two characters or more for each x.
    pub(super) fn write(&self, out: &mut impl io::Write, colours: Colours) -> io::Result<()> {
        drawing::write(out, &self.lines(colours, Room::ENOUGH))
    }

    /// Draws as much of it as there is room for.
    pub fn lines(&self, colours: Colours, room: Room) -> Vec<Line> {
        let [x_name, y_name, value_name] = &self.names;
        let title = format!("{value_name} by {x_name} (→) and {y_name} (↓)");
        let mut lines = vec![vec![Piece::plain(title)]];
        let most = self.cells.values().copied().max().unwrap_or(0);
        if most == 0 {
            lines.push(vec![Piece::plain("(nothing counted)")]);
            return lines;
        }
        let (all_xs, all_ys) = self.axes();
        let label = all_ys.iter().map(|y| y.to_string().len()).max().unwrap_or(0);
        let width = all_xs.iter().map(|x| x.to_string().len()).max().unwrap_or(0).max(2);
        let columns = (room.width.saturating_sub(label) / (width + 1)).clamp(1, MOST);
        let all = all_xs.len() <= columns && all_ys.len() + FRAME - 1 <= room.height;
        let rows = if all { all_ys.len() } else { room.height.saturating_sub(FRAME) };
        let rows = rows.clamp(1, MOST);
        let xs = part(&all_xs, room.skipped.1, columns);
        let ys = part(&all_ys, room.skipped.0, rows);
        let heading: String = xs.iter().map(|x| format!(" {x:>width$}")).collect();
        lines.push(vec![Piece::plain(format!("{:label$}{heading}", ""))]);
        for y in &ys {
            let mut line = vec![Piece::plain(format!("{y:>label$}"))];
            for x in &xs {
                let amount = self.cells.get(&(*x, *y)).copied().unwrap_or(0);
                line.push(Piece::plain(" "));
                line.push(cell(amount, most, width, colours));
            }
            lines.push(line);
        }
        let hidden = all_xs.len() - xs.len() + all_ys.len() - ys.len();
        if hidden > 0 {
            lines.push(vec![Piece::plain(format!("… {hidden} more rows and columns"))]);
        }
        lines.push(legend(most, colours));
        lines
    }

    /// How many rows and columns there are.
    pub fn size(&self) -> (usize, usize) {
        let (xs, ys) = self.axes();
        (ys.len(), xs.len())
    }

    /// The numbers of the columns and of the rows, ascending.
    pub(super) fn axes(&self) -> (BTreeSet<i128>, BTreeSet<i128>) {
        let xs = self.cells.keys().map(|(x, _)| *x).collect();
        let ys = self.cells.keys().map(|(_, y)| *y).collect();
        (xs, ys)
    }
}

/// So many of them from a place on; the last ones if there are fewer behind it.
fn part(all: &BTreeSet<i128>, skipped: usize, count: usize) -> Vec<i128> {
    let skipped = skipped.min(all.len().saturating_sub(count));
    all.iter().copied().skip(skipped).take(count).collect()
}

fn cell(amount: u128, most: u128, width: usize, colours: Colours) -> Piece {
    match colours {
        _ if amount == 0 => Piece::plain(" ".repeat(width)),
        Colours::No => {
            let character = CHARACTERS[step(amount, most, CHARACTERS.len())];
            Piece::plain(character.to_string().repeat(width))
        }
        Colours::Ansi256 => Piece::coloured(width, RAMP[step(amount, most, RAMP.len())]),
    }
}

/// What is little and what is much.
fn legend(most: u128, colours: Colours) -> Line {
    let mut line = vec![Piece::plain("1 ")];
    match colours {
        Colours::No => line.push(Piece::plain(CHARACTERS.iter().collect::<String>())),
        Colours::Ansi256 => line.extend(RAMP.map(|colour| Piece::coloured(1, colour))),
    }
    line.push(Piece::plain(format!(" {most}")));
    line
}

/// Which of so many steps an amount is, by its share of the largest; never the last but for the largest tenth.
pub(super) fn step(amount: u128, most: u128, steps: usize) -> usize {
    let share = amount as f64 / most as f64;
    ((share * steps as f64).ceil() as usize).clamp(1, steps) - 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::read::sinks::Colours;
    use crate::read::sinks::drawing::Room;
    use crate::read::sinks::heatmap::Heatmap;

    fn text(cells: &[((i128, i128), u128)], colours: Colours) -> String {
        let names = ["targ_cpu", "curr_cpu", "packets"].map(str::to_owned);
        let mut out = Vec::new();
        Heatmap { names, cells: BTreeMap::from_iter(cells.iter().copied()) }
            .write(&mut out, colours)
            .expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn characters_where_there_are_no_colours() {
        let cells = [((0, 0), 900), ((1, 0), 1), ((0, 1), 450), ((12, 1), 899)];
        let lines = [
            "packets by targ_cpu (→) and curr_cpu (↓)",
            "   0  1 12",
            "0 @@ ..   ",
            "1 ++    @@",
            "1 .:-=+*#%@ 900",
            "",
        ];
        assert_eq!(text(&cells, Colours::No), lines.join("\n"));
        assert!(text(&[], Colours::No).ends_with("(nothing counted)\n"));
    }

    #[test]
    fn colours_go_from_dark_to_light() {
        let drawn = text(&[((0, 0), 1), ((1, 0), 12)], Colours::Ansi256);
        assert!(
            drawn.contains("0 \u{1b}[48;5;17m  \u{1b}[0m \u{1b}[48;5;222m  \u{1b}[0m\n"),
            "{drawn:?}"
        );
    }

    #[test]
    fn what_has_no_room_is_said_and_can_be_reached() {
        let cells = (0..40).flat_map(|x| (0..30).map(move |y| ((x, y), 1)));
        let names = ["x", "y", "n"].map(str::to_owned);
        let heatmap = Heatmap { names, cells: cells.collect() };
        assert_eq!(heatmap.size(), (30, 40));
        let drawn = |skipped| {
            let room = Room { width: 32, height: 9, skipped };
            let lines = heatmap.lines(Colours::No, room).into_iter();
            let text = lines.map(|line| line.into_iter().map(|piece| piece.text).collect());
            text.collect::<Vec<String>>()
        };
        let first = drawn((0, 0));
        assert_eq!(first.len(), 9);
        assert_eq!(first[1], "    0  1  2  3  4  5  6  7  8  9");
        assert!(first[2].starts_with(" 0 @@"), "{first:?}");
        assert_eq!(first[7], "… 55 more rows and columns");
        assert!(first.iter().skip(1).all(|line| line.chars().count() <= 32), "{first:?}");
        let last = drawn((usize::MAX, 35));
        assert_eq!(last[1], "   30 31 32 33 34 35 36 37 38 39");
        assert!(last[6].starts_with("29 @@"), "{last:?}");
    }
}
