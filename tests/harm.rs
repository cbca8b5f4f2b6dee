//! Files that want to do harm: `check` answers them with an error, soon, in little memory, and lets
//! nothing through to the terminal.

mod scratch;

use nix::sys::resource::{UsageWho, getrusage};
use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use scratch::Scratch;

/// What an answer may take on a processor, and in memory.
struct Limits {
    time: Duration,
    kib: i64,
}

/// What is promised, of the released binary.
const PROMISED: Limits = Limits { time: Duration::from_millis(100), kib: 64 << 10 };

/// A debug build is many times slower and itself larger.
const UNOPTIMISED: Limits = Limits { time: Duration::from_secs(30), kib: 128 << 10 };

/// How often something is timed again that took too long.
const RETRIES: usize = 3;

/// Names a released binary, to be tested by what is promised of it; `cargo xtask test` does so.
const RELEASED: &str = "PROBE_RUNNER_RELEASED";

fn binary() -> (PathBuf, Limits) {
    match std::env::var_os(RELEASED) {
        Some(path) => (path.into(), PROMISED),
        None => (env!("CARGO_BIN_EXE_probe-runner").into(), UNOPTIMISED),
    }
}

/// What the children that have ended took on a processor: for exact figures the tests have to run one after the other.
fn computed() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("it is known");
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| Duration::new(time.tv_sec().unsigned_abs(), 1000 * time.tv_usec() as u32))
        .sum()
}

fn check(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(binary().0)
        .current_dir(directory)
        .args(arguments)
        // Colours, as on a terminal: what would be stripped elsewhere must not be there at all.
        .env("CLICOLOR_FORCE", "1")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

/// A good file with something else in one place.
fn with(section: &str) -> Vec<u8> {
    format!(
        "version: 1\nobject: syscalls.bpf.o\nattach:\n  - raw_tracepoint: {{ name: sys_enter, program: \
         dispatch }}\n{section}\n"
    )
    .into_bytes()
}

fn template(text: &str) -> Vec<u8> {
    with(&format!("vars: {{ a: \"{}\", b: x }}\ndescription: \"{text}\"", "x".repeat(4000)))
}

fn doubling() -> Vec<u8> {
    let mut vars = String::from("vars:\n  v0: xxxxxxxxxxxxxxxx\n");
    for step in 1..40 {
        vars.push_str(&format!("  v{step}: \"{{{{ v{0} }}}}{{{{ v{0} }}}}\"\n", step - 1));
    }
    with(&vars)
}

fn lines(head: &str, line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut text = String::from(head);
    let mut count = 0;
    while text.len() < 1_000_000 {
        text.push_str(&line(count));
        text.push('\n');
        count += 1;
    }
    with(&text)
}

/// Each a name and a file's bytes.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let mega = "x".repeat(1_000_000);
    let aliases: String =
        (1..30).map(|n| format!("a{n}: &a{n} [{}]\n", format!("*a{},", n - 1).repeat(9))).collect();
    vec![
        ("deep flow", with(&format!("read: {}", "[".repeat(900_000)))),
        ("deep flow in lines", with(&format!("read:\n  {}", "[\n  ".repeat(200_000)))),
        ("deep mappings", with(&format!("read: {}", "{a: ".repeat(3_000)))),
        (
            "deep blocks",
            (0..1400).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>().into(),
        ),
        ("deep sequences", "- ".repeat(8_000).into()),
        ("deep explicit keys", "? ".repeat(8_000).into()),
        ("1 MiB key", with(&format!("{mega}: 1"))),
        ("1 MiB quoted key", with(&format!("\"{mega}\": 1"))),
        ("1 MiB explicit key", with(&format!("? {mega}\n: 1"))),
        ("1 MiB value", with(&format!("name: {mega}"))),
        ("1 MiB value in lines", with(&format!("name: \"{}\"", "x\n ".repeat(300_000)))),
        ("1 MiB block", with(&format!("name: |\n{}", "  x y z\n".repeat(120_000)))),
        (
            "1 MiB program",
            with(&format!("tail_calls:\n  handlers:\n    1: \"{}\"", "xy\n      ".repeat(100_000))),
        ),
        ("more than 1 MiB", vec![b'#'; 3 << 20]),
        ("alias bomb", format!("a0: &a0 [x,x]\n{aliases}").into()),
        ("anchors", lines("globals:\n", |n| format!("  a{n}: &a{n} 1"))),
        ("merge keys", with("globals:\n  <<: { a: 1 }")),
        ("tags", with("read: !!python/object:x {}")),
        ("documents", "---\n".repeat(200_000).into()),
        ("directives", "%TAG ! x\n".repeat(100_000).into()),
        ("NULs", vec![0; 4096]),
        ("NULs inside", with("name: \"a\0b\"")),
        ("invalid UTF-8", [with("name: a").as_slice(), b"\xff\xfe\xc0\x80"].concat()),
        ("UTF-16", "version: 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a byte order mark and controls", "\u{feff}\u{1}\u{2}\u{1b}[2J".into()),
        ("comments", lines("", |n| format!("# check: allow(x{n})"))),
        ("allowed codes", with(&format!("# check: allow({})", "syntax,".repeat(2_000)))),
        ("unknown fields", lines("", |n| format!("f{n}: 1"))),
        ("unknown globals", lines("globals:\n", |n| format!("  g{n}: 1"))),
        (
            "unknown system calls",
            lines("tail_calls:\n  handlers:\n", |n| format!("    syscall:x{n}: exec")),
        ),
        ("unknown programs", lines("tail_calls:\n  handlers:\n", |n| format!("    {n}: x{n}"))),
        (
            "slots beyond the end",
            lines("tail_calls:\n  handlers:\n", |n| format!("    {}: exec", n + 300)),
        ),
        (
            "overlapping slots",
            lines("tail_calls:\n  handlers:\n", |n| format!("    {n}-299: exec")),
        ),
        (
            "huge ranges",
            with("tail_calls: { handlers: { 0-4294967295: exec, 1-4294967294: exec } }"),
        ),
        (
            "globs",
            with(&format!(
                "tail_calls: {{ handlers: {{ \"syscall:{}b\": exec }} }}",
                "*a".repeat(4_000)
            )),
        ),
        ("unknown maps", lines("read:\n", |n| format!("  m{n}: {{ top: 1 }}"))),
        (
            "unknown columns",
            lines("read:\n  counts:\n    columns:\n", |n| format!("      c{n}: {{ hide: true }}")),
        ),
        ("objects", lines("objects:\n", |n| format!("  o{n}: missing{n}.o"))),
        ("a device as object", with("objects: { x: /dev/zero }")),
        ("templates that repeat text", template("{{ 'x' * 10**9 }}")),
        ("templates that repeat tuples", template("{{ ('x',) * 10**8 }}")),
        ("templates with long ranges", template("{% for i in range(10**9) %}{{ i }}{% endfor %}")),
        (
            "templates with nested ranges",
            template(
                "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
            ),
        ),
        ("templates that double", template("{% set a = a ~ a %}{% set a = a ~ a %}{{ a }}")),
        (
            "templates that double in loops",
            template("{% for a in [a~a] %}{% for a in [a~a] %}{{ a }}{% endfor %}{% endfor %}"),
        ),
        (
            "templates with namespaces",
            template(
                "{% set n = namespace(a='x') %}{% for i in range(99) %}{% set n.a = n.a ~ n.a %}{% endfor %}",
            ),
        ),
        ("templates that recurse", template("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")),
        ("templates that format", template("{{ '%999999999d'|format(1) }}")),
        ("templates that replace", template("{{ a|replace('x', a)|replace('x', a) }}")),
        ("templates that join", template("{{ a|list|join(a) }}")),
        ("templates that concatenate", template(&format!("{{{{ a{} }}}}", "~a".repeat(100)))),
        (
            "templates that nest",
            template(&format!("{{{{ {}1{} }}}}", "(".repeat(1900), ")".repeat(1900))),
        ),
        ("templates with long chains", template(&format!("{{{{ a{} }}}}", "|upper".repeat(600)))),
        ("long templates", template(&"{{ a }}".repeat(900))),
        ("variables that double", doubling()),
        (
            "templates everywhere",
            lines("vars: { a: x }\nglobals:\n", |n| format!("  g{n}: \"{{{{ a }}}}\"")),
        ),
        (
            "templates that cost",
            lines("vars:\n", |n| format!("  v{n}: \"{{% for i in range(9999) %}}{{% endfor %}}\"")),
        ),
        (
            "templates that give much",
            lines(&format!("vars:\n  a: {}\n", "x".repeat(4000)), |n| {
                format!("  v{n}: \"{{{{ a }}}}\"")
            }),
        ),
    ]
}

/// Those in which nothing is wrong but their size.
const ONLY_COMMENTS: [&str; 2] = ["comments", "allowed codes"];

#[test]
fn hostile_files_are_answered_soon_and_in_little_memory() {
    let scratch = Scratch::new("hostile");
    let (_, limits) = binary();
    let mut failures = Vec::new();
    let mut slowest = (Duration::ZERO, "");
    for (name, bytes) in hostile() {
        scratch.write("x.yaml", bytes);
        let timed = || {
            let before = computed();
            let output = check(scratch.path(), &["check", "x.yaml"]);
            (computed() - before, output)
        };
        let (mut time, output) = timed();
        // What else the machine does only adds to it.
        for _ in 0..RETRIES {
            if time > limits.time {
                time = time.min(timed().0);
            }
        }
        slowest = slowest.max((time, name));
        let peak = getrusage(UsageWho::RUSAGE_CHILDREN).expect("it is known").max_rss();
        let said = String::from_utf8_lossy(&output.stderr);
        // Comments can't make a file wrong.
        let status = if ONLY_COMMENTS.contains(&name) { 0 } else { 3 };
        if output.status.code() != Some(status) {
            failures.push(format!("{name}: {:?}\n{said:.400}", output.status));
        }
        if time > limits.time {
            failures.push(format!("{name}: {time:?}"));
        }
        // The largest so far: the first one that is too large is told apart by its name.
        if peak > limits.kib {
            failures.push(format!("{name}: {peak} KiB"));
            break;
        }
        if said.len() > 1 << 20 {
            failures.push(format!("{name}: {} bytes of messages", said.len()));
        }
    }
    assert!(slowest.0 > Duration::ZERO, "nothing was checked");
    let (time, name) = slowest;
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).expect("it is known").max_rss() >> 10;
    writeln!(stdout(), "slowest: {name}, {time:?} on a processor; all within {peak} MiB")
        .expect("it can be written");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What no output may hold: a terminal's title and colours, the 8-bit beginning of a control sequence,
/// a change of the direction of writing.
const INJECTED: [&str; 4] = ["\u{1b}]0;t\u{7}", "\u{1b}[35m", "\u{9b}2J", "\u{202e}"];

fn assert_harmless(what: &str, output: &Output) {
    for bytes in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(bytes);
        for sequence in INJECTED {
            assert!(!text.contains(sequence), "{what}: {sequence:?} in\n{text:?}");
        }
        // What escapes are left are our own colours.
        for rest in text.split('\u{1b}').skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';' && c != '[');
            assert_eq!(
                end.and_then(|end| rest[end..].chars().next()),
                Some('m'),
                "{what}: {text:?}"
            );
        }
        assert!(!text.contains('\u{7}'), "{what}: {text:?}");
    }
}

#[test]
fn no_escape_of_a_file_reaches_the_terminal() {
    let scratch = Scratch::new("escapes");
    let raw = INJECTED.concat();
    // YAML takes controls in double quotes alone, and as escapes.
    let evil = "\\e]0;t\\a\\e[35m\\u009b2J\\u202e";
    let sections = [
        format!("name: \"{evil}\""),
        format!("description: \"{{{{ x{evil} }}}}\""),
        format!("vars: {{ \"{evil}\": 1 }}"),
        format!("vars: {{ a: \"{evil}\" }}\nglobals: {{ x: \"{{{{ a }}}}\" }}"),
        format!("objects: {{ \"{evil}\": x.o }}"),
        format!("objects: {{ x: \"{evil}\" }}"),
        format!("objects: {{ x: {{ file: syscalls.bpf.o, sha256: \"{evil}\" }} }}"),
        format!("globals: {{ \"{evil}\": 1 }}"),
        format!("maps: {{ \"{evil}\": {{ max_entries: 1 }} }}"),
        format!("maps: {{ counts: {{ max_entries: \"{evil}\" }} }}"),
        format!("maps: {{ counts: {{ \"{evil}\": 1 }} }}"),
        format!("\"{evil}\": 1"),
        format!("tail_calls: {{ handlers: {{ \"{evil}\": exec }} }}"),
        format!("tail_calls: {{ handlers: {{ \"syscall:{evil}\": exec }} }}"),
        format!("tail_calls: {{ handlers: {{ 1: \"{evil}\" }} }}"),
        format!("tail_calls: {{ handlers: {{ 1: \"{evil}/x\" }} }}"),
        format!("read: {{ \"{evil}\": {{ top: 1 }} }}"),
        format!("read: {{ counts: {{ columns: {{ \"{evil}\": {{ hide: true }} }} }} }}"),
        format!("read: {{ counts: {{ columns: {{ nr: {{ as: \"{evil}\" }} }} }} }}"),
        format!(
            "read: {{ counts: {{ columns: {{ nr: {{ name: \"{evil}\" }}, pid: {{ name: \"{evil}\" }} }} }} }}"
        ),
        format!("read: {{ counts: {{ sort: \"{evil} {evil} {evil}\" }} }}"),
        format!("read: {{ counts: {{ sort: \"{evil}\" }} }}"),
        format!("read: {{ events: {{ type: \"{evil}\" }} }}"),
        format!("read: {{ events: {{ type: syscall_event, line: \"{{{{ {evil} }}}}\" }} }}"),
        // As bytes, where YAML takes them: in comments and in plain text.
        format!("name: x # check: allow({raw})"),
        format!("name: x # {raw}\nobjekt: y"),
        format!("name: {raw}"),
        format!("name: \"{raw}\""),
        format!("{raw}: 1"),
    ];
    for section in &sections {
        scratch.write("x.yaml", with(section));
        for format in ["human", "json", "sarif", "github"] {
            let output = check(scratch.path(), &["check", "x.yaml", "--output", format]);
            assert_harmless(&format!("{format} {section}"), &output);
        }
    }
    let named = format!("{raw}.yaml");
    scratch.write(&named, with("objekt: x"));
    let missing = format!("missing{raw}");
    for arguments in [
        vec!["check", &named],
        vec!["check", "."],
        vec!["check", &missing],
        vec!["check", "x.yaml", "--vars", &missing],
        vec!["check", "x.yaml", "--set", &format!("{raw}=1")],
        vec!["inspect", &missing],
        vec!["inspect", &named],
        vec!["init", &missing],
        vec!["explain", &missing],
        vec!["read", &missing],
        vec!["delete", &missing],
        vec!["status", &missing],
    ] {
        assert_harmless(&format!("{arguments:?}"), &check(scratch.path(), &arguments));
    }
}

#[test]
fn no_escape_of_an_object_reaches_the_terminal() {
    let scratch = Scratch::new("object-escapes");
    let prebuilt = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ebpf-programs/prebuilt/x86_64");
    let object = fs::read(prebuilt.join("syscalls.bpf.o")).expect("the object is there");
    // Names in the symbol table and in the types, replaced by others of the same length.
    for (name, evil) in [
        ("dispatch", "\u{1b}[35m\u{7}xx"),
        ("handlers", "\u{1b}]0;t\u{7}xx"),
        ("syscall_event", "\u{1b}[35m\u{7}xxxxxxx"),
        ("raw_tracepoint/sys_enter", "raw_tracepoint/\u{1b}[35m\u{7}xxx"),
        ("Dual MIT/GPL", "\u{1b}[35m\u{7}xxxxxx"),
    ] {
        assert_eq!(name.len(), evil.len());
        let mut bytes = object.clone();
        let mut places = 0;
        for start in 0..bytes.len() - name.len() {
            if bytes[start..].starts_with(name.as_bytes()) {
                bytes[start..start + name.len()].copy_from_slice(evil.as_bytes());
                places += 1;
            }
        }
        assert!(places > 0, "{name}");
        scratch.write("evil.bpf.o", bytes);
        let file = String::from_utf8(with("read: { counts: { columns: { x: { hide: true } } } }"))
            .expect("it is text")
            .replace("syscalls.bpf.o", "evil.bpf.o");
        scratch.write("x.yaml", file);
        for arguments in [
            vec!["inspect", "./evil.bpf.o"],
            vec!["inspect", "./evil.bpf.o", "--output", "json"],
            vec!["init", "./evil.bpf.o"],
            vec!["check", "x.yaml"],
            vec!["check", "x.yaml", "--output", "github"],
        ] {
            assert_harmless(&format!("{name} {arguments:?}"), &check(scratch.path(), &arguments));
        }
    }
}
