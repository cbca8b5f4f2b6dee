//! Serving: how long a page of many series takes, how much memory, and many scrapers at once while probes come and go.
//! On this machine's kernel.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::bench::read::{run_quietly, with_map};
use crate::bench::told;
use crate::{binaries, packages, paths};

/// How to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Counted scrapes of each kind
    #[arg(long, default_value_t = 101)]
    scrapes: usize,
    /// Series of the page
    #[arg(long, default_value_t = 10_000)]
    series: u32,
    /// Scrapers at a time
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// How often a probe is applied and deleted while those scrape
    #[arg(long, default_value_t = 20)]
    rounds: usize,
}

const SCRAPE: Duration = Duration::from_millis(50);
const MEMORY: u64 = 24 << 10;
const OPEN_METRICS: &str = "Accept: application/openmetrics-text; version=1.0.0\r\n";

/// Measures and prints each figure with what it is to be.
///
/// # Errors
/// Not root, or something that is measured fails.
pub fn run(args: &Args) -> Result<()> {
    if !packages::is_root() {
        bail!("loading BPF programs needs root: run this as root");
    }
    let binary = binaries::build()?.probe_runner;
    with_map(&binary, "flows", "fill_flows", args.series, || measure(&binary, args))
}

fn measure(binary: &Path, args: &Args) -> Result<()> {
    let server = Server::start(binary)?;
    for (name, headers) in [
        ("text", String::new()),
        ("OpenMetrics", OPEN_METRICS.to_owned()),
        ("OpenMetrics, gzip", format!("{OPEN_METRICS}Accept-Encoding: gzip\r\n")),
    ] {
        let mut times = Vec::new();
        let mut size = 0;
        for _ in 0..args.scrapes {
            let begin = Instant::now();
            let answer = scrape(&server.address, &headers)?;
            times.push(begin.elapsed());
            size = answer.len();
            if !name.ends_with("gzip") {
                is_whole(&answer, args.series)?;
            }
        }
        times.sort_unstable();
        let of = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        told(
            of(50) <= SCRAPE,
            &format!(
                "{name}: {:.1} ms median, {:.1} ms p99 of {} scrapes, {} KiB (≤ {SCRAPE:?} median)",
                1e3 * of(50).as_secs_f64(),
                1e3 * of(99).as_secs_f64(),
                args.scrapes,
                size >> 10,
            ),
        )?;
    }
    let memory = server.memory()?;
    told(memory <= MEMORY, &mebibytes("largest resident set after those", memory))?;
    together(binary, &server, args)?;
    let memory = server.memory()?;
    told(memory <= MEMORY, &mebibytes("largest resident set in the end", memory))
}

fn mebibytes(what: &str, kibibytes: u64) -> String {
    format!("{what}: {:.1} MiB (≤ {} MiB)", kibibytes as f64 / 1024.0, MEMORY >> 10)
}

/// Many scrapers at once, while a probe is applied and deleted again and again.
fn together(binary: &Path, server: &Server, args: &Args) -> Result<()> {
    let (is_over, scrapes) = (AtomicBool::new(false), AtomicUsize::new(0));
    let client = || -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let begin = Instant::now();
            let answer = scrape(&server.address, OPEN_METRICS)?;
            times.push(begin.elapsed());
            is_whole(&answer, args.series)?;
            scrapes.fetch_add(1, Ordering::Relaxed);
        }
        Ok(times)
    };
    let visitor = visitor()?;
    let mut times = thread::scope(|scope| {
        let clients: Vec<_> = (0..args.clients).map(|_| scope.spawn(client)).collect();
        let mut changed = Ok(());
        let mut rounds = 0;
        while changed.is_ok()
            && (rounds < args.rounds || scrapes.load(Ordering::Relaxed) < 3 * args.clients)
            && !clients.iter().any(|client| client.is_finished())
        {
            changed = run_quietly(Command::new(binary).arg("apply").arg(&visitor))
                .and_then(|()| run_quietly(Command::new(binary).args(["delete", "bench-visitor"])));
            rounds += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        for client in clients {
            times.extend(client.join().map_err(|_| anyhow!("a scraper panicked"))??);
        }
        changed.map(|()| times)
    })?;
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    // An error or a page that isn't whole has ended this already.
    told(
        true,
        &format!(
            "{} scrapers at a time while a probe comes and goes: {} scrapes, all whole, {:.0} ms median",
            args.clients,
            times.len(),
            1e3 * middle.as_secs_f64()
        ),
    )
}

/// A probe that is applied and deleted.
fn visitor() -> Result<PathBuf> {
    let file = paths::target().join("bench-visitor.yaml");
    let text = "version: 1\nobject: syscalls.bpf.o\nattach:\n  - raw_tracepoint: { name: sys_enter, program: dispatch }\n\
                tail_calls:\n  handlers: { 59: exec }\n";
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// Whether every series is there with the number that it is known to have.
fn is_whole(answer: &[u8], series: u32) -> Result<()> {
    let answer = std::str::from_utf8(answer)?;
    let (mut rows, mut sum) = (0, 0);
    for line in answer.lines().filter(|line| line.starts_with("probe_runner_flows_value{")) {
        let value = line.rsplit_once("} ").and_then(|(_, value)| value.parse::<u64>().ok());
        rows += 1;
        sum += value.with_context(|| format!("torn: {line}"))?;
    }
    let series = u64::from(series);
    ensure!(
        rows == series && sum == 1_000_003 * (series * (series - 1) / 2),
        "{rows} series instead of {series}"
    );
    let has_errors = answer
        .lines()
        .any(|line| line.starts_with("probe_runner_scrape_errors_total") && !line.ends_with("} 0"));
    ensure!(!has_errors, "a probe could not be read");
    Ok(())
}

/// The server. Ended when dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(binary: &Path) -> Result<Server> {
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start probe-runner")?;
        let mut line = String::new();
        BufReader::new(child.stderr.take().context("no pipe")?).read_line(&mut line)?;
        let address = line.split_once("http://").and_then(|(_, rest)| rest.split_once('/'));
        let (address, _) = address.with_context(|| format!("no address: {line}"))?;
        Ok(Server { child, address: address.to_owned() })
    }

    /// The largest resident set so far, in KiB.
    fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        size.context("the kernel doesn't tell the largest resident set")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// One scrape: from connecting to the last byte.
fn scrape(address: &str, headers: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).context("cannot connect")?;
    stream.write_all(
        format!("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
            .as_bytes(),
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    ensure!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    Ok(answer)
}
