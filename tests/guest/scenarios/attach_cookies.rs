//! Cookies: numbers that a program is attached with and gets back at each event.

use anyhow::{Result, ensure};

use crate::features::Need;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::child;

const OBJECT: &str = "attach-cookies.bpf.o";

/// A call that nobody else makes here, and the kernel's function for it.
const CALL: &str = "121";
const FUNCTION: &str = "__x64_sys_getpgid";

const COUNT: i64 = 400;
const COOKIE: i64 = 0x1122_3344_5566;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "cookies-reach-kprobes-and-tracepoints",
        boot: Boot::Usual,
        needs: &[Need::Kprobes, Need::LastingPerfEvents],
        check: perf_events,
    },
    Scenario {
        name: "cookies-of-kprobes-are-refused-before-5.15",
        boot: Boot::Usual,
        needs: &[Need::Kprobes, Need::NoLastingPerfEvents],
        check: perf_events_refused,
    },
    Scenario {
        name: "cookies-reach-trampolines",
        boot: Boot::Usual,
        needs: &[Need::TrampolineCookies],
        check: trampolines,
    },
    Scenario {
        name: "cookies-of-trampolines-are-refused-before-5.19",
        boot: Boot::Usual,
        needs: &[Need::NoTrampolineCookies, Need::Trampolines],
        check: trampolines_refused,
    },
    Scenario {
        name: "cookies-reach-raw-tracepoints",
        boot: Boot::Usual,
        needs: &[Need::TracepointCookies],
        check: raw_tracepoints,
    },
    Scenario {
        name: "cookies-of-raw-tracepoints-are-refused-before-6.10",
        boot: Boot::Usual,
        needs: &[Need::NoTracepointCookies, Need::RawTracepoints],
        check: raw_tracepoints_refused,
    },
];

fn function(kind: &str) -> String {
    format!("{kind}: {{ function: {FUNCTION}, program: by_{kind}, cookie: {COOKIE} }}")
}

fn named(kind: &str, name: &str) -> String {
    format!("{kind}: {{ name: {name}, program: by_{kind}, cookie: {COOKIE} }}")
}

fn perf_events(context: &Context) -> Result<()> {
    let tracepoint = named("tracepoint", "raw_syscalls/sys_enter");
    exact(context, &[function("kprobe"), function("kretprobe")])?;
    at_least(context, &[tracepoint])
}

fn trampolines(context: &Context) -> Result<()> {
    exact(context, &[function("fentry"), function("fexit")])
}

fn raw_tracepoints(context: &Context) -> Result<()> {
    at_least(context, &[named("raw_tracepoint", "sys_enter"), named("btf_tracepoint", "sys_enter")])
}

/// On these kernels no program that asks for a cookie loads, so the programs are some that don't.
fn perf_events_refused(context: &Context) -> Result<()> {
    let hook = "kprobe: { function: do_nanosleep, program: hello, cookie: 1 }";
    refused(context, "tail-call-hello.bpf.o", hook, "5.15")
}

fn trampolines_refused(context: &Context) -> Result<()> {
    let hook = "fexit: { function: get_rps_cpu, program: rps_fexit, cookie: 1 }";
    refused(context, "rps.bpf.o", hook, "5.19")
}

fn raw_tracepoints_refused(context: &Context) -> Result<()> {
    let hook = "raw_tracepoint: { name: sys_enter, program: dispatch, cookie: 1 }";
    refused(context, "syscalls.bpf.o", hook, "6.10")
}

fn refused(context: &Context, object: &str, hook: &str, since: &str) -> Result<()> {
    let yaml = format!("version: 1\nobject: {object}\nattach:\n  - {hook}\n");
    let file = context.probe_file("refused", &yaml)?;
    context
        .product
        .command(&["run", path(&file)?, "--for", "1s"])?
        .exits(1)?
        .complains(&["no cookies", since])
}

/// Each hook counts every call.
fn exact(context: &Context, hooks: &[String]) -> Result<()> {
    let wanted = COUNT * i64::try_from(hooks.len())?;
    let counted = count(context, hooks)?;
    ensure!(counted == wanted, "{counted} of {wanted}: {hooks:?}");
    Ok(())
}

/// Each hook sees all calls, those that the child makes besides as well.
fn at_least(context: &Context, hooks: &[String]) -> Result<()> {
    for hook in hooks {
        let counted = count(context, std::slice::from_ref(hook))?;
        ensure!((COUNT..COUNT * 2).contains(&counted), "{counted} of {COUNT} and some: {hook}");
    }
    Ok(())
}

/// How many events of a child that makes the calls came with the cookie.
fn count(context: &Context, hooks: &[String]) -> Result<i64> {
    let running = context.product.run(probe(context, hooks)?.as_ref(), &[])?;
    let (pid, _) = child(&["calls", CALL, &COUNT.to_string()])?;
    let transcript = running.interrupt()?;
    let own = |row: &serde_json::Value| row["pid"] == pid;
    let strange = transcript.read()?.sum("hits", "value", |row| row["cookie"] != COOKIE)?;
    ensure!(strange == 0, "{strange} events without the cookie");
    transcript.read()?.sum("hits", "value", own)
}

fn probe(context: &Context, hooks: &[String]) -> Result<String> {
    let hooks: String = hooks.iter().map(|hook| format!("  - {hook}\n")).collect();
    let file = context.probe_of(OBJECT, "cookies", &format!("attach:\n{hooks}"))?;
    Ok(path(&file)?.to_owned())
}
