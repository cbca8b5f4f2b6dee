//! `probe-runner run`: attaches, shows events as they come and the maps at the end, and is gone.
//!
//! Nothing is pinned where it could stay: a killed process leaves nothing.

mod events;
mod limit;

use crate::commands::apply::objects;
use crate::commands::run::events::Events;
use crate::commands::stop::StopSignals;
use crate::commands::{Outcome, attached, colours, report};
use crate::kernel::{Error, Running, WholeLog, observe, wait_until_detached};
use crate::live::Live;
use crate::probe_files::{Inputs, ProbeFiles};
use crate::read::sinks::json::{Document, Style};
use crate::read::sinks::table;
use crate::read::{Listing, sinks};
use crate::readout::{self, EventStream, Wanted};
use crate::rules::Checked;
use crate::text::suggest::listed;
use crate::text::template::Filter;
use crate::{apply, desired::Desired};
use anyhow::{anyhow, bail};
use serde_json::json;
use std::io::Write;
use std::time::Duration;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs: one document a line.
    Json,
    /// The records of one map alone, for spreadsheets.
    Csv,
}

// Which records are shown.
#[expect(missing_docs, reason = "clap would say it instead of what it says of the command")]
#[derive(Debug, clap::Args)]
pub struct Chosen {
    /// Show only the records for which this holds, such as `call == "execve" and pid > 1000`
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Show the records of this map alone; may be repeated
    #[arg(long, value_name = "MAP")]
    events: Vec<String>,
}

/// Which records are shown, with a filter that can be used.
pub struct Shown {
    filter: Option<Filter>,
    maps: Vec<String>,
}

/// A probe while it runs.
struct Session {
    desired: Desired,
    running: Running,
    streams: Vec<EventStream>,
}

/// A probe that was detached, and what was seen of it before.
struct Ended {
    session: Session,
    live: Live,
    listings: Vec<Listing>,
}

/// Runs the files' probes until a signal comes, or for some time.
///
/// # Errors
/// A file can't be read, a probe can't be brought up, or the output can't be written.
pub fn run(
    inputs: &Inputs,
    duration: Option<Duration>,
    chosen: &Chosen,
    format: Format,
    log: WholeLog,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let shown = Shown::new(chosen)?;
    let files = ProbeFiles::load(inputs)?;
    report::findings(&files)?;
    let Some(probes) = files.all_checked() else { return Ok(Outcome::FileWrong) };
    shown.fits(&probes, format)?;
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
    let mut events = Events::open(&mut sessions, &shown)?;
    for session in &sessions {
        announce(session, format, out)?;
    }
    events.announce();
    out.flush()?;
    events.show(duration, format, &stop, out)?;
    let ended = sessions.into_iter().map(detach).collect::<anyhow::Result<Vec<_>>>()?;
    for ended in ended.iter().filter(|ended| events.has_any(&ended.session.desired.probe)) {
        // Until then programs may still send.
        let links = ended.live.links.iter().map(|link| link.id);
        if let Err(why) = wait_until_detached(links) {
            let text = format!("records that were sent while it ended may be missing: {why}");
            report::note(&ended.session.desired.probe, &text);
        }
    }
    events.show_rest(format, out)?;
    for ended in &ended {
        finish(ended, &events, format, out)?;
    }
    Ok(Outcome::Done)
}

impl Shown {
    fn new(chosen: &Chosen) -> anyhow::Result<Shown> {
        let filter = chosen.filter.as_deref().map(Filter::parse).transpose();
        let filter = filter.map_err(|error| anyhow!("--filter: {}", error.message))?;
        Ok(Shown { filter, maps: chosen.events.clone() })
    }

    /// Whether a map's records are shown.
    fn has(&self, map: &str) -> bool {
        self.maps.is_empty() || self.maps.iter().any(|wanted| wanted == map)
    }

    /// Before anything is attached: whether there are the maps that the options are about.
    fn fits(&self, probes: &[&Checked], format: Format) -> anyhow::Result<()> {
        let views: Vec<_> = probes.iter().flat_map(|probe| probe.desired().views).collect();
        let maps: Vec<&str> =
            views.iter().filter(|view| view.is_events()).map(|view| view.map.as_str()).collect();
        if let Some(unknown) = self.maps.iter().find(|wanted| !maps.contains(&wanted.as_str())) {
            bail!("no records come through `{unknown}`; maps of records: {}", listed(maps, 16));
        }
        if self.filter.is_some() && maps.is_empty() {
            bail!(
                "--filter is for records, and these probes have none; `read --filter` is for tables"
            );
        }
        let shown = maps.iter().filter(|map| self.has(map)).count();
        if format == Format::Csv && shown != 1 {
            bail!(
                "CSV has one table, the records of one map: name it with --events; maps of records: {}",
                listed(maps, 16)
            );
        }
        Ok(())
    }
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
        Format::Human | Format::Csv => {
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

/// Detaches, so that the numbers stand still.
fn detach(mut session: Session) -> anyhow::Result<Ended> {
    let pins = session.running.pins();
    let live = observe::observe_pins(&session.desired.probe, pins, None)?;
    let listings = readout::listings(pins)?;
    session.running.detach()?;
    Ok(Ended { session, live, listings })
}

/// Shows what the maps hold.
fn finish(
    ended: &Ended,
    events: &Events<'_>,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let Ended { session, live, listings } = ended;
    let probe = &session.desired.probe;
    let left_out = events.losses(probe);
    let (pins, views) = (session.running.pins(), &session.desired.views);
    match format {
        Format::Csv => {
            let loss = readout::read(pins, views, live, Wanted::default())?.loss;
            report::loss(&[loss, left_out].concat())?;
        }
        Format::Human => {
            let mut readout = readout::read(pins, views, live, Wanted::default())?;
            readout.loss.extend(left_out);
            if events.has_any(probe) {
                writeln!(out)?;
            }
            let style = table::Style { colours: colours(), rates: None };
            table::write(out, &readout.tables, style, &mut readout.lookups)?;
            sinks::listing::write(out, listings, readout.tables.is_empty())?;
            out.flush()?;
            report::loss(&readout.loss)?;
        }
        Format::Json => {
            let mut document = Document::new(out, probe, Style::Line)?;
            let mut remarks = readout::stream(pins, views, live, Wanted::default(), &mut document)?;
            remarks.loss.extend(left_out);
            document.finish(listings, &remarks.loss)?;
        }
    }
    Ok(())
}
