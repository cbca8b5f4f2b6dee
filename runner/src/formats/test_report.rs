//! The JSON of `test -o json`: types that serde writes and from which its schema is made.

use schemars::JsonSchema;
use serde::Serialize;

/// What `probe-runner test -o json` writes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TestReport {
    /// The version of this document's form. It grows when a field goes or changes its meaning; fields
    /// may be added without.
    pub schema_version: u32,
    /// How many tests came out as expected.
    pub passed: usize,
    /// How many did not.
    pub failed: usize,
    /// How many the kernel didn't run.
    pub errors: usize,
    /// How many were not tried, because the ones before may not be run.
    pub not_run: usize,
    /// The tests that were tried, in the order of the files.
    pub tests: Vec<TestResult>,
}

/// A test and what came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TestResult {
    /// The probe file, as it was named on the command line.
    pub file: String,
    /// The line of the test's name, counted from 1.
    pub line: usize,
    /// The column of the test's name in characters, counted from 1.
    pub column: usize,
    /// The probe.
    pub probe: String,
    /// The test's name.
    pub name: String,
    /// The program that it runs.
    pub program: String,
    /// What came of it.
    pub result: Word,
    /// What was not as expected; nothing unless it failed.
    pub failures: Vec<TestFailure>,
    /// Why the kernel didn't run it; null if it did.
    pub error: Option<String>,
}

/// What came of a test, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Everything was as expected.
    Ok,
    /// Something was not.
    Failed,
    /// The kernel didn't run it.
    Error,
}

/// Something that was not as expected.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TestFailure {
    /// What it is about: `returns`, or a map's name.
    pub what: String,
    /// The line of the expectation, counted from 1.
    pub line: usize,
    /// The column of the expectation in characters, counted from 1.
    pub column: usize,
    /// What was expected and is not there, as `field=value` for each field that was given.
    pub expected: Vec<String>,
    /// What is there and was not expected, as `field=value` for each field.
    pub got: Vec<String>,
}

impl TestReport {
    /// The version of this document's form.
    pub const SCHEMA_VERSION: u32 = 1;
}
