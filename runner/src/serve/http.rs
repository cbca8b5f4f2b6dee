//! The HTTP side. The only user of hyper and tokio.
//!
//! Nothing here blocks: pages are made by [`Scrapes`]'s thread. What a client can take is bounded: how many
//! there are, how long a request may take to come, and how long a connection lasts.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout, timeout_at};

use crate::read::sinks::prometheus::Format;
use crate::serve::accept;
use crate::serve::page::Wish;
use crate::serve::scrapes::{Body, Scrapes};

/// How many connections there are at a time; others wait.
const CONNECTIONS: usize = 256;
/// For a request to come, also the next one of a connection.
const PATIENCE: Duration = Duration::from_secs(75);
/// For a connection that goes on and on.
const LONGEST: Duration = Duration::from_secs(600);
/// For requests that are under way when the server is to end.
const FAREWELL: Duration = Duration::from_secs(3);
/// A page that takes so long will not come any more.
const STUCK: Duration = Duration::from_secs(60);
/// What scrapers say of how long they wait, in seconds.
const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// What is served.
#[derive(Debug)]
pub struct Site {
    /// Where pages come from.
    pub scrapes: Scrapes,
    /// For a page; less where the scraper says so.
    pub timeout: Duration,
}

type Answer = Response<Full<Bytes>>;

/// Serves until `until` returns, which is called on a thread of its own.
///
/// # Errors
/// The system refuses what serving takes.
pub fn serve(
    listener: TcpListener,
    site: Site,
    until: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (stopped, mut stop) = oneshot::channel();
        thread::Builder::new().name("stop".to_owned()).spawn(move || {
            until();
            // Nobody listens when the server ended by itself.
            let _ = stopped.send(());
        })?;
        let site = Arc::new(site);
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let open = GracefulShutdown::new();
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(32 << 10);
        loop {
            let next = async {
                // The semaphore is never closed.
                let place = places.clone().acquire_owned().await.ok();
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                _ = &mut stop => break,
                next = next => next,
            };
            let Ok((stream, _)) = accepted else {
                // No descriptors are left, or the client is gone already.
                sleep(Duration::from_millis(50)).await;
                continue;
            };
            let site = site.clone();
            let service = service_fn(move |request| {
                let site = site.clone();
                async move { Ok::<Answer, Infallible>(answer(&request, &site).await) }
            });
            let connection = server.serve_connection(TokioIo::new(stream), service);
            let connection = open.watch(connection);
            tokio::spawn(async move {
                // What goes wrong with a connection is the client's to know.
                let _ = timeout(LONGEST, connection).await;
                drop(place);
            });
        }
        drop(listener);
        let _ = timeout(FAREWELL, open.shutdown()).await;
        Ok(())
    })
}

async fn answer(request: &Request<Incoming>, site: &Site) -> Answer {
    let path = request.uri().path();
    if !matches!(path, "/" | "/metrics" | "/-/healthy") {
        return text(StatusCode::NOT_FOUND, "there is /metrics, /-/healthy and /\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match path {
        "/metrics" => metrics(request.headers(), site).await,
        "/-/healthy" => healthy(site),
        _ => {
            let page = concat!(
                "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>probe-runner</title>\n",
                "<h1>probe-runner ",
                env!("CARGO_PKG_VERSION"),
                "</h1>\n<p>What the applied probes count: <a href=\"metrics\">metrics</a>. ",
                "Whether this works: <a href=\"-/healthy\">health</a>.</p>\n</html>\n",
            );
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            of(StatusCode::OK, html, Bytes::from_static(page.as_bytes()))
        }
    }
}

async fn metrics(headers: &HeaderMap, site: &Site) -> Answer {
    let wish = Wish {
        format: accept::format(header_of(headers, header::ACCEPT)),
        gzip: accept::gzip(header_of(headers, header::ACCEPT_ENCODING)),
    };
    let time = time(header_of(headers, SCRAPE_TIMEOUT), site.timeout);
    let until = Instant::now() + time;
    let (reply, body) = oneshot::channel::<Body>();
    site.scrapes.ask(wish, until, |body| {
        // Whoever asked may be gone.
        let _ = reply.send(body);
    });
    match timeout_at(until.into(), body).await {
        Ok(Ok(body)) => page(wish, body),
        Ok(Err(_)) if Instant::now() < until => {
            text(StatusCode::INTERNAL_SERVER_ERROR, "no page could be made\n")
        }
        Ok(Err(_)) | Err(_) => {
            let why = format!("the probes could not be read within {time:?}\n");
            text(StatusCode::SERVICE_UNAVAILABLE, why)
        }
    }
}

/// How long a page may take: a bit less than the scraper waits.
fn time(asked: Option<&str>, longest: Duration) -> Duration {
    let seconds = asked.and_then(|text| text.trim().parse::<f64>().ok());
    let asked = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds * 0.9).ok());
    asked.filter(|asked| !asked.is_zero()).unwrap_or(longest).min(longest)
}

fn page(wish: Wish, body: Body) -> Answer {
    let kind = HeaderValue::from_static(match wish.format {
        Format::Text => "text/plain; version=0.0.4; charset=utf-8",
        Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    });
    let mut answer = of(StatusCode::OK, kind, Bytes::from_owner(body));
    let headers = answer.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if wish.gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

fn healthy(site: &Site) -> Answer {
    let busy = site.scrapes.busy();
    if busy > STUCK {
        let why = format!("a page has been in the making for {} s\n", busy.as_secs());
        return text(StatusCode::SERVICE_UNAVAILABLE, why);
    }
    text(StatusCode::OK, "probe-runner is serving\n")
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    of(status, HeaderValue::from_static("text/plain; charset=utf-8"), body.into())
}

fn of(status: StatusCode, kind: HeaderValue, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

fn header_of(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::time;
    use std::time::Duration;

    #[test]
    fn a_page_comes_before_the_scraper_gives_up() {
        let longest = Duration::from_secs(8);
        for (asked, given) in [
            (None, 8000),
            (Some("10"), 8000),
            (Some("5"), 4500),
            (Some("0.5"), 450),
            (Some("-1"), 8000),
            (Some("nan"), 8000),
            (Some("inf"), 8000),
            (Some("0"), 8000),
            (Some("soon"), 8000),
        ] {
            assert_eq!(time(asked, longest), Duration::from_millis(given), "{asked:?}");
        }
    }
}
