//! Numbers as a line of little bars.

/// From nothing to the most.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The numbers as so many characters, the last one at the right; the tallest bar is the largest of them.
pub fn spark(numbers: impl Iterator<Item = f64>, width: usize) -> String {
    let numbers: Vec<f64> = numbers.map(|number| number.max(0.0)).collect();
    let most = numbers.iter().copied().fold(0.0, f64::max);
    let bars = numbers.iter().map(|number| {
        if *number <= 0.0 {
            return BARS[0];
        }
        // What is there is seen, however little it is.
        let step = (number / most * 8.0).round() as usize;
        BARS[step.clamp(1, 8)]
    });
    let bars: String = bars.collect();
    format!("{bars:>width$}")
}

#[cfg(test)]
mod tests {
    use super::spark;

    #[test]
    fn the_largest_is_the_tallest_and_nothing_is_nothing() {
        assert_eq!(spark([0.0, 0.001, 4.0, 8.0].into_iter(), 6), "   ▁▄█");
        assert_eq!(spark([0.0; 3].into_iter(), 3), "   ");
        assert_eq!(spark(std::iter::empty(), 2), "  ");
    }
}
