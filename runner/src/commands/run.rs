//! `probe-runner run`: attaches, shows events as they come and the maps at the end, and is gone.
//!
//! Nothing is pinned where it could stay: a killed process leaves nothing.

mod events;
mod limit;

use crate::commands::apply::objects;
use crate::commands::run::events::Events;
use crate::commands::stop::StopSignals;
use crate::commands::{Format, Outcome, attached, colours, report};
use crate::kernel::{Error, Running, WholeLog, observe};
use crate::probe_files::{Inputs, ProbeFiles};
use crate::read::sinks::json::{Document, Style};
use crate::read::sinks::table;
use crate::read::{Loss, sinks};
use crate::readout::{self, EventStream, Wanted};
use crate::rules::Checked;
use crate::{apply, desired::Desired};
use serde_json::json;
use std::io::Write;
use std::time::Duration;

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
    let events = Events::open(&sessions)?;
    for session in &sessions {
        announce(session, format, out)?;
    }
    out.flush()?;
    let left_out = events::show(events, duration, format, &stop, out)?;
    for session in &mut sessions {
        let of_this = left_out.iter().filter(|(probe, _)| *probe == session.desired.probe);
        let left_out = of_this.map(|(_, loss)| loss.clone()).collect();
        finish(session, format, left_out, out)?;
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

/// Detaches, so that the numbers stand still, and shows them.
fn finish(
    session: &mut Session,
    format: Format,
    left_out: Vec<Loss>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let probe = &session.desired.probe;
    let live = observe::observe_pins(probe, session.running.pins(), None)?;
    let listings = readout::listings(session.running.pins())?;
    session.running.detach()?;
    let (pins, views) = (session.running.pins(), &session.desired.views);
    match format {
        Format::Human => {
            let mut readout = readout::read(pins, views, &live, Wanted::default())?;
            readout.loss.extend(left_out);
            if !session.streams.is_empty() {
                writeln!(out)?;
            }
            let style = table::Style { colours: colours(), rates: None };
            table::write(out, &readout.tables, style, &mut readout.lookups)?;
            sinks::listing::write(out, &listings, readout.tables.is_empty())?;
            out.flush()?;
            table::write_loss(&mut anstream::stderr(), &readout.loss)?;
        }
        Format::Json => {
            let mut document = Document::new(out, probe, Style::Line)?;
            let mut remarks =
                readout::stream(pins, views, &live, Wanted::default(), &mut document)?;
            remarks.loss.extend(left_out);
            document.finish(&listings, &remarks.loss)?;
        }
    }
    Ok(())
}
