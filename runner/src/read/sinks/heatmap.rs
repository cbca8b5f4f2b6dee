//! Heatmaps: amounts by two numbers, as colours or, where there are none, as characters.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::read::sinks::Colours;

/// From little to much: black-blue to yellow-white of the 256 colours.
const RAMP: [u8; 12] = [17, 18, 19, 55, 90, 125, 161, 197, 203, 209, 215, 222];
/// The same in characters.
const CHARACTERS: [char; 9] = ['.', ':', '-', '=', '+', '*', '#', '%', '@'];
/// How many columns and rows are drawn at most.
const MOST: usize = 128;

/// One heatmap.
#[derive(Clone, Debug, Default)]
pub(super) struct Heatmap {
    /// What goes from left to right, from top to bottom, and what is counted.
    pub names: [String; 3],
    /// Amounts by x and y.
    pub cells: BTreeMap<(i128, i128), u128>,
}

impl Heatmap {
    /// Writes it: a line for each y, two characters for each x.
    pub fn write(&self, out: &mut impl io::Write, colours: Colours) -> io::Result<()> {
        let [x_name, y_name, value_name] = &self.names;
        writeln!(out, "{value_name} by {x_name} (→) and {y_name} (↓)")?;
        let xs: BTreeSet<i128> = self.cells.keys().map(|(x, _)| *x).collect();
        let ys: BTreeSet<i128> = self.cells.keys().map(|(_, y)| *y).collect();
        let most = self.cells.values().copied().max().unwrap_or(0);
        if most == 0 {
            return writeln!(out, "(nothing counted)");
        }
        let label = ys.iter().map(|y| y.to_string().len()).max().unwrap_or(0);
        let width = xs.iter().map(|x| x.to_string().len()).max().unwrap_or(0).max(2);
        let mut heading = " ".repeat(label);
        for x in xs.iter().take(MOST) {
            heading.push_str(&format!(" {x:>width$}"));
        }
        writeln!(out, "{heading}")?;
        for y in ys.iter().take(MOST) {
            write!(out, "{y:>label$}")?;
            for x in xs.iter().take(MOST) {
                let amount = self.cells.get(&(*x, *y)).copied().unwrap_or(0);
                match colours {
                    _ if amount == 0 => write!(out, " {}", " ".repeat(width))?,
                    Colours::No => {
                        let character = CHARACTERS[step(amount, most, CHARACTERS.len())];
                        write!(out, " {}", character.to_string().repeat(width))?;
                    }
                    Colours::Ansi256 => {
                        let colour = RAMP[step(amount, most, RAMP.len())];
                        write!(out, " \u{1b}[48;5;{colour}m{}\u{1b}[0m", " ".repeat(width))?;
                    }
                }
            }
            writeln!(out)?;
        }
        let hidden = xs.len().saturating_sub(MOST) + ys.len().saturating_sub(MOST);
        if hidden > 0 {
            writeln!(out, "… {hidden} more rows and columns")?;
        }
        match colours {
            Colours::No => {
                let ramp: String = CHARACTERS.iter().collect();
                writeln!(out, "1 {ramp} {most}")
            }
            Colours::Ansi256 => {
                write!(out, "1 ")?;
                for colour in RAMP {
                    write!(out, "\u{1b}[48;5;{colour}m \u{1b}[0m")?;
                }
                writeln!(out, " {most}")
            }
        }
    }
}

/// Which of so many steps an amount is, by its share of the largest; never the last but for the largest tenth.
fn step(amount: u128, most: u128, steps: usize) -> usize {
    let share = amount as f64 / most as f64;
    ((share * steps as f64).ceil() as usize).clamp(1, steps) - 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::read::sinks::Colours;
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
}
