//! Histograms as text: a line for each bucket, with its bounds, its count and a bar.

use std::io;

use unicode_width::UnicodeWidthStr;

use crate::desired::{Decoder, Scale};
use crate::read::buckets;

/// How many characters the longest bar has at most.
const BAR: usize = 40;

/// One histogram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// What stands above it; nothing in it acts on a terminal.
    pub title: String,
    /// Buckets by number, ascending.
    pub buckets: Vec<(u64, u128)>,
    /// What their numbers mean.
    pub scale: Scale,
    /// What the bounds are written as.
    pub unit: Option<Decoder>,
}

impl Histogram {
    /// Writes it; buckets without anything before the first and after the last one that has something are left out.
    pub(super) fn write(&self, out: &mut impl io::Write) -> io::Result<()> {
        self.lines(usize::MAX).iter().try_for_each(|line| writeln!(out, "{line}"))
    }

    /// Draws it, in lines of so many characters if its bounds and counts leave room for that.
    pub fn lines(&self, width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.title.is_empty() {
            lines.push(self.title.clone());
        }
        let buckets = self.bounded();
        if buckets.is_empty() {
            lines.push("(nothing counted)".to_owned());
        }
        let most = buckets.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
        let bounds = buckets.iter().map(|(bounds, _)| bounds.width()).max().unwrap_or(0);
        let counts = buckets.iter().map(|(_, count)| count.to_string().len()).max().unwrap_or(0);
        let longest = width.saturating_sub(bounds + counts + 4).clamp(1, BAR);
        lines.extend(buckets.iter().map(|(text, count)| {
            // Every count has a bar, however small.
            let length = (count.saturating_mul(longest as u128) + most / 2) / most;
            let bar = "█".repeat((length as usize).max(usize::from(*count > 0)));
            let padding = " ".repeat(bounds - text.width());
            format!("{text}{padding}  {count:>counts$}  {bar}")
        }));
        lines
    }

    /// The bounds and the count of each bucket from the first to the last one that has something.
    pub(super) fn bounded(&self) -> Vec<(String, u128)> {
        let filled = |(_, count): &&(u64, u128)| *count > 0;
        let first = self.buckets.iter().find(filled);
        let last = self.buckets.iter().rfind(filled);
        let (Some((first, _)), Some((last, _))) = (first, last) else { return Vec::new() };
        let mut bounded = Vec::new();
        let mut previous: Option<u64> = None;
        for &(number, count) in self.buckets.iter().filter(|(n, _)| (*first..=*last).contains(n)) {
            if let Some(previous) = previous
                && number > previous + 1
            {
                // Entries that aren't there hold nothing.
                bounded.push((self.bounds(previous + 1, number), 0));
            }
            bounded.push((self.bounds(number, number.saturating_add(1)), count));
            previous = Some(number);
        }
        bounded
    }

    fn bounds(&self, first: u64, end: u64) -> String {
        buckets::bounds(first, end, self.scale, self.unit.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use crate::desired::{Decoder, Scale};
    use crate::read::sinks::histogram::Histogram;

    fn text(buckets: &[(u64, u128)], scale: Scale, unit: Option<&Decoder>) -> String {
        let mut out = Vec::new();
        let title = "took".to_owned();
        let histogram = Histogram { title, buckets: buckets.to_vec(), scale, unit: unit.cloned() };
        histogram.write(&mut out).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn powers_of_two_with_units() {
        let buckets = [(0, 0), (9, 1), (10, 40), (11, 80), (13, 3), (14, 0)];
        assert_eq!(
            text(&buckets, Scale::Log2, Some(&Decoder::Duration)),
            "\
took
[512ns, 1.024µs)      1  █
[1.024µs, 2.048µs)   40  ████████████████████
[2.048µs, 4.096µs)   80  ████████████████████████████████████████
[4.096µs, 8.192µs)    0  
[8.192µs, 16.384µs)   3  ██
"
        );
        assert_eq!(
            text(&[(0, 5), (1, 5)], Scale::Log2, None),
            format!("took\n[0, 2)  5  {0}\n[2, 4)  5  {0}\n", "█".repeat(40))
        );
    }

    #[test]
    fn equal_widths_and_nothing() {
        assert_eq!(
            text(&[(0, 1), (1, 2)], Scale::Linear(100), None),
            format!("took\n[0, 100)    1  {}\n[100, 200)  2  {}\n", "█".repeat(20), "█".repeat(40))
        );
        assert_eq!(text(&[(0, 0)], Scale::Log2, None), "took\n(nothing counted)\n");
        // Numbers that no machine has don't panic.
        assert!(text(&[(u64::MAX - 1, 1)], Scale::Log2, None).starts_with("took\n["));
    }
}
