//! A probe's own tests: each is run in the kernel with maps of its own, and what came of it compared
//! with what the file expects. Nothing here prints.

mod compare;

pub use compare::{DiffLine, Sign};

use crate::kernel::maps::Map;
use crate::kernel::ring::RingReader;
use crate::kernel::{Error, ObjectFile, TestBed, TestContext};
use crate::model::{ExpectedRows, Model, Test};
use crate::object::MapType;
use crate::read::{Lookups, Row, Zeros, record, table};
use crate::rules::Checked;
use crate::text::source::{At, Span};
use compare::{Blanks, entries, records};

/// Records that are taken out of a ring buffer at once.
const BATCH: usize = 4096;

/// Records that are kept beyond those that are expected: enough to show what was wrong.
const KEPT: usize = 64;

/// What came of a test that could be run.
#[derive(Debug)]
pub struct Verdict {
    /// What was not as expected; it passed if there is nothing.
    pub failures: Vec<Failure>,
    /// What a person should know besides.
    pub notes: Vec<String>,
}

/// Something that was not as expected.
#[derive(Debug)]
pub struct Failure {
    /// Where the expectation was written.
    pub span: Span,
    /// What it is about: `returns`, or a map's name.
    pub what: String,
    /// What was expected and what there was instead.
    pub diff: Vec<DiffLine>,
}

/// The records that a ring buffer was sent.
struct Stream<'a> {
    expected: &'a ExpectedRows,
    ring: RingReader,
    rows: Vec<Row>,
    count: usize,
}

/// Runs one of a probe's tests. `objects` are the probe's.
///
/// # Errors
/// The kernel doesn't take a program, or can't run it.
pub fn run(checked: &Checked, test: &Test, objects: &[ObjectFile<'_>]) -> Result<Verdict, Error> {
    let model = checked.model();
    let expect = &test.expect.value;
    let (desired, program) = checked.trial(test);
    let bed = TestBed::load(&desired, objects, &program)?;
    let context = TestContext::new(test.args.iter().map(|argument| &argument.value))?;
    let mut lookups = Lookups::default();
    let mut streams = Vec::new();
    for expected in &expect.events {
        let ring = RingReader::open(bed.pins(), name(model, expected))?;
        streams.push(Stream { expected, ring, rows: Vec::new(), count: 0 });
    }
    let mut failures = Vec::new();
    let cpu = test.cpu.as_ref().map(|cpu| cpu.value);
    for run in 1..=test.repeat.value {
        let got = bed.run(&context, cpu)?;
        if let Some(expected) = &expect.returns
            && expected.value != got
            && failures.is_empty()
        {
            failures.push(returned(expected, got, run));
        }
        for stream in &mut streams {
            stream.drain(&mut lookups);
        }
    }
    for expected in &expect.maps {
        failures.extend(compare_map(&bed, model, expected, &mut lookups)?);
    }
    for stream in &streams {
        let diff = records(stream.expected, &stream.rows, stream.count);
        failures.extend(failure(model, stream.expected, diff));
    }
    Ok(Verdict { failures, notes: bed.notes().to_vec() })
}

fn name<'a>(model: &'a Model, expected: &ExpectedRows) -> &'a str {
    &model.map(expected.map.value).name
}

fn returned(expected: &At<u32>, got: u32, run: u32) -> Failure {
    let signed = |number: u32| match number.cast_signed() {
        negative @ ..0 => format!("{number} ({negative})"),
        number => number.to_string(),
    };
    let run = if run == 1 { String::new() } else { format!(" (run {run})") };
    Failure {
        span: expected.span,
        what: "returns".to_owned(),
        diff: vec![
            DiffLine { sign: Sign::Missing(expected.span), text: signed(expected.value) },
            DiffLine { sign: Sign::Extra, text: format!("{}{run}", signed(got)) },
        ],
    }
}

fn failure(model: &Model, expected: &ExpectedRows, diff: Vec<DiffLine>) -> Option<Failure> {
    let what = name(model, expected).to_owned();
    (!diff.is_empty()).then_some(Failure { span: expected.map.span, what, diff })
}

fn compare_map(
    bed: &TestBed,
    model: &Model,
    expected: &ExpectedRows,
    lookups: &mut Lookups,
) -> Result<Option<Failure>, Error> {
    let map = Map::open(bed.pins(), name(model, expected))?;
    let blanks = match map.map_type() {
        MapType::ARRAY | MapType::PERCPU_ARRAY => Blanks::Ignored,
        _ => Blanks::Counted,
    };
    let all = map.entries()?;
    let there = all.iter().map(|entry| (&entry.key, map.values(&entry.value)));
    let table = table(map.name(), expected.columns.clone(), Zeros::Kept, there, lookups);
    let rows: Vec<Row> = table.rows(lookups).collect();
    Ok(failure(model, expected, entries(expected, &rows, blanks)))
}

impl Stream<'_> {
    fn drain(&mut self, lookups: &mut Lookups) {
        let kept = self.expected.rows.len() + KEPT;
        let (rows, columns) = (&mut self.rows, &self.expected.columns);
        loop {
            let drained = self.ring.drain(BATCH, |bytes| {
                if rows.len() < kept {
                    rows.push(record(columns, bytes, lookups));
                }
            });
            self.count += drained;
            if drained < BATCH {
                return;
            }
        }
    }
}
