//! Scrapes `probe-runner serve`: HTTP as simple as it gets, and the text that comes.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::product::{Product, Running};

const PATIENCE: Duration = Duration::from_secs(60);

/// What asks for OpenMetrics.
pub const OPEN_METRICS: (&str, &str) = ("Accept", "application/openmetrics-text; version=1.0.0");

/// A server, and where it is.
pub struct Served {
    /// The server.
    pub running: Running,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

/// What a server answered.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Starts `serve` on any port and waits until it listens.
///
/// # Errors
/// It ends, or doesn't say where it listens.
pub fn serve(product: &Product, more: &[&str]) -> Result<Served> {
    let arguments = [&["serve", "--listen", "127.0.0.1:0"], more].concat();
    let mut running = product.start(&arguments)?;
    let start = Instant::now();
    loop {
        let said = running.said()?;
        if let Some((address, _)) =
            said.split_once("http://").and_then(|(_, rest)| rest.split_once("/metrics until"))
        {
            return Ok(Served { address: address.to_owned(), running });
        }
        if let Some(finished) = running.try_finish()? {
            bail!("serve ended: {}", finished.stderr);
        }
        ensure!(start.elapsed() < PATIENCE, "serve doesn't say where it listens: {said}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends one request and reads the answer.
///
/// # Errors
/// There is no connection, or what comes is no answer, or cut off.
pub fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Answer> {
    let mut stream = TcpStream::connect(address).context("cannot connect")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).context("the answer breaks off")?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").context("no answer")?;
    let head = std::str::from_utf8(&bytes[..end])?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?;
    let status = status.parse().with_context(|| format!("no status: {status}"))?;
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let body = bytes.split_off(end + 4);
    if method != "HEAD" {
        let length = headers.get("content-length").context("no length")?;
        ensure!(*length == body.len().to_string(), "{} bytes instead of {length}", body.len());
    }
    Ok(Answer { status, headers, body })
}

/// One page of metrics as text.
///
/// # Errors
/// The answer is another than the page.
pub fn page(address: &str, headers: &[(&str, &str)]) -> Result<String> {
    let answer = request(address, "GET", "/metrics", headers)?;
    ensure!(
        answer.status == 200,
        "status {}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    Ok(String::from_utf8(answer.body)?)
}

/// The series of a page and their values.
///
/// # Errors
/// A line is no sample, or a series is there twice.
pub fn samples(page: &str) -> Result<BTreeMap<&str, f64>> {
    let mut samples = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').with_context(|| format!("torn: {line}"))?;
        let is_whole = series.ends_with('}') || !series.contains('{');
        let value = value.parse().with_context(|| format!("no number: {line}"))?;
        ensure!(is_whole && series.starts_with("probe_runner_"), "torn: {line}");
        ensure!(samples.insert(series, value).is_none(), "twice: {series}");
    }
    Ok(samples)
}
