//! What a run of scenarios printed, as data, and how totals are shown.
//!
//! The guest writes one line a scenario (`PASS name (1.2s)`, `FAIL name: reason`, `SKIP name: reason`) and a last
//! line with the totals. `COUNT 12 what` says how many of something were looked at. Other lines in between belong
//! to the scenario whose line comes next and are only shown.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

/// How one scenario ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It ran and held.
    Passed,
    /// It ran and did not hold, or could not run although it had to.
    Failed,
    /// The kernel lacks what it needs, for this reason.
    Skipped(String),
}

/// The scenarios of one run, in the order they ran.
#[derive(Debug, Clone, Default)]
pub struct Report {
    cases: Vec<(String, Outcome)>,
    counts: BTreeMap<String, usize>,
    finished: bool,
}

impl Report {
    /// Reads what the guest wrote. Unknown lines are left aside.
    pub fn parse(text: &str) -> Self {
        let mut report = Self::default();
        for line in text.lines().map(str::trim_end) {
            let Some((word, rest)) = line.split_once(' ') else {
                continue;
            };
            match word {
                "PASS" => {
                    let name = rest.split(' ').next().unwrap_or(rest);
                    report.add(name, Outcome::Passed);
                }
                "FAIL" => report.add(before_colon(rest), Outcome::Failed),
                "SKIP" => {
                    let reason = rest.split_once(": ").map_or("", |(_, reason)| reason);
                    report.add(before_colon(rest), Outcome::Skipped(reason.to_owned()));
                }
                "COUNT" => report.count(rest),
                _ if line == report.totals().to_string() => report.finished = true,
                _ => {}
            }
        }
        report
    }

    fn count(&mut self, text: &str) {
        if let Some((Ok(number), what)) =
            text.split_once(' ').map(|(n, what)| (n.parse::<usize>(), what))
        {
            *self.counts.entry(what.to_owned()).or_default() += number;
        }
    }

    /// Whether the guest reached its last line and its totals agree with the lines above it.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Adds a scenario that this side knows about, such as a machine that did not boot.
    pub fn add(&mut self, name: &str, outcome: Outcome) {
        self.cases.push((name.to_owned(), outcome));
    }

    /// How many ended which way.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (_, outcome) in &self.cases {
            match outcome {
                Outcome::Passed => totals.passed += 1,
                Outcome::Failed => totals.failed += 1,
                Outcome::Skipped(_) => totals.skipped += 1,
            }
        }
        totals
    }
}

/// Scenarios that were skipped in every one of these runs, with the last reason given.
pub fn never_ran(reports: &[Report]) -> BTreeMap<String, String> {
    let mut skipped = BTreeMap::new();
    for (name, outcome) in reports.iter().flat_map(|report| &report.cases) {
        if let Outcome::Skipped(reason) = outcome {
            skipped.insert(name.clone(), reason.clone());
        }
    }
    for (name, outcome) in reports.iter().flat_map(|report| &report.cases) {
        if !matches!(outcome, Outcome::Skipped(_)) {
            skipped.remove(name);
        }
    }
    skipped
}

/// Counts of scenarios or tests by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Ran and held.
    pub passed: usize,
    /// Did not hold.
    pub failed: usize,
    /// Did not run.
    pub skipped: usize,
}

impl Totals {
    /// Success needs at least one pass and no failure: a run of nothing proves nothing.
    pub fn exit_code(self) -> ExitCode {
        if self.failed > 0 || self.passed == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// The totals of several runs together.
pub fn sum(reports: &[Report]) -> Totals {
    let mut totals = Totals::default();
    for report in reports {
        totals += report.totals();
    }
    totals
}

/// Prints how many things were looked at in all runs together.
pub fn show_counts(reports: &[Report]) -> anyhow::Result<()> {
    let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
    for (what, number) in reports.iter().flat_map(|report| &report.counts) {
        *sums.entry(what).or_default() += number;
    }
    for (what, sum) in sums {
        writeln!(std::io::stdout(), "{sum} {what}")?;
    }
    Ok(())
}

/// Prints what was looked at and, as the last line, the totals of all runs.
pub fn conclude(reports: &[Report]) -> anyhow::Result<ExitCode> {
    let totals = sum(reports);
    writeln!(std::io::stdout())?;
    show_counts(reports)?;
    writeln!(std::io::stdout(), "{totals}")?;
    Ok(totals.exit_code())
}

fn before_colon(text: &str) -> &str {
    text.split_once(':').map_or(text, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Report, Totals, never_ran};

    #[test]
    fn reads_every_kind_of_line() {
        let text = "PASS rps-fexit (1.2s)\nCOUNT 12 probe files that ran\nFAIL hello: 3 of 4\nnoise\nSKIP pair: no kprobes: none\n1 passed, 1 failed, 1 skipped\n";
        let report = Report::parse(text);
        assert!(report.is_finished());
        assert_eq!(report.counts.get("probe files that ran"), Some(&12));
        assert_eq!(report.totals(), Totals { passed: 1, failed: 1, skipped: 1 });
        assert_eq!(
            report.cases[2],
            ("pair".to_owned(), Outcome::Skipped("no kprobes: none".to_owned()))
        );
    }

    #[test]
    fn a_run_that_broke_off_is_not_finished() {
        assert!(!Report::parse("PASS rps (1.0s)\n").is_finished());
        assert!(!Report::parse("PASS rps (1.0s)\n2 passed, 0 failed\n").is_finished());
    }

    #[test]
    fn skipped_everywhere_is_found() {
        let here = Report::parse("SKIP pair: no kprobes\nSKIP hello: no kprobes\n");
        let there = Report::parse("PASS pair (1.0s)\nSKIP hello: no kprobes\n");
        let names: Vec<_> = never_ran(&[here, there]).into_keys().collect();
        assert_eq!(names, ["hello"]);
    }
}
