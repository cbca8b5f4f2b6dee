//! `probe-runner run`: attaches, shows events as they come and the maps at the end, and is gone.
//!
//! Nothing is pinned where it could stay: a killed process leaves nothing.

use crate::commands::apply::objects;
use crate::commands::stop::StopSignals;
use crate::commands::{Format, Outcome, attached, report};
use crate::kernel::ring::{self, RingReader, Wake};
use crate::kernel::{Error, Running, WholeLog, observe};
use crate::probe_files::{Inputs, ProbeFiles};
use crate::read::sinks::json::{Document, Style};
use crate::read::{Columns, Lookups, record, sinks};
use crate::readout::{self, EventStream};
use crate::rules::Checked;
use crate::text::template;
use crate::{apply, desired::Desired};
use serde_json::json;
use std::io::Write;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Records that are shown before the time and the signals are looked at again.
const BATCH: usize = 4096;

/// A probe while it runs.
struct Session {
    desired: Desired,
    running: Running,
    streams: Vec<EventStream>,
}

/// Runs the files' probes until a signal comes, or for some time.
///
/// # Errors
/// A file can't be read, a probe can't be brought up, or the output can't be written.
pub fn run(
    inputs: &Inputs,
    duration: Option<Duration>,
    format: Format,
    log: WholeLog,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let files = ProbeFiles::load(inputs)?;
    report::findings(&files)?;
    let Some(probes) = files.all_checked() else { return Ok(Outcome::FileWrong) };
    // From here on signals wait to be looked at, so that none ends the process half-way.
    let stop = StopSignals::block()?;
    let mut sessions = Vec::new();
    for checked in probes {
        match begin(checked) {
            Ok(session) => sessions.push(session),
            Err(error) => {
                report::failure(&checked.model().name.value, &error, log);
                return Ok(Outcome::Failed);
            }
        }
    }
    for session in &sessions {
        announce(session, format, out)?;
    }
    out.flush()?;
    show_events(&sessions, duration, format, &stop, out)?;
    for session in &mut sessions {
        finish(session, format, out)?;
    }
    Ok(Outcome::Done)
}

fn begin(checked: &Checked) -> Result<Session, Error> {
    let desired = checked.desired();
    let running = apply::run(&desired, &objects(checked))?;
    let streams = readout::event_streams(running.pins(), &desired.views)?;
    Ok(Session { desired, running, streams })
}

fn announce(session: &Session, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let probe = &session.desired.probe;
    let attachments = session.running.attachments();
    for text in session.running.notes() {
        report::note(probe, text);
    }
    for text in attachments.iter().flat_map(attached::reasons) {
        report::note(probe, &text);
    }
    match format {
        Format::Human => {
            for line in attachments.iter().filter_map(attached::line) {
                report::note(probe, &format!("attached {line}"));
            }
        }
        Format::Json => {
            let attachments: Vec<_> = attachments.iter().map(attached::document).collect();
            let line = json!({ "type": "attached", "probe": probe, "attachments": attachments });
            writeln!(out, "{line}")?;
        }
    }
    attached::warn(probe, attachments);
    Ok(())
}

fn show_events(
    sessions: &[Session],
    duration: Option<Duration>,
    format: Format,
    stop: &StopSignals,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let end = duration.map(|duration| Instant::now() + duration);
    let mut owners = Vec::new();
    let mut rings = Vec::new();
    for session in sessions {
        for stream in &session.streams {
            rings.push(RingReader::open(session.running.pins(), &stream.view.map)?);
            owners.push((session.desired.probe.as_str(), stream));
        }
    }
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let wake = ring::wait(&rings, stop.as_fd(), left)?;
        // What came before the end is shown too.
        for (ring, (probe, stream)) in rings.iter_mut().zip(&owners) {
            drain(ring, probe, stream, format, out)?;
        }
        out.flush()?;
        let is_over = left.is_some_and(|left| left.is_zero());
        if wake == Wake::Stop || is_over {
            return Ok(());
        }
    }
}

fn drain(
    ring: &mut RingReader,
    probe: &str,
    stream: &EventStream,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut lookups = Lookups::default();
    let mut result = Ok(());
    ring.drain(BATCH, |bytes| {
        if result.is_ok() {
            result = show(bytes, probe, stream, format, &mut lookups, out);
        }
    });
    result
}

fn show(
    bytes: &[u8],
    probe: &str,
    stream: &EventStream,
    format: Format,
    lookups: &mut Lookups,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let columns: &Columns = &stream.columns;
    let row = record(columns, bytes, lookups);
    match (format, &stream.view.line) {
        (Format::Json, _) => {
            let map = &stream.view.map;
            sinks::json::write_event(out, &sinks::json::Event { probe, map, columns, row: &row })?;
        }
        (Format::Human, Some(line)) => {
            let fields = sinks::line::template_context(columns, &row);
            match template::render_record(line, &fields) {
                Ok(text) => writeln!(out, "{text}")?,
                // A record may lack fields; it is shown as it is rather than not at all.
                Err(_) => sinks::line::write(out, columns, &row)?,
            }
        }
        (Format::Human, None) => sinks::line::write(out, columns, &row)?,
    }
    Ok(())
}

/// Detaches, so that the numbers stand still, and shows them.
fn finish(session: &mut Session, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let probe = &session.desired.probe;
    let live = observe::observe_pins(probe, session.running.pins(), None)?;
    let listings = readout::listings(session.running.pins())?;
    session.running.detach()?;
    let (pins, views) = (session.running.pins(), &session.desired.views);
    match format {
        Format::Human => {
            let readout = readout::read(pins, views, &live)?;
            if !session.streams.is_empty() {
                writeln!(out)?;
            }
            sinks::table::write(out, &readout.tables, &mut Lookups::default())?;
            sinks::listing::write(out, &listings, readout.tables.is_empty())?;
            out.flush()?;
            sinks::table::write_loss(&mut anstream::stderr(), &readout.loss)?;
        }
        Format::Json => {
            let mut document = Document::new(out, probe, Style::Line)?;
            let remarks = readout::stream(pins, views, &live, &mut document)?;
            document.finish(&listings, &remarks.loss)?;
        }
    }
    Ok(())
}
