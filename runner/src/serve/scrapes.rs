//! The thread that reads the kernel, one page at a time.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::serve::collector::Collector;
use crate::serve::page::{self, Wish};

/// The bytes of an answer, shared by all who asked for the same.
pub type Body = Arc<[u8]>;

/// Where pages are asked for.
#[derive(Debug)]
pub struct Scrapes {
    requests: Mutex<Sender<Request>>,
    begin: Instant,
    /// Since when a page is being made, in milliseconds after `begin`; 0 for none.
    busy: Arc<AtomicU64>,
}

/// One who waits.
struct Request {
    wish: Wish,
    until: Instant,
    reply: Box<dyn FnOnce(Body) + Send>,
}

impl Scrapes {
    /// Starts the thread. `say` is given what a person should know.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        mut collector: Collector,
        say: impl Fn(&str) + Send + 'static,
    ) -> io::Result<Scrapes> {
        let (sender, requests) = channel();
        let busy = Arc::new(AtomicU64::new(0));
        let begin = Instant::now();
        let since = busy.clone();
        thread::Builder::new().name("scrapes".to_owned()).spawn(move || {
            while let Some(waiting) = next(&requests) {
                since.store(milliseconds(begin).max(1), Ordering::Relaxed);
                answer(waiting, &mut collector, &say);
                since.store(0, Ordering::Relaxed);
            }
        })?;
        Ok(Scrapes { requests: Mutex::new(sender), begin, busy })
    }

    /// Asks for a page. If none comes until then, `reply` is dropped uncalled sooner or later.
    pub fn ask(&self, wish: Wish, until: Instant, reply: impl FnOnce(Body) + Send + 'static) {
        let request = Request { wish, until, reply: Box::new(reply) };
        if let Ok(requests) = self.requests.lock() {
            // Without the thread the reply is dropped, which is how whoever waits gets to know.
            let _ = requests.send(request);
        }
    }

    /// For how long a page has been in the making.
    pub fn busy(&self) -> Duration {
        match self.busy.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_millis(milliseconds(self.begin).saturating_sub(since)),
        }
    }
}

fn milliseconds(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Waits for a request, and takes all that came since the last page was begun. None at the end.
fn next(requests: &Receiver<Request>) -> Option<Vec<Request>> {
    let mut waiting = vec![requests.recv().ok()?];
    waiting.extend(requests.try_iter());
    Some(waiting)
}

/// Makes one page for all who wait, in the forms that they want.
fn answer(mut waiting: Vec<Request>, collector: &mut Collector, say: &impl Fn(&str)) {
    waiting.retain(|request| request.until > Instant::now());
    // Whoever has less time than others is told so, and doesn't make the page smaller for them.
    let Some(until) = waiting.iter().map(|request| request.until).max() else { return };
    let metrics = collector.collect(until, say);
    let mut bodies: BTreeMap<Wish, Body> = BTreeMap::new();
    for Request { wish, reply, .. } in waiting {
        let body = match bodies.get(&wish) {
            Some(body) => body.clone(),
            None => {
                // Memory takes everything.
                let Ok(body) = page::write(&metrics, wish) else { continue };
                bodies.insert(wish, body.clone());
                body
            }
        };
        reply(body);
    }
    collector.remember(metrics);
}
