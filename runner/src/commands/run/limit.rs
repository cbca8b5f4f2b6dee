//! Which records are shown where there are more than anybody wants to see.

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

/// Lets one of so many records through, the first of each, and counts the others.
#[derive(Debug)]
pub struct Sample {
    one_of: u32,
    since: u32,
    left_out: u64,
}

impl Sample {
    /// `None` lets all of them through.
    pub fn new(one_of: Option<u32>) -> Sample {
        Sample { one_of: one_of.unwrap_or(1), since: 0, left_out: 0 }
    }

    /// Whether the next record is shown.
    pub fn takes(&mut self) -> bool {
        let takes = self.since == 0;
        self.since += 1;
        if self.since >= self.one_of {
            self.since = 0;
        }
        self.left_out += u64::from(!takes);
        takes
    }

    /// How many were not shown.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Limit, Sample};

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

    #[test]
    fn one_of_so_many_is_the_first_of_them() {
        let mut sample = Sample::new(Some(3));
        let taken: Vec<bool> = (0..7).map(|_| sample.takes()).collect();
        assert_eq!(taken, [true, false, false, true, false, false, true]);
        assert_eq!(sample.left_out(), 4);
        for none in [None, Some(1)] {
            let mut all = Sample::new(none);
            assert!((0..1000).all(|_| all.takes()));
            assert_eq!(all.left_out(), 0);
        }
    }
}
