//! `probe-runner serve`: the metrics of all applied probes over HTTP.

use crate::commands::stop::StopSignals;
use crate::commands::{Outcome, duration, report};
use crate::kernel::{Statistics, observe};
use crate::read::sinks::prometheus::SERIES;
use crate::serve::Collector;
use crate::serve::http::{self, Site};
use crate::serve::scrapes::Scrapes;
use anyhow::{Context, anyhow, bail};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

// What to serve and where.
#[expect(missing_docs, reason = "clap would say it instead of what it says of the command")]
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address and port to listen on, such as `[::1]:9435`; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9435", value_parser = address)]
    listen: SocketAddr,
    /// Listen on an address that other machines can reach, although there is no TLS and no password
    #[arg(long)]
    expose: bool,
    /// How long reading all probes may take; a scraper that says how long it waits may get less
    #[arg(long, value_name = "DURATION", default_value = "8s", value_parser = duration::parse)]
    timeout: Duration,
    /// How many series a metric has at most: the others are added up as `other`
    #[arg(long, value_name = "NUMBER", default_value_t = SERIES)]
    series: usize,
    /// Have the kernel count and time the programs' runs. Every run of every BPF program of the machine
    /// then takes some tens of nanoseconds longer
    #[arg(long)]
    measure: bool,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let text =
        text.strip_prefix("localhost:").map_or(text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| "write ADDRESS:PORT, such as 127.0.0.1:9435 or [::1]:9435".to_owned())
}

/// Serves until SIGINT, SIGTERM or SIGHUP.
///
/// # Errors
/// The address can't be listened on, or the applied probes can't be listed.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    if !args.listen.ip().is_loopback() && !args.expose {
        bail!(
            "{} can be reached from other machines, and whoever reaches it reads what the probes \
             count: there is no TLS and no password. Put a proxy in front that has them (docs/serving.md), \
             or add --expose if everybody who can reach it may read it",
            args.listen
        );
    }
    let stop = StopSignals::block()?;
    // Better now than at the first scrape.
    observe::probes()?;
    let _statistics = args.measure.then(Statistics::enable).transpose()?;
    let listener = TcpListener::bind(args.listen).map_err(|error| refused(args.listen, &error))?;
    let address = listener.local_addr()?;
    let scrapes = Scrapes::start(Collector::new(args.series), report::plain_warning)
        .context("no thread can be started")?;
    report::plain_note(&format!("serving http://{address}/metrics until Ctrl-C or SIGTERM"));
    let until = move || {
        // What can't be waited for ends it too.
        let _ = stop.within(None);
    };
    http::serve(listener, Site { scrapes, timeout: args.timeout }, until)
        .with_context(|| format!("can't serve on {address}"))?;
    Ok(Outcome::Done)
}

fn refused(address: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    let port = address.port();
    let next = match error.kind() {
        ErrorKind::AddrInUse => format!(
            "something listens there already, perhaps another `probe-runner serve`: `ss -ltnp sport = :{port}` \
             shows it; or choose another address with --listen"
        ),
        ErrorKind::AddrNotAvailable => {
            "this machine has no such address: `ip address` shows those that it has".to_owned()
        }
        ErrorKind::PermissionDenied => {
            "ports below 1024 take root or CAP_NET_BIND_SERVICE: choose a higher one".to_owned()
        }
        _ => "choose another address with --listen".to_owned(),
    };
    anyhow!("can't listen on {address}: {error}; {next}")
}
