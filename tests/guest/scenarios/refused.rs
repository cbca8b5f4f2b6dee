//! No false calm: what a kernel refuses, `check` reports, with the right code.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use probe_runner::kernel::{WholeLog, describe};
use serde_json::Value;

use crate::corpus::{self, Case};
use crate::features::Need;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "check-reports-what-the-kernel-refuses",
    boot: Boot::Usual,
    // A program is to be refused for what is wrong with it, not because its kind can't be attached at all.
    needs: &[Need::RawTracepoints, Need::Tracepoints, Need::Kprobes, Need::Trampolines],
    check: refused,
}];

/// So many a kernel must refuse by itself, or the scenario proves little.
const AT_LEAST: usize = 40;

/// Codes of rules that kernels have tightened with time, and distributions in older ones too: `check` asks
/// for the strictest of them, so it may report one where the kernel isn't as strict yet.
const STRICTEST: [&str; 2] = ["slot-type-mismatch", "sleepable-tail-call"];

/// What happens to a case.
enum Meeting {
    /// The kernel takes it.
    Taken,
    /// The kernel says no.
    Refused,
    /// It isn't brought so far that the kernel could: what it names isn't there.
    NotBrought,
}

fn refused(context: &Context) -> Result<()> {
    let cases = corpus::read(&context.fixtures.join("refused"))?;
    let reported = reported(context, &cases)?;
    let (mut refused, mut not_brought, mut caught) = (0, 0, 0);
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case.name();
        let codes = reported.get(&name).map_or(&[][..], Vec::as_slice);
        match meets_the_kernel(context, case) {
            Ok(Meeting::Refused) => refused += 1,
            Ok(Meeting::NotBrought) => not_brought += 1,
            Ok(Meeting::Taken) => {}
            Err(error) => wrong.push(format!("{name}: {error:#}")),
        }
        if case.is_refused {
            match case.codes.iter().any(|code| codes.contains(code)) {
                true => caught += 1,
                false => wrong.push(format!("{name}: check says {codes:?}, not {:?}", case.codes)),
            }
        } else if codes.iter().any(|code| !STRICTEST.contains(&code.as_str())) {
            wrong.push(format!("{name}: check says {codes:?} of what the kernel takes"));
        }
    }
    context.count("probe files that the kernel refuses", refused);
    context.count("probe files that name what the kernel doesn't have", not_brought);
    context.count("of both, those that check reports with the right code", caught);
    ensure!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    ensure!(refused >= AT_LEAST, "the kernel refuses only {refused}");
    Ok(())
}

fn meets_the_kernel(context: &Context, case: &Case) -> Result<Meeting> {
    match corpus::load_unchecked(&case.file, &context.objects())? {
        Ok(()) => {
            ensure!(!case.is_refused, "the kernel takes it");
            Ok(Meeting::Taken)
        }
        Err(error) => {
            let report = error.report(WholeLog::No);
            ensure!(case.is_refused, "the kernel refuses it: {report}");
            let phase = format!("{:?}", error.phase).to_lowercase();
            let answer = error.errno.map_or_else(|| "not asked".to_owned(), |it| describe(it).0);
            let at = format!("{phase}, {answer}");
            ensure!(case.at.contains(&at), "refused at {at}, not at {:?}: {report}", case.at);
            Ok(if error.errno.is_some() { Meeting::Refused } else { Meeting::NotBrought })
        }
    }
}

/// The codes of the errors that `check` reports for this kernel, by probe file.
fn reported(context: &Context, cases: &[Case]) -> Result<BTreeMap<String, Vec<String>>> {
    let objects = context.objects();
    let mut arguments =
        vec!["check", "-o", "json", "--kernel", "running", "--object-dir", path(&objects)?];
    for case in cases {
        arguments.push(path(&case.file)?);
    }
    let finished = context.product.command(&arguments)?.exits(3)?;
    let report: Value = serde_json::from_str(&finished.stdout)?;
    let files = report["files"].as_array().context("no files in what check prints")?;
    let name = |file: &Value| {
        let path = file["file"].as_str().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        name.trim_end_matches(".yaml").to_owned()
    };
    let codes = |file: &Value| {
        let diagnostics = file["diagnostics"].as_array().into_iter().flatten();
        diagnostics
            .filter(|diagnostic| diagnostic["severity"] == "error")
            .filter_map(|diagnostic| diagnostic["code"].as_str().map(str::to_owned))
            .collect()
    };
    Ok(files.iter().map(|file| (name(file), codes(file))).collect())
}
