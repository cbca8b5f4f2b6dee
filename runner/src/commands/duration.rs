//! Durations on the command line.

use std::time::Duration;

/// What is longer is a slip, and clocks can't be asked for the time after it.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A duration such as `10s` or `1m 30s`.
///
/// # Errors
/// It is none, or too long.
pub fn parse(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration > LONGEST {
        return Err("a hundred years is the longest".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::time::{Duration, Instant};

    #[test]
    fn durations_end_before_clocks_do() {
        assert_eq!(parse("1m 30s"), Ok(Duration::from_secs(90)));
        let longest = parse("36500days").expect("it is the longest");
        assert!(Instant::now().checked_add(longest).is_some());
        for wrong in ["", "soon", "36501days", "500000000000years"] {
            parse(wrong).expect_err(wrong);
        }
    }
}
