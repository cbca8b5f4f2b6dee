//! Event records as they come: from the kernel's buffers to lines.

use crate::commands::Format;
use crate::commands::run::Session;
use crate::commands::run::limit::Limit;
use crate::commands::stop::StopSignals;
use crate::kernel::records::Records;
use crate::kernel::ring::{self, Wake};
use crate::read::{Columns, Lookups, Loss, record, sinks};
use crate::readout::EventStream;
use std::io::Write;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Records that are shown before the time and the signals are looked at again.
const BATCH: usize = 4096;

/// A stream while it is shown.
struct Shown<'a> {
    probe: &'a str,
    stream: &'a EventStream,
    limit: Limit,
}

/// Buffers that are read. A perf buffer keeps records only from when it is opened, so this comes before anybody is told
/// that a probe is attached.
pub struct Events<'a> {
    streams: Vec<Shown<'a>>,
    buffers: Vec<Records>,
}

impl<'a> Events<'a> {
    /// Opens the buffers of all probes.
    ///
    /// # Errors
    /// One can't be opened.
    pub fn open(sessions: &'a [Session]) -> anyhow::Result<Events<'a>> {
        let mut events = Events { streams: Vec::new(), buffers: Vec::new() };
        for session in sessions {
            for stream in &session.streams {
                events.buffers.push(Records::open(session.running.pins(), &stream.view.map)?);
                events.streams.push(Shown::new(&session.desired.probe, stream));
            }
        }
        Ok(events)
    }
}

/// Shows records until a signal comes or the time is over. What was left out, by probe.
///
/// # Errors
/// The output can't be written.
pub fn show(
    events: Events<'_>,
    duration: Option<Duration>,
    format: Format,
    stop: &StopSignals,
    out: &mut impl Write,
) -> anyhow::Result<Vec<(String, Loss)>> {
    let end = duration.map(|duration| Instant::now() + duration);
    let Events { mut streams, mut buffers } = events;
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let descriptors: Vec<_> = buffers.iter().flat_map(Records::descriptors).collect();
        let wake = ring::wait(&descriptors, stop.as_fd(), left)?;
        // What came before the end is shown too.
        for (buffer, stream) in buffers.iter_mut().zip(&mut streams) {
            stream.drain(buffer, format, out)?;
        }
        out.flush()?;
        let is_over = left.is_some_and(|left| left.is_zero());
        if wake == Wake::Stop || is_over {
            let pairs = streams.iter().zip(&buffers);
            return Ok(pairs.flat_map(|(stream, buffer)| stream.losses(buffer)).collect());
        }
    }
}

impl<'a> Shown<'a> {
    fn new(probe: &'a str, stream: &'a EventStream) -> Shown<'a> {
        Shown { probe, stream, limit: Limit::new(stream.view.limit, Instant::now()) }
    }

    fn drain(
        &mut self,
        buffer: &mut Records,
        format: Format,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let mut lookups = Lookups::default();
        let mut result = Ok(());
        // One time for all of them: the clock is asked once a batch.
        let now = Instant::now();
        buffer.drain(BATCH, |bytes| {
            if result.is_ok() && self.limit.takes(now) {
                result = self.show(bytes, format, &mut lookups, out);
            }
        });
        result
    }

    fn show(
        &self,
        bytes: &[u8],
        format: Format,
        lookups: &mut Lookups,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let columns: &Columns = &self.stream.columns;
        let row = record(columns, bytes, lookups);
        match format {
            Format::Json => {
                let (probe, map) = (self.probe, self.stream.view.map.as_str());
                let event = sinks::json::Event { probe, map, columns, row: &row };
                sinks::json::write_event(out, &event)?;
            }
            Format::Human => writeln!(out, "{}", self.stream.line(&row))?,
        }
        Ok(())
    }

    /// The records that were not shown: those beyond the limit, and those that found no room.
    fn losses(&self, buffer: &Records) -> Vec<(String, Loss)> {
        let most = self.stream.view.limit.unwrap_or_default();
        let left_out = format!("records beyond {most} a second were not shown");
        let no_room = "records found their buffer full".to_owned();
        [("left_out", self.limit.left_out(), left_out), ("lost_records", buffer.lost(), no_room)]
            .into_iter()
            .filter(|(_, count, _)| *count > 0)
            .map(|(what, count, meaning)| {
                let (what, place) = (what.to_owned(), self.stream.view.map.clone());
                (self.probe.to_owned(), Loss { what, place, count, meaning })
            })
            .collect()
    }
}
