//! What is served is what was counted, whoever asks, and whatever happens to the probes meanwhile.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::features::Need;
use crate::filled;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};
use crate::scrape::{OPEN_METRICS, page, request, samples, serve};
use crate::stage;
use crate::traffic::calls::{TIMER_CALLS, child};

const TIMERS: usize = 50;
const PATIENCE: Duration = Duration::from_secs(60);

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "serving-shows-what-maps-hold",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: shows_what_maps_hold,
    },
    Scenario {
        name: "serving-answers-as-http-does",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: answers_as_http_does,
    },
    Scenario {
        name: "serving-says-what-it-cannot-read",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: says_what_it_cannot_read,
    },
    Scenario {
        name: "serving-while-probes-come-and-go",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: while_probes_come_and_go,
    },
    Scenario {
        name: "serving-shows-no-half-of-a-probe",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: shows_no_half,
    },
    Scenario {
        name: "serving-prometheus-scrapes-the-exact-count",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints, Need::Prometheus],
        check: prometheus_scrapes,
    },
];

/// Applies a probe whose program fills maps with known values when this process asks for its id.
fn fill(context: &Context) -> Result<()> {
    let views = "  \
        recent: { reset: true, columns: { value: { kind: counter, description: 'Known \"values\"' } } }\n  \
        networks: { columns: { octets: { as: ip, name: net }, value: { as: duration, name: spent } } }\n  \
        recent_by_cpu: {}\n";
    filled::apply(context, "Fills maps", views)
}

/// The page without what differs from one to the next, and from kernel to kernel.
fn lasting(page: &str) -> String {
    let passing = ["_duration_", "_timestamp_", "probe_runner_lost", "probe_info", "build_info"];
    let lines = page.lines().filter(|line| !passing.iter().any(|word| line.contains(word)));
    lines.flat_map(|line| [line, "\n"]).collect()
}

const PAGE: &str = include_str!("../served.txt");

fn shows_what_maps_hold(context: &Context) -> Result<()> {
    fill(context)?;
    let served = serve(&context.product, &[])?;
    // Twice: what is shown stays in the map, although the view takes entries out.
    let first = page(&served.address, &[OPEN_METRICS])?;
    let second = page(&served.address, &[OPEN_METRICS])?;
    ensure!(lasting(&first) == lasting(&second), "another page:\n{first}\n{second}");
    let shown = lasting(&first);
    ensure!(shown == PAGE, "the page is\n{shown}");
    ensure!(first.ends_with("# EOF\n"), "the page has no end");

    // Both texts have the same series, and `read` those of the maps.
    let text = page(&served.address, &[])?;
    ensure!(!text.contains("# EOF"), "the text of Prometheus has no end mark");
    let text = lasting(&text);
    ensure!(samples(&shown)? == samples(&text)?, "{shown}\n{text}");
    let finished = served.running.terminate()?.success()?;
    ensure!(!finished.stderr.contains("warning"), "{}", finished.stderr);
    let read = context.product.command(&["read", "types", "-o", "prometheus"])?.success()?;
    let read = lasting(&read.stdout);
    let missing: Vec<&str> = samples(&text)?
        .keys()
        .filter(|series| !series.contains("_errors_total"))
        .filter(|series| !read.contains(*series))
        .copied()
        .collect();
    ensure!(missing.is_empty(), "`read` has no {missing:?}:\n{read}");
    context.product.command(&["delete", "types"])?.success()?;
    Ok(())
}

fn answers_as_http_does(context: &Context) -> Result<()> {
    let product = &context.product;
    // Before anything is applied.
    let served = serve(product, &["--timeout", "60s"])?;
    let address = served.address.as_str();
    let empty = page(address, &[])?;
    ensure!(samples(&empty)?.len() == 2, "of no probe there is\n{empty}");
    fill(context)?;
    ensure!(page(address, &[])?.contains("probe=\"types\""), "a new probe doesn't appear");

    let gzipped = request(address, "GET", "/metrics", &[("Accept-Encoding", "gzip")])?;
    ensure!(gzipped.headers.get("content-encoding").is_some_and(|coding| coding == "gzip"));
    ensure!(gzipped.body.starts_with(&[0x1f, 0x8b]), "the body isn't compressed");
    let kind = |headers: &[(&str, &str)]| -> Result<String> {
        let answer = request(address, "GET", "/metrics", headers)?;
        Ok(answer.headers.get("content-type").cloned().unwrap_or_default())
    };
    ensure!(kind(&[])? == "text/plain; version=0.0.4; charset=utf-8");
    ensure!(kind(&[OPEN_METRICS])? == "application/openmetrics-text; version=1.0.0; charset=utf-8");
    for (method, path, status, words) in [
        ("GET", "/", 200, "href=\"metrics\""),
        ("GET", "/-/healthy", 200, "serving"),
        ("HEAD", "/metrics", 200, ""),
        ("GET", "/metric", 404, "/metrics"),
        ("POST", "/metrics", 405, "GET"),
    ] {
        let answer = request(address, method, path, &[])?;
        let body = String::from_utf8_lossy(&answer.body);
        ensure!(
            answer.status == status && body.contains(words),
            "{method} {path}: {} {body}",
            answer.status
        );
    }
    // Who can't wait is told so, and nobody else.
    let hurried = [("X-Prometheus-Scrape-Timeout-Seconds", "0.000001")];
    let answer = request(address, "GET", "/metrics", &hurried)?;
    ensure!(answer.status == 503, "{}", answer.status);
    page(address, &[])?;

    // A client that says nothing doesn't keep others from being served, nor the server from ending.
    let silent = std::net::TcpStream::connect(address)?;
    page(address, &[])?;
    let taken = product.command(&["serve", "--listen", address])?.exits(1)?;
    taken.complains(&["in use", "ss -ltnp", "--listen"])?;
    served.running.terminate()?.success()?;
    drop(silent);

    let open = product.command(&["serve", "--listen", "0.0.0.0:0"])?.exits(1)?;
    open.complains(&["no TLS and no password", "--expose"])?;
    product.command(&["serve", "--listen", "9435"])?.exits(64)?.complains(&["ADDRESS:PORT"])?;
    product
        .command(&["serve", "--listen", "192.0.2.1:0", "--expose"])?
        .exits(1)?
        .complains(&["ip address"])?;
    product.command(&["delete", "types"])?.success()?;
    Ok(())
}

fn says_what_it_cannot_read(context: &Context) -> Result<()> {
    fill(context)?;
    let served = serve(&context.product, &["--series", "1"])?;
    let address = served.address.as_str();
    let shown = page(address, &[])?;
    let of = |page: &str, series: &str| samples(page).map(|all| all.get(series).copied());
    ensure!(
        of(&shown, "probe_runner_overflow_series{metric=\"probe_runner_recent_value\"}")?
            == Some(1.0),
        "{shown}"
    );
    let other = "probe_runner_recent_value_total{probe=\"types\",key=\"other\"}";
    ensure!(of(&shown, other)?.is_some(), "{shown}");
    ensure!(of(&shown, "probe_runner_probe_attached{probe=\"types\"}")? == Some(1.0), "{shown}");

    // Somebody removes a map's pin: the probe's numbers are left out, and that is told.
    fs::remove_file("/sys/fs/bpf/probe-runner/types/maps/recent")?;
    for times in [1.0, 2.0] {
        let shown = page(address, &[])?;
        let errors = of(&shown, "probe_runner_scrape_errors_total{probe=\"types\"}")?;
        ensure!(errors == Some(times), "{shown}");
        ensure!(
            of(&shown, "probe_runner_probe_attached{probe=\"types\"}")? == Some(0.0),
            "{shown}"
        );
        ensure!(!shown.contains("_networks_"), "{shown}");
    }
    context.product.command(&["delete", "types"])?.success()?;
    let shown = page(address, &[])?;
    ensure!(!shown.contains("types"), "a deleted probe is shown:\n{shown}");
    let finished = served.running.terminate()?.success()?;
    let warnings = finished.stderr.matches("warning").count();
    ensure!(warnings == 2, "{warnings} warnings instead of one for each:\n{}", finished.stderr);
    finished.complains(&["added up as `other`", "map recent"])
}

/// How much there is of everything.
struct Storm {
    series: u32,
    clients: usize,
    rounds: usize,
}

/// A probe that has as many entries as are wanted, each known by its number.
fn known(context: &Context, name: &str, entries: u32) -> Result<String> {
    let file = context.probe_of(
        "fill.bpf.o",
        name,
        &format!(
            "description: Fills a map\n\
             globals: {{ wanted: {entries} }}\n\
             attach:\n  - raw_tracepoint: {{ name: sys_enter, program: fill_flows }}\n\
             read: {{ flows: {{}} }}\n"
        ),
    )?;
    Ok(path(&file)?.to_owned())
}

fn series(probe: &str, number: u32) -> String {
    let target = -i64::from(number % 3);
    format!(
        "probe_runner_flows_value{{probe=\"{probe}\",device=\"{}\",queue=\"{}\",cpu=\"{}\",target=\"{target}\"}} {}\n",
        number % 7,
        number / 7 % 64,
        number / 448,
        1_000_003 * u64::from(number),
    )
}

fn while_probes_come_and_go(context: &Context) -> Result<()> {
    // Emulation takes long.
    let storm = match stage::is_init() {
        true => Storm { series: 2000, clients: 20, rounds: 3 },
        false => Storm { series: 10_000, clients: 100, rounds: 12 },
    };
    let stays = known(context, "stays", storm.series)?;
    let goes = [known(context, "visits-a", 640)?, known(context, "visits-b", 320)?];
    let product = &context.product;
    product.command(&["apply", &stays])?.success()?;
    let mut expected: Vec<String> = (0..storm.series).map(|n| series("stays", n)).collect();
    expected.sort_unstable();
    let expected = expected.concat();
    let visitors: std::collections::HashSet<String> = ["visits-a", "visits-b"]
        .iter()
        .flat_map(|probe| (0..640).map(move |number| series(probe, number)))
        .collect();

    let served = serve(product, &["--series", "20000", "--timeout", "60s"])?;
    let address = served.address.as_str();
    let start = Instant::now();
    while !page(address, &[])?.contains(&expected) {
        ensure!(start.elapsed() < PATIENCE, "the map doesn't get full");
    }
    let (is_over, scrapes, seen) =
        (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let client = |number: usize| -> Result<()> {
        let headers: &[(&str, &str)] = if number.is_multiple_of(2) { &[OPEN_METRICS] } else { &[] };
        while !is_over.load(Ordering::Relaxed) {
            let page = page(address, headers)?;
            ensure!(page.contains(&expected), "rows are missing or torn");
            ensure!(headers.is_empty() || page.ends_with("# EOF\n"), "the page has no end");
            let samples = samples(&page)?;
            let errors = samples.iter().find(|(series, value)| {
                series.starts_with("probe_runner_scrape_errors_total") && **value != 0.0
            });
            ensure!(errors.is_none(), "{errors:?}");
            for line in page.lines().filter(|line| line.contains("_flows_value{probe=\"visits")) {
                ensure!(visitors.contains(&format!("{line}\n")), "torn: {line}");
                seen.fetch_add(1, Ordering::Relaxed);
            }
            scrapes.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    let mut changes = 0;
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..storm.clients).map(|number| scope.spawn(move || client(number))).collect();
        let mut change = || -> Result<()> {
            for _ in 0..storm.rounds {
                for file in &goes {
                    product.one_of_many(&["apply", file])?.success()?;
                }
                product.one_of_many(&["delete", "visits-a", "visits-b"])?.success()?;
                changes += 4;
            }
            // Each client has scraped at least once.
            while scrapes.load(Ordering::Relaxed) < 2 * storm.clients
                && !clients.iter().all(|client| client.is_finished())
            {
                thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        };
        let changed = change();
        is_over.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        changed
    })?;
    let scrapes = scrapes.into_inner();
    ensure!(scrapes >= storm.clients, "only {scrapes} scrapes");
    let seen = seen.into_inner();
    ensure!(seen > 0, "no scrape met a probe that came and went");
    context.tell(format!(
        "{scrapes} scrapes by {} clients at a time, {changes} changes, {seen} rows of probes that came and went",
        storm.clients
    ));
    let finished = served.running.terminate()?.success()?;
    ensure!(!finished.stderr.contains("warning"), "{}", finished.stderr);
    product.command(&["delete", "stays"])?.success()?;
    Ok(())
}

/// One probe comes and goes as fast as it can while it is read as fast as it can: its numbers are there, all of them, or
/// none is, and that is no error.
fn shows_no_half(context: &Context) -> Result<()> {
    let product = &context.product;
    let rounds = if stage::is_init() { 8 } else { 60 };
    let file = product.shipped("syscalls");
    let served = serve(product, &["--timeout", "60s"])?;
    let address = served.address.as_str();
    let is_over = AtomicBool::new(false);
    let pages = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let seen = |is_applied: bool| pages[usize::from(is_applied)].load(Ordering::Relaxed);
    let client = || -> Result<()> {
        while !is_over.load(Ordering::Relaxed) {
            let page = page(address, &[])?;
            let samples = samples(&page)?;
            let of = |name: &str| samples.iter().find(|(series, _)| series.starts_with(name));
            let errors = of("probe_runner_scrape_errors_total{probe=\"syscalls\"}");
            ensure!(errors.is_none_or(|(_, errors)| *errors == 0.0), "{page}");
            let is_applied = of("probe_runner_probe_applied").is_some();
            pages[usize::from(is_applied)].fetch_add(1, Ordering::Relaxed);
            if is_applied {
                let state = of("probe_runner_probe_attached").map(|(_, value)| *value);
                ensure!(state == Some(1.0), "half of it is gone:\n{page}");
            }
            for series in ["probe_runner_calls_other_calls", "probe_runner_map_entries"] {
                ensure!(of(series).is_some() == is_applied, "{series}:\n{page}");
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let clients = [scope.spawn(client), scope.spawn(client)];
        let changed = (0..rounds).try_for_each(|round| {
            product.one_of_many(&["apply", path(&file)?])?.success()?;
            // Every other time it stays until a scrape has met it: left to chance that may be never.
            let (before, began) = (seen(true), Instant::now());
            while round % 2 == 1 && seen(true) == before {
                ensure!(began.elapsed() < Duration::from_secs(30), "no scrape meets the probe");
                thread::sleep(Duration::from_millis(1));
            }
            product.one_of_many(&["delete", "syscalls"])?.success().map(drop)
        });
        is_over.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        changed
    })?;
    let [without, with] = [seen(false), seen(true)];
    ensure!(without > 0 && with > 0, "{without} pages without the probe, {with} with it");
    context.tell(format!("{without} pages without the probe, {with} with it"));
    served.running.terminate()?.success()?;
    Ok(())
}

/// A Prometheus. Killed when dropped.
struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    fn start(directory: &Path, target: &str) -> Result<Prometheus> {
        // Whatever is free now.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let configuration = directory.join("prometheus.yml");
        fs::write(
            &configuration,
            format!(
                "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: probe-runner\n    \
                 static_configs: [ {{ targets: ['{target}'] }} ]\n"
            ),
        )?;
        let log = fs::File::create(directory.join("prometheus.log"))?;
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot start prometheus")?;
        Ok(Prometheus { child, address })
    }

    /// The value of a query that has one.
    fn ask(&self, query: &str) -> Result<Option<f64>> {
        let query = query.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let path = format!("/api/v1/query?query={query}");
        let Ok(answer) = request(&self.address, "GET", &path, &[]) else { return Ok(None) };
        let document: Value = serde_json::from_slice(&answer.body)?;
        let value = document["data"]["result"][0]["value"][1].as_str();
        Ok(value.map(str::parse).transpose()?)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn prometheus_scrapes(context: &Context) -> Result<()> {
    let product = &context.product;
    let file = product.shipped("syscalls");
    product.command(&["apply", path(&file)?])?.success()?;
    let served = serve(product, &[])?;
    let prometheus = Prometheus::start(&context.scratch, &served.address)?;
    let (pid, _) = child(&["timers", &TIMERS.to_string()])?;
    let start = Instant::now();
    for (_, name) in TIMER_CALLS {
        let query = format!(
            "probe_runner_counts_calls_total{{probe=\"syscalls\",call=\"{name}\",process=\"[{pid}]\"}}"
        );
        let found = loop {
            if let Some(found) = prometheus.ask(&query)? {
                break found;
            }
            if start.elapsed() > PATIENCE {
                let log = fs::read_to_string(context.scratch.join("prometheus.log"))?;
                bail!("Prometheus never has {query}:\n{log}");
            }
            thread::sleep(Duration::from_millis(100));
        };
        // Raw tracepoints may skip events on some kernels, and then say so.
        let missed = "sum(probe_runner_lost_total{what=\"recursion_misses\"})";
        let missed = prometheus.ask(missed)?.context("no misses are told")?;
        let made = TIMERS as f64;
        ensure!(
            found <= made && found + missed >= made,
            "{name}: {found} of {made}, {missed} missed"
        );
    }
    for (query, expected) in [
        ("up{job=\"probe-runner\"}", 1.0),
        ("probe_runner_probe_attached{probe=\"syscalls\"}", 1.0),
        ("sum(probe_runner_scrape_errors_total)", 0.0),
    ] {
        let found = prometheus.ask(query)?;
        ensure!(found == Some(expected), "{query} is {found:?}");
    }

    let served_page = page(&served.address, &[])?;
    let read = product.command(&["read", "syscalls", "-o", "prometheus"])?.success()?;
    for (what, text) in [("the page", &served_page), ("what is read", &read.stdout)] {
        lint(text).with_context(|| format!("promtool finds fault with {what}"))?;
    }
    // It does find fault.
    ensure!(lint("a_total{x=\"1\"} 1\n").is_err(), "promtool takes anything");
    served.running.terminate()?.success()?;
    product.command(&["delete", "syscalls"])?.success()?;
    Ok(())
}

/// Gives a text to `promtool check metrics`.
fn lint(text: &str) -> Result<()> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("no pipe")?.write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
    Ok(())
}
