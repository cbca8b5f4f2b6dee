//! How many records are shown a second.

use std::time::{Duration, Instant};

/// Lets so many records through in each second, and counts the others.
#[derive(Debug)]
pub struct Limit {
    most: Option<u32>,
    began: Instant,
    shown: u32,
    left_out: u64,
}

impl Limit {
    /// `None` lets all of them through.
    pub fn new(most: Option<u32>, now: Instant) -> Limit {
        Limit { most, began: now, shown: 0, left_out: 0 }
    }

    /// Whether a record that comes now is shown.
    pub fn takes(&mut self, now: Instant) -> bool {
        let Some(most) = self.most else { return true };
        if now.saturating_duration_since(self.began) >= Duration::from_secs(1) {
            (self.began, self.shown) = (now, 0);
        }
        if self.shown < most {
            self.shown += 1;
            return true;
        }
        self.left_out += 1;
        false
    }

    /// How many were not shown.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Limit;

    #[test]
    fn each_second_has_its_records() {
        let start = Instant::now();
        let mut limit = Limit::new(Some(2), start);
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let taken = [0, 1, 2, 999, 1000, 1500, 1999, 5000].map(|time| limit.takes(at(time)));
        assert_eq!(taken, [true, true, false, false, true, true, false, true]);
        assert_eq!(limit.left_out(), 3);
        let mut all = Limit::new(None, start);
        assert!((0..1000).all(|_| all.takes(start)));
        assert_eq!(all.left_out(), 0);
    }
}
