//! A report is a page that a browser shows as it is, and that asks nobody for anything.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::features::Need;
use crate::filled;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};

/// What the probe file has a map hold, as its author or a process might have named it.
const HOSTILE: &str = "</td></svg><script>document.title=1</script><img src=//example.com/x>";

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "reporting-writes-a-page",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: writes_a_page,
    },
    Scenario {
        name: "reporting-chromium-shows-the-page",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints, Need::Chromium],
        check: chromium_shows_the_page,
    },
];

/// Applies a probe whose maps hold known values, writes its report, and deletes it.
fn report(context: &Context) -> Result<String> {
    let views = format!(
        "  recent: {{ reset: true, columns: {{ key: {{ as: {{ static: {{ 1: '{HOSTILE}', 2: two }} }} }} }} }}\n  \
           recent_by_cpu: {{ plot: {{ histogram: {{ bucket: key, value: value }} }} }}\n  \
           networks: {{ plot: {{ heatmap: {{ x: length, y: length, value: value }} }} }}\n"
    );
    filled::apply(context, "Fills maps with <values>", &views)?;
    let product = &context.product;
    let page = context.scratch.join("types.html");
    let page = path(&page)?;
    product.command(&["report", "types", "-o", "html", "--output", page])?.success()?;
    let written = fs::read_to_string(page)?;
    let printed = product.command(&["report", "types"])?.success()?.stdout;
    ensure!(parts(&written) == parts(&printed), "two reports differ:\n{written}\n{printed}");
    product.command(&["delete", "types"])?.success()?;
    Ok(written)
}

/// The tables and drawings, which don't change from one reading to the next.
fn parts(page: &str) -> Option<&str> {
    page.split_once("<main>")?.1.split_once("<h2>State</h2>").map(|(parts, _)| parts)
}

fn writes_a_page(context: &Context) -> Result<()> {
    let page = report(context)?;
    for part in [
        "<h1>types</h1>",
        "<p>Fills maps with &lt;values&gt;</p>",
        "<dt>attached to</dt><dd>raw_tracepoint sys_enter (fill)</dd>",
        "<dt>taken</dt><dd>20",
        "<dt>applied</dt><dd>20",
        "<dt>kernel</dt><dd>Linux ",
        "<td>two</td><td class=\"number\">20</td>",
        "<title>[4, 8): 20</title>",
        "<title>length 24, length 24: 10</title>",
        "probe&#x2f;types attached",
    ] {
        ensure!(page.contains(part), "there is no {part}:\n{page}");
    }
    ensure!(!page.contains("<script") && !page.contains("<img"), "something got out:\n{page}");
    let product = &context.product;
    product.command(&["report", "types"])?.exits(1)?.complains(&["no probe `types` is applied"])?;
    product.command(&["report", "types", "--output", "html"])?.exits(1)?.complains(&["-o html"])?;
    Ok(())
}

fn chromium_shows_the_page(context: &Context) -> Result<()> {
    let written = report(context)?;
    let page = context.scratch.join("types.html");
    let browser = Browser::new(&context.scratch)?;

    let shown = browser.dump(&page)?;
    let rects = written.matches("<rect ").count();
    ensure!(rects == 2, "{rects} shapes instead of a bar and a cell");
    ensure!(shown.matches("<rect ").count() == rects, "other shapes are shown:\n{shown}");
    ensure!(shown.contains("class=\"bar\"") && shown.contains("class=\"h8\""), "{shown}");
    for text in ["Fills maps with &lt;values&gt;", "two</td>", "&lt;script&gt;document.title=1"] {
        ensure!(shown.contains(text), "{text} isn't shown:\n{shown}");
    }
    // What somebody put into a map is text, and no part of the page.
    ensure!(shown.contains("<title>types on "), "a script ran:\n{shown}");
    ensure!(!shown.contains("<script") && !shown.contains("<img"), "{shown}");
    let asked = browser.asked();
    ensure!(asked == 0, "the page asked for something {asked} times");

    // Something is drawn: the picture has much more in it than an empty page's.
    let blank = context.scratch.join("blank.html");
    fs::write(&blank, "<!DOCTYPE html><title>blank</title>")?;
    let [drawn, empty] = [browser.screenshot(&page)?, browser.screenshot(&blank)?];
    ensure!(drawn > 2 * empty, "the picture has {drawn} bytes, that of an empty page {empty}");

    // The policy alone keeps what the page names from being asked for, and this browser would ask.
    let names = "<img src=\"http://example.com/x.png\"><p style=\"background:url(http://example.com/y.png)\">";
    let added = written.replace("<main>", &format!("<main>{names}"));
    let allowed = added.replace("http-equiv", "x-http-equiv");
    fs::write(&page, &added)?;
    browser.dump(&page)?;
    let asked = browser.asked();
    ensure!(asked == 0, "the policy let the page ask {asked} times");
    fs::write(&page, allowed)?;
    browser.dump(&page)?;
    ensure!(browser.asked() > 0, "the browser asks for nothing anyway: is the test looking?");
    Ok(())
}

/// Chromium, with a proxy that counts what it is asked for and answers nothing.
struct Browser<'a> {
    directory: &'a Path,
    proxy: String,
    asked: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Browser<'_> {
    /// The proxy ends with it: later scenarios have this process to themselves.
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // It waits for a connection.
        TcpStream::connect(&self.proxy).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl<'a> Browser<'a> {
    fn new(directory: &'a Path) -> Result<Browser<'a>> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let proxy = listener.local_addr()?.to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let ended = Arc::new(AtomicBool::new(false));
        let (counted, is_over) = (asked.clone(), ended.clone());
        let thread = thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let mut request = [0; 1024];
                stream.set_read_timeout(Some(Duration::from_secs(5))).ok();
                let size = stream.read(&mut request).unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..size]);
                // The browser's own errands are none of the page's.
                if request.contains("example.com") {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").ok();
            }
        });
        Ok(Browser { directory, proxy, asked, ended, thread: Some(thread) })
    }

    /// How often something was asked for since the last time.
    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }

    /// The document, after the browser has read it.
    fn dump(&self, page: &Path) -> Result<String> {
        self.run(&["--dump-dom".to_owned()], page)
    }

    /// How many bytes a picture of the page has.
    fn screenshot(&self, page: &Path) -> Result<u64> {
        let picture = self.directory.join("picture.png");
        let argument = format!("--screenshot={}", picture.display());
        self.run(&[argument, "--window-size=1200,1000".to_owned()], page)?;
        let bytes = fs::read(&picture)?;
        ensure!(bytes.starts_with(b"\x89PNG"), "no picture was made");
        Ok(bytes.len() as u64)
    }

    fn run(&self, arguments: &[String], page: &Path) -> Result<String> {
        let output = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .arg(format!("--user-data-dir={}", self.directory.join("browser").display()))
            .arg(format!("--proxy-server={}", self.proxy))
            .args(arguments)
            .arg(format!("file://{}", page.display()))
            .env("HOME", self.directory)
            .stdin(Stdio::null())
            .output()
            .context("cannot start chromium")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "chromium ended with {}: {said}", output.status);
        Ok(String::from_utf8(output.stdout)?)
    }
}
