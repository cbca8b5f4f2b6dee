//! A probe's own tests: which program is run, how often, and the words that it is handed.

mod expect;

use crate::desired::Argument;
use crate::model::{ProgramId, Test, View};
use crate::resolve::binder::Binder;
use crate::resolve::number;
use crate::spec::probe_test::{ArgumentSpec, MemorySpec, TestSpec};
use crate::spec::values::Scalar;
use crate::syscall_table;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::At;
use crate::text::suggest::nearest;

/// Runs of a test at most: each is a system call.
const MOST_RUNS: u32 = 1_000_000;

/// Binds `tests`. `views` are what `read` says.
pub fn bind(tests: &[At<TestSpec>], views: &[View], binder: &mut Binder<'_>) -> Vec<Test> {
    tests.iter().filter_map(|test| bind_test(&test.value, views, binder)).collect()
}

fn bind_test(spec: &TestSpec, views: &[View], binder: &mut Binder<'_>) -> Option<Test> {
    // Every part is looked at before a missing one ends it, so that all mistakes are found at once.
    let name = binder.text(&spec.name);
    let program = binder.program(&spec.run);
    let args: Vec<_> = spec.args.iter().map(|one| bind_argument(one, binder)).collect();
    let repeat = match &spec.repeat {
        Some(repeat) => runs(repeat, binder),
        None => Some(At::new(1, spec.name.span)),
    };
    let cpu = spec.cpu.as_ref().map(|cpu| binder.number(cpu));
    let expect = spec.expect.with(expect::bind(&spec.expect.value, views, binder));
    let program: At<ProgramId> = program?;
    Some(Test {
        name: name?,
        program,
        args: args.into_iter().collect::<Option<_>>()?,
        repeat: repeat?,
        cpu: match cpu {
            Some(cpu) => Some(cpu?),
            None => None,
        },
        expect,
    })
}

fn runs(text: &At<Scalar>, binder: &mut Binder<'_>) -> Option<At<u32>> {
    let runs: At<u32> = binder.number(text)?;
    if (1..=MOST_RUNS).contains(&runs.value) {
        return Some(runs);
    }
    let message = format!("a test can't be run {} times", runs.value);
    binder.findings.push(
        Diagnostic::error(Code::InvalidValue, text.span, message)
            .label(format!("must be 1 to {MOST_RUNS}")),
    );
    None
}

fn bind_argument(spec: &At<ArgumentSpec>, binder: &mut Binder<'_>) -> Option<At<Argument>> {
    let argument = match &spec.value {
        ArgumentSpec::Number(text) => Argument::Number(word(&spec.with(text.clone()), binder)?),
        ArgumentSpec::Address(MemorySpec::Text(text)) => Argument::Text(binder.text(text)?.value),
        ArgumentSpec::Address(MemorySpec::SyscallArgs(args)) => {
            let args: Vec<_> = args.iter().map(|one| bind_argument(one, binder)).collect();
            Argument::SyscallArgs(
                args.into_iter().map(|one| Some(one?.value)).collect::<Option<_>>()?,
            )
        }
    };
    Some(spec.with(argument))
}

/// A word of 64 bits: a number of either sign, or a system call's number by its name.
fn word(text: &At<Scalar>, binder: &mut Binder<'_>) -> Option<u64> {
    let rendered = binder.text(text)?;
    if let Some(name) = rendered.value.strip_prefix("syscall:") {
        let number = syscall_table::number(name);
        if number.is_none() {
            let names = syscall_table::all().map(|(_, name)| name);
            binder.findings.push(
                Diagnostic::error(
                    Code::UnknownSyscall,
                    text.span,
                    format!("no system call of {} is called `{name}`", std::env::consts::ARCH),
                )
                .did_you_mean(nearest(name, names)),
            );
        }
        return number.map(u64::from);
    }
    let number = number::parse(&rendered.value).and_then(|number| match number {
        ..0 => i64::try_from(number).ok().map(i64::cast_unsigned),
        _ => u64::try_from(number).ok(),
    });
    if number.is_none() {
        binder.findings.push(
            Diagnostic::error(
                Code::InvalidValue,
                text.span,
                format!("`{}` is not a word of a program's context", rendered.value),
            )
            .label("must be a whole number of 64 bits, of either sign, or `syscall:NAME`")
            .help("for an address write `{ text: … }` or `{ syscall_args: […] }`"),
        );
    }
    number
}
