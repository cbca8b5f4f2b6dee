//! Many functions by one link, and a program that decides what a function returns.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::features::Need;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::child;

const OBJECT: &str = "attach-multi.bpf.o";

const COUNT: i64 = 300;

/// getpgid and getsid: calls that nobody else makes here.
const CALLS: [&str; 2] = ["121", "124"];
const FUNCTIONS: &str =
    "functions: [__x64_sys_getpgid, \"__x64_sys_getpg?d\", \"__x64_sys_gets?d\"]";

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "kprobe-multi-counts-each-call",
        boot: Boot::Usual,
        needs: &[Need::KprobeMulti],
        check: counts,
    },
    Scenario {
        name: "kprobe-multi-is-refused-by-kernels-without-it",
        boot: Boot::Usual,
        needs: &[Need::NoKprobeMulti],
        check: refused_without,
    },
    Scenario {
        name: "kprobe-multi-is-passed-over-by-kernels-without-it",
        boot: Boot::Usual,
        needs: &[Need::NoKprobeMulti, Need::Trampolines],
        check: passed_over,
    },
    Scenario {
        name: "kprobe-multi-names-what-can-not-be-traced",
        boot: Boot::Usual,
        needs: &[Need::KprobeMulti],
        check: unknown,
    },
    Scenario {
        name: "fmod-ret-decides-what-a-function-returns",
        boot: Boot::Usual,
        needs: &[Need::Trampolines],
        check: forbids,
    },
    Scenario {
        name: "fmod-ret-of-an-ordinary-function-is-refused",
        boot: Boot::Usual,
        needs: &[Need::Trampolines],
        check: not_modifiable,
    },
];

/// A name and a glob that means it too, at entries, at returns, and with a cookie.
fn counts(context: &Context) -> Result<()> {
    for (hook, cookie) in [
        (format!("kprobe_multi: {{ {FUNCTIONS}, program: at_entries }}"), 0),
        (format!("kretprobe_multi: {{ {FUNCTIONS}, program: at_returns }}"), 0),
        (format!("kprobe_multi: {{ {FUNCTIONS}, program: at_entries_with_cookie, cookie: 9 }}"), 9),
    ] {
        let running = context.product.run(probe(context, &hook)?.as_ref(), &[])?;
        let mut pids = Vec::new();
        for call in CALLS {
            pids.push(child(&["calls", call, &COUNT.to_string()])?.0);
        }
        let transcript = running.interrupt()?;
        let strange = transcript.read()?.sum("hits", "value", |row| row["cookie"] != cookie)?;
        ensure!(strange == 0, "{strange} events without the cookie: {hook}");
        let counted = transcript
            .read()?
            .sum("hits", "value", |row| pids.iter().any(|pid| row["pid"] == *pid))?;
        let wanted = COUNT * i64::try_from(pids.len())?;
        ensure!(counted == wanted, "{counted} of {wanted}: {hook}");
    }
    Ok(())
}

fn refused_without(context: &Context) -> Result<()> {
    let hook = format!("kprobe_multi: {{ {FUNCTIONS}, program: at_entries }}");
    refused(context, &hook, &["no kprobe_multi", "5.18"])
}

fn passed_over(context: &Context) -> Result<()> {
    let hook = format!(
        "first_of: [{{ kprobe_multi: {{ {FUNCTIONS}, program: at_entries }} }}, {{ fmod_ret: {{ function: security_task_setnice, program: forbid }} }}]"
    );
    let transcript = context.product.run(probe(context, &hook)?.as_ref(), &[])?.interrupt()?;
    let taken = &transcript.attachments()?[0];
    ensure!(taken["kind"] == "fmod_ret", "not the second: {taken}");
    ensure!(taken["passed_over"][0]["kind"] == "kprobe_multi", "not told: {taken}");
    Ok(())
}

fn unknown(context: &Context) -> Result<()> {
    let hook = "kprobe_multi: { functions: [__x64_sys_getpgidd], program: at_entries }";
    refused(context, hook, &["no function __x64_sys_getpgidd can be traced"])
}

/// setpriority of a process's own nice value always succeeds; here it is forbidden.
fn forbids(context: &Context) -> Result<()> {
    let hook = "fmod_ret: { function: security_task_setnice, program: forbid }";
    let running = context.product.run(probe(context, hook)?.as_ref(), &[])?;
    let (pid, _) = child(&["calls", "141", &COUNT.to_string()])?;
    let own = crate::sys::set_own_nice_to_0();
    let transcript = running.interrupt()?;
    let counted = transcript.read()?.sum("hits", "value", |row| row["pid"] == pid)?;
    ensure!(counted == COUNT, "{counted} of {COUNT}");
    let refusal = own.err().and_then(|error| error.raw_os_error());
    ensure!(refusal == Some(libc::EPERM), "it was not forbidden: {refusal:?}");
    is_allowed_again()
}

/// The kernel lets go of a link a moment after its last reference went.
fn is_allowed_again() -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match crate::sys::set_own_nice_to_0() {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn not_modifiable(context: &Context) -> Result<()> {
    let hook = "fmod_ret: { function: get_rps_cpu, program: forbid }";
    refused(context, hook, &["get_rps_cpu() is not modifiable"])
}

fn refused(context: &Context, hook: &str, words: &[&str]) -> Result<()> {
    let file = probe(context, hook)?;
    context.product.command(&["run", &file, "--for", "1s"])?.exits(1)?.complains(words)
}

fn probe(context: &Context, hook: &str) -> Result<String> {
    let file = context.probe_of(OBJECT, "multi", &format!("attach:\n  - {hook}\n"))?;
    Ok(path(&file)?.to_owned())
}
