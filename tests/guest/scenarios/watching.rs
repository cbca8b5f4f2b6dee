//! `watch` on a terminal: what it shows is what the kernel has, and the terminal is left as it was found.

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use crate::features::Need;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};
use crate::sys;
use crate::terminal::Terminal;
use crate::traffic::calls::child;
use crate::traffic::packets::Receiver;
use crate::traffic::steering::Steering;

const SMALL: (u16, u16) = (24, 80);
const RIGHT: &str = "\u{1b}[C";
const LOCALHOST: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
/// timer_gettime
const CALL: i64 = 224;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "watch-shows-system-calls",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: shows_calls,
    },
    Scenario {
        name: "watch-shows-rps-as-a-heatmap",
        boot: Boot::Usual,
        needs: &[Need::PacketSteering, Need::Trampolines],
        check: shows_rps,
    },
    Scenario {
        name: "watch-leaves-the-terminal-as-it-was",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: leaves_the_terminal,
    },
    Scenario {
        name: "watch-says-what-it-can-not",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: says_what_it_can_not,
    },
    Scenario {
        name: "watch-takes-records-only-when-somebody-looks",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: takes_records,
    },
    Scenario {
        name: "watch-shows-no-escape",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: shows_no_escape,
    },
];

fn watch(context: &Context, arguments: &[&str]) -> Result<Terminal> {
    let binary = path(context.product.binary())?;
    Terminal::start(&[&[binary, "watch"], arguments].concat(), SMALL, false)
}

fn apply(context: &Context, probe: &str) -> Result<()> {
    let file = context.product.shipped(probe);
    context.product.command(&["apply", path(&file)?])?.success().map(drop)
}

/// The line of the screen that has all of these words.
fn line<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    text.lines().find(|line| words.iter().all(|word| line.split_whitespace().any(|w| w == *word)))
}

fn shows_calls(context: &Context) -> Result<()> {
    apply(context, "syscalls")?;
    let mut terminal = watch(context, &["syscalls", "--every", "200ms"])?;
    let own = format!("[{}]", std::process::id());
    let counts = |text: &str, count: &str| {
        text.lines().any(|line| {
            line.starts_with("timer_gettime ")
                && line.contains(&own)
                && line.split_whitespace().any(|word| word == count)
        })
    };
    (0..70).for_each(|_| sys::call(CALL));
    let text = terminal.until("70 calls", |text| counts(text, "70"))?;
    ensure!(text.starts_with(" probe/syscalls  attached"), "{text}");
    terminal.until("rates", |text| line(text, &["CALLS", "CALLS/S"]).is_some())?;
    (0..30).for_each(|_| sys::call(CALL));
    terminal.until("30 more", |text| counts(text, "100"))?;

    // Paused, it shows what was; then what is.
    terminal.press(" ")?;
    terminal.shows("PAUSED")?;
    (0..5).for_each(|_| sys::call(CALL));
    std::thread::sleep(std::time::Duration::from_secs(1));
    ensure!(counts(&terminal.text(), "100"), "it went on: {}", terminal.text());
    terminal.press(" ")?;
    terminal.until("the other 5", |text| counts(text, "105"))?;

    // Only what a filter lets through, and in another order.
    terminal.press(&format!("/call == 'timer_gettime' and pid_raw == {}\r", std::process::id()))?;
    let text = terminal.shows("no column `pid_raw`")?;
    ensure!(text.contains("`process`"), "{text}");
    terminal.press("\u{15}call == 'timer_gettime' and calls > 104\r")?;
    terminal.until("one row", |text| {
        text.contains("(1 rows)") && counts(text, "105") && !text.contains("execve ")
    })?;
    terminal.press("/\u{15}\r")?;
    child(&["timers", "3"])?;
    terminal.press("s")?;
    let text = terminal.until("rows by call", |text| {
        text.contains("CALL ▲") && line(text, &["timer_delete", "3"]).is_some()
    })?;
    let calls: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("CALL"))
        .skip(1)
        .map_while(|line| {
            line.split_whitespace()
                .next()
                .filter(|call| call.contains("timer") || *call == "execve")
        })
        .collect();
    ensure!(calls.len() > 4 && calls.is_sorted(), "not in order: {calls:?}");

    // The terminal's size changes.
    terminal.resize((40, 120))?;
    terminal.until("120 columns", |text| {
        text.lines().next().is_some_and(|line| line.chars().count() > 110)
    })?;
    terminal.resize((10, 40))?;
    terminal.shows("80×24 are needed")?;
    terminal.resize(SMALL)?;
    terminal.shows("every 200ms")?;

    terminal.press("?")?;
    terminal.shows("any of them closes this")?;
    terminal.press("x4")?;
    terminal.shows("handlers: 6 of 300 filled")?;
    terminal.press("m")?;
    terminal
        .until("what a run takes", |text| text.contains("ns each") || text.contains("runs in"))?;

    // Another handler in a slot, then the probe goes.
    context.product.command(&["swap", "syscalls", "handlers", "59=timer"])?.success()?;
    terminal.shows("59 main/timer")?;
    context.product.command(&["delete", "syscalls"])?.success()?;
    let status = terminal.wait()?;
    ensure!(status.code() == Some(1), "ended with {status}");
    terminal.is_restored()?;
    ensure!(terminal.text().contains("was deleted while it was watched"), "{}", terminal.text());
    Ok(())
}

fn shows_rps(context: &Context) -> Result<()> {
    let _steering = Steering::on()?;
    apply(context, "rps")?;
    let mut terminal = watch(context, &["rps", "--every", "200ms"])?;
    terminal.shows("nothing counted")?;
    let receiver = Receiver::bind(LOCALHOST)?;
    // As many flows: their hashes spread over both CPUs, so some are moved whichever CPU sends.
    for _ in 0..40 {
        receiver.send_from(LOCALHOST, 500)?;
    }
    let document = context.product.json(&["read", "rps", "-o", "json"])?;
    let rows = crate::product::Reading(&document).rows("rps_record")?.clone();
    ensure!(!rows.is_empty(), "nothing was counted");
    let shown = |text: &str, row: &serde_json::Value| {
        let words = ["device", "node", "cpu", "target", "packets"];
        let words = words.map(|name| row[name].to_string().replace('"', ""));
        text.lines()
            .any(|line| line.split_whitespace().take(5).eq(words.iter().map(String::as_str)))
    };
    let text =
        terminal.until("what `read` shows", |text| rows.iter().all(|row| shown(text, row)))?;
    ensure!(text.contains("packets by target (→) and cpu (↓)"), "{text}");
    // The pair that most packets took is as dark as can be, and the scale says how many those are.
    let most = rows.iter().filter_map(|row| row["packets"].as_u64()).max().unwrap_or(0);
    ensure!(text.contains(&format!("1 .:-=+*#%@ {most}")) && text.contains(" @@"), "{text}");
    // In colours where they are wanted.
    terminal.press("q")?;
    terminal.wait()?;
    let binary = path(context.product.binary())?;
    let mut terminal = Terminal::start(&[binary, "watch", "rps"], SMALL, true)?;
    terminal.until("colours", |text| text.contains("packets by target") && !text.contains("@@"))?;
    let lightest = vt100::Color::Idx(222);
    let screen = terminal.screen();
    let has_lightest =
        (0..SMALL.0).flat_map(|row| (0..20).map(move |column| (row, column))).filter(
            |(row, column)| screen.cell(*row, *column).is_some_and(|c| c.bgcolor() == lightest),
        );
    ensure!(has_lightest.count() >= 2, "no colours: {}", terminal.text());
    terminal.press("\u{3}")?;
    ensure!(terminal.wait()?.success(), "Ctrl-C is an end like any other");
    terminal.is_restored()?;
    context.product.command(&["delete", "rps"])?.success().map(drop)
}

fn leaves_the_terminal(context: &Context) -> Result<()> {
    apply(context, "syscalls")?;
    type End = fn(&mut Terminal) -> Result<()>;
    let ends: [(&str, End); 6] = [
        ("q", |terminal| terminal.press("q")),
        ("Ctrl-C", |terminal| terminal.press("\u{3}")),
        ("Ctrl-C while something is typed", |terminal| terminal.press("/x\u{3}")),
        ("SIGTERM", |terminal| terminal.signal(Signal::TERM)),
        ("SIGINT", |terminal| terminal.signal(Signal::INT)),
        ("SIGHUP", |terminal| terminal.signal(Signal::HUP)),
    ];
    for (name, end) in ends {
        let mut terminal = watch(context, &["syscalls"])?;
        terminal.shows("probe/syscalls  attached")?;
        ensure!(terminal.screen().alternate_screen(), "it has no screen of its own");
        ensure!(terminal.is_restored().is_err(), "is the test looking?");
        end(&mut terminal)?;
        let status = terminal.wait().context(name)?;
        ensure!(status.success(), "{name}: ended with {status}");
        terminal.is_restored().context(name)?;
    }

    // A panic leaves it too, and says what it has to say where it can be read.
    let guest = std::env::current_exe()?;
    let mut terminal = Terminal::start(&[path(&guest)?, "panic-on-screen"], SMALL, false)?;
    terminal.until("a screen", |text| text.contains("probe/panics"))?;
    let status = terminal.wait()?;
    ensure!(status.code() == Some(101), "ended with {status}");
    terminal.is_restored()?;
    ensure!(terminal.text().contains("a mistake in the program"), "{}", terminal.text());
    context.product.command(&["delete", "syscalls"])?.success().map(drop)
}

fn says_what_it_can_not(context: &Context) -> Result<()> {
    apply(context, "syscalls")?;
    let no_terminal = context.product.command(&["watch", "syscalls"])?;
    no_terminal.exits(1)?.complains(&["needs a terminal", "read --every"])?;
    for (arguments, words) in [
        (&["nothing"][..], "no probe `nothing` is applied"),
        (&["syscalls", "nothing"], "no map `nothing`"),
        (&["syscalls", "--every", "1ms"], "100ms is the shortest"),
    ] {
        let mut terminal = watch(context, arguments)?;
        let status = terminal.wait()?;
        ensure!(!status.success(), "{arguments:?} was taken");
        ensure!(terminal.text().contains(words), "{}", terminal.text());
        ensure!(!terminal.written().starts_with(b"\x1b[?1049h"), "a screen for an error");
        terminal.is_restored()?;
    }
    context.product.command(&["delete", "syscalls"])?.success().map(drop)
}

/// Applies a probe that sees timer_gettime alone: other programs of a machine use it rarely.
fn apply_rare(context: &Context) -> Result<()> {
    let file = context.probe_file(
        "rare",
        "version: 1\n\
         description: Sends records of one system call\n\
         object: syscalls.bpf.o\n\
         attach:\n  - raw_tracepoint: { name: sys_enter, program: dispatch }\n\
         tail_calls:\n  handlers:\n    # check: allow(syscall-number)\n    224: timer\n    226: timer\n\
         read:\n  counts: { columns: { nr: { as: syscall, name: call } } }\n  \
         events: { type: syscall_event, columns: { nr: { as: syscall, name: call } } }\n",
    )?;
    context.product.command(&["apply", path(&file)?])?.success().map(drop)
}

/// How many lines of the screen are records of this process's calls.
fn own_records(text: &str, call: &str) -> usize {
    let pid = format!(" pid={} ", std::process::id());
    text.lines().filter(|line| line.contains(&pid) && line.contains(call)).count()
}

fn takes_records(context: &Context) -> Result<()> {
    apply_rare(context)?;
    let mut terminal = watch(context, &["rare", "--every", "200ms"])?;
    terminal.shows("CALL ")?;
    for _ in 0..3 {
        sys::call(CALL);
    }
    let own = |text: &str| own_records(text, "timer_gettime");
    let pid = std::process::id().to_string();
    terminal.until("the calls", |text| line(text, &["timer_gettime", &pid, "3"]).is_some())?;
    // Nobody looked, so another reader finds all of them.
    let mut other = watch(context, &["rare", "events"])?;
    other.until("3 records", |text| own(text) == 3)?;
    ensure!(other.text().contains("no other reader sees it"), "{}", other.text());
    // Who looks later finds nothing of what was taken.
    terminal.press(RIGHT)?;
    terminal.shows(" records")?;
    std::thread::sleep(std::time::Duration::from_millis(500));
    ensure!(own(&terminal.text()) == 0, "{}", terminal.text());
    other.press("q")?;
    ensure!(other.wait()?.success(), "it ended badly");
    sys::call(CALL);
    terminal.until("one record", |text| own(text) == 1)?;
    // Paused, it leaves them where they are.
    terminal.press(" ")?;
    terminal.shows("paused: records stay in the buffer")?;
    sys::call(CALL);
    std::thread::sleep(std::time::Duration::from_millis(500));
    ensure!(own(&terminal.text()) == 1, "{}", terminal.text());
    terminal.press(" ")?;
    terminal.until("the other record", |text| own(text) == 2)?;
    terminal.press("/call == 'timer_delete'\r")?;
    terminal.shows("filter: call ==")?;
    sys::call(CALL);
    sys::call(CALL + 2);
    terminal
        .until("what the filter lets through", |text| own_records(text, "timer_delete") == 1)?;
    ensure!(own(&terminal.text()) == 2, "{}", terminal.text());
    terminal.press("c")?;
    terminal.until("nothing", |text| own_records(text, "timer") == 0)?;
    terminal.press("q")?;
    ensure!(terminal.wait()?.success(), "it ended badly");
    context.product.command(&["delete", "rare"])?.success().map(drop)
}

fn shows_no_escape(context: &Context) -> Result<()> {
    apply(context, "syscalls")?;
    let mut terminal = watch(context, &["syscalls", "events"])?;
    terminal.resize((24, 160))?;
    let own = format!("pid == {} or path is defined and 'owned' in path", std::process::id());
    terminal.shows(" records")?;
    terminal.press(&format!("/{own}\r"))?;
    terminal.shows("filter: pid ==")?;
    // The name is the process's own choice; the path is what it executes, and this one isn't there.
    let name = "\u{1b}[2J\u{9b}31m";
    std::fs::write("/proc/self/comm", name).context("cannot change the process's name")?;
    let executed = std::process::Command::new("/tmp/\u{1b}]0;owned\u{7}\u{202e}txt").spawn();
    sys::call(CALL);
    std::fs::write("/proc/self/comm", "guest").context("cannot change the process's name")?;
    ensure!(executed.is_err(), "there is no such program");
    let text = terminal
        .until("both", |text| text.contains("timer_gettime") && text.contains("0;owned"))?;
    ensure!(text.contains("\\u{1b}[2J\\u{9b}31m"), "the name isn't shown: {text}");
    ensure!(text.contains("\\u{1b}]0;owned\\u{7}\\u{202e}txt"), "the path isn't shown: {text}");
    for harm in ["\u{1b}[2J\u{9b}", "\u{1b}]0;owned", "\u{9b}31m", "\u{202e}", "\u{7}"] {
        let harm = harm.as_bytes();
        ensure!(
            !terminal.written().windows(harm.len()).any(|written| written == harm),
            "{harm:?} reached the terminal"
        );
    }
    terminal.press("q")?;
    ensure!(terminal.wait()?.success(), "it ended badly");
    context.product.command(&["delete", "syscalls"])?.success().map(drop)
}
