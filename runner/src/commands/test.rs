//! `probe-runner test`: runs the tests that probe files carry, without attaching anything.

use crate::commands::apply::objects;
use crate::commands::{Format, Outcome, report};
use crate::formats::test_report::{TestFailure, TestReport, TestResult, Word};
use crate::kernel::{Error, WholeLog};
use crate::model::Test;
use crate::probe_files::{Inputs, ProbeFiles};
use crate::probe_tests::{self, DiffLine, Failure, Sign, Verdict};
use crate::rules::Checked;
use crate::text::source::{Source, Span};
use anyhow::bail;
use std::collections::BTreeSet;
use std::io::Write;

/// Rows of a difference that a person is shown.
const SHOWN: usize = 20;

/// A test that was run.
struct Run<'a> {
    source: &'a Source,
    checked: &'a Checked,
    test: &'a Test,
    result: Result<Verdict, Error>,
}

/// Runs the files' tests, or those whose name has `filter` in it.
///
/// # Errors
/// A file can't be read, no test has such a name, or the output can't be written.
pub fn run(
    inputs: &Inputs,
    filter: Option<&str>,
    format: Format,
    log: WholeLog,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let files = ProbeFiles::load(inputs)?;
    report::findings(&files)?;
    let Some(probes) = files.all_checked() else { return Ok(Outcome::FileWrong) };
    let is_chosen = |test: &&Test| filter.is_none_or(|part| test.name.value.contains(part));
    let chosen = probes.iter().flat_map(|checked| &checked.model().tests).filter(is_chosen).count();
    if let Some(part) = filter
        && chosen == 0
    {
        bail!("no test has `{part}` in its name; without --filter all of them are run");
    }
    let mut runs: Vec<Run<'_>> = Vec::new();
    for checked in probes {
        let model = checked.model();
        if model.tests.is_empty() && filter.is_none() {
            report::note(&model.name.value, "its file has no `tests:`");
        }
        let source = files.sources.get(model.source);
        for test in model.tests.iter().filter(is_chosen) {
            let result = probe_tests::run(checked, test, &objects(checked));
            let run = Run { source, checked, test, result };
            if format == Format::Human {
                writeln!(
                    out,
                    "test {}: {} ... {}",
                    run.probe(),
                    test.name.value,
                    shout(run.word())
                )?;
                out.flush()?;
            }
            runs.push(run);
            // Who may not do this may not do the rest either.
            if runs.last().is_some_and(|run| run.is_forbidden()) {
                return finish(&runs, chosen, format, log, out);
            }
        }
    }
    finish(&runs, chosen, format, log, out)
}

fn finish(
    runs: &[Run<'_>],
    chosen: usize,
    format: Format,
    log: WholeLog,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    for (probe, note) in notes(runs) {
        report::note(probe, note);
    }
    let count = |word: Word| runs.iter().filter(|run| run.word() == word).count();
    let (passed, failed, errors) = (count(Word::Ok), count(Word::Failed), count(Word::Error));
    let not_run = chosen - runs.len();
    match format {
        Format::Human => {
            for run in runs {
                match &run.result {
                    Ok(verdict) if verdict.failures.is_empty() => {}
                    Ok(verdict) => explain(run, verdict, out)?,
                    Err(error) => {
                        out.flush()?;
                        report::failure(run.probe(), error, log);
                    }
                }
            }
            let mut parts = vec![format!("{passed} passed"), format!("{failed} failed")];
            if errors > 0 {
                parts.push(format!("{errors} could not be run"));
            }
            if not_run > 0 {
                parts.push(format!("{not_run} not tried"));
            }
            let tests = if chosen == 1 { "test" } else { "tests" };
            writeln!(out, "{chosen} {tests}: {}", parts.join(", "))?;
        }
        Format::Json => {
            let document = TestReport {
                schema_version: TestReport::SCHEMA_VERSION,
                passed,
                failed,
                errors,
                not_run,
                tests: runs.iter().map(entry).collect(),
            };
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)?;
        }
    }
    Ok(if passed == chosen { Outcome::Done } else { Outcome::Failed })
}

/// What a person should know about probes, each thing once.
fn notes<'a>(runs: &'a [Run<'_>]) -> BTreeSet<(&'a str, &'a str)> {
    let verdicts = runs.iter().filter_map(|run| Some((run.probe(), run.result.as_ref().ok()?)));
    verdicts
        .flat_map(|(probe, verdict)| verdict.notes.iter().map(move |note| (probe, note.as_str())))
        .collect()
}

fn explain(run: &Run<'_>, verdict: &Verdict, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "\nFAILED {}: {}", run.probe(), run.test.name.value)?;
    for failure in &verdict.failures {
        writeln!(
            out,
            "  {}: {} (- expected, + got)",
            place(run.source, failure.span),
            failure.what
        )?;
        for line in failure.diff.iter().take(SHOWN) {
            match line.sign {
                Sign::Missing(span) => {
                    let (number, _) = run.source.line_column(span.start);
                    writeln!(out, "    - {}  (line {number})", line.text)?;
                }
                Sign::Extra => writeln!(out, "    + {}", line.text)?,
            }
        }
        if failure.diff.len() > SHOWN {
            writeln!(out, "    … {} more lines; -o json has all", failure.diff.len() - SHOWN)?;
        }
    }
    writeln!(out)?;
    Ok(())
}

/// A result as a person can't overlook it.
fn shout(word: Word) -> &'static str {
    match word {
        Word::Ok => "ok",
        Word::Failed => "FAILED",
        Word::Error => "ERROR",
    }
}

fn place(source: &Source, span: Span) -> String {
    let (line, column) = source.line_column(span.start);
    format!("{}:{line}:{column}", source.path)
}

fn entry(run: &Run<'_>) -> TestResult {
    let (line, column) = run.source.line_column(run.test.name.span.start);
    let (failures, error) = match &run.result {
        Ok(verdict) => (verdict.failures.iter().map(|one| failed(run.source, one)).collect(), None),
        Err(error) => (Vec::new(), Some(error.report(WholeLog::No))),
    };
    TestResult {
        file: run.source.path.clone(),
        line,
        column,
        probe: run.probe().to_owned(),
        name: run.test.name.value.clone(),
        program: run.checked.model().program_name(run.test.program.value),
        result: run.word(),
        failures,
        error,
    }
}

fn failed(source: &Source, failure: &Failure) -> TestFailure {
    let (line, column) = source.line_column(failure.span.start);
    let texts = |wanted: fn(&DiffLine) -> bool| -> Vec<String> {
        failure.diff.iter().filter(|line| wanted(line)).map(|line| line.text.clone()).collect()
    };
    TestFailure {
        what: failure.what.clone(),
        line,
        column,
        expected: texts(|line| matches!(line.sign, Sign::Missing(_))),
        got: texts(|line| line.sign == Sign::Extra),
    }
}

impl Run<'_> {
    fn probe(&self) -> &str {
        &self.checked.model().name.value
    }

    fn word(&self) -> Word {
        match &self.result {
            Ok(verdict) if verdict.failures.is_empty() => Word::Ok,
            Ok(_) => Word::Failed,
            Err(_) => Word::Error,
        }
    }

    fn is_forbidden(&self) -> bool {
        self.result.as_ref().is_err_and(|error| error.errno == Some(libc::EPERM))
    }
}
