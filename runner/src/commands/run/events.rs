//! Event records as they come: from the kernel's buffers to lines.

use crate::commands::report;
use crate::commands::run::limit::{Limit, Sample};
use crate::commands::run::{Format, Session, Shown as Wanted};
use crate::commands::stop::StopSignals;
use crate::kernel::records::Records;
use crate::kernel::waiter::{Waiter, Wake};
use crate::read::sinks::csv::Sheet;
use crate::read::sinks::json::EventWriter;
use crate::read::{Lookups, Loss, record};
use crate::readout::EventStream;
use crate::text::suggest::listed;
use crate::text::template::Filter;
use anyhow::bail;
use std::io::Write;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Records that are shown before the time and the signals are looked at again.
const BATCH: usize = 4096;

/// A stream while it is shown.
struct Shown<'a> {
    probe: String,
    stream: EventStream,
    buffer: Records,
    json: EventWriter,
    filter: Option<&'a Filter>,
    sample: Sample,
    limit: Limit,
    /// Records on which the filter couldn't be used.
    unfit: u64,
}

/// Buffers that are read. A perf buffer keeps records only from when it is opened, so this comes before anybody is told
/// that a probe is attached.
pub struct Events<'a> {
    streams: Vec<Shown<'a>>,
}

impl<'a> Events<'a> {
    /// Opens the buffers of all probes that are wanted.
    ///
    /// # Errors
    /// One can't be opened, or the filter names a field that its records don't have.
    pub fn open(sessions: &mut [Session], wanted: &'a Wanted) -> anyhow::Result<Events<'a>> {
        let filter = wanted.filter.as_ref();
        let mut streams = Vec::new();
        for session in sessions {
            let all = std::mem::take(&mut session.streams).into_iter();
            for stream in all.filter(|stream| wanted.has(&stream.view.map)) {
                names_are_known(filter, &stream)?;
                let buffer = Records::open(session.running.pins(), &stream.view.map)?;
                streams.push(Shown::new(&session.desired.probe, stream, buffer, filter));
            }
        }
        Ok(Events { streams })
    }

    /// Says which records will not be shown.
    pub fn announce(&self) {
        for Shown { probe, stream, .. } in &self.streams {
            let map = &stream.view.map;
            if let Some(one_of) = stream.view.sample.filter(|one_of| *one_of > 1) {
                report::note(probe, &format!("{map}: one of {one_of} records is shown"));
            }
            if let Some(most) = stream.view.limit {
                report::note(probe, &format!("{map}: at most {most} records a second are shown"));
            }
        }
    }

    /// Shows records until a signal comes or the time is over.
    ///
    /// # Errors
    /// The output can't be written.
    pub fn show(
        &mut self,
        duration: Option<Duration>,
        format: Format,
        stop: &StopSignals,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let end = duration.map(|duration| Instant::now() + duration);
        let descriptors = self.streams.iter().flat_map(|stream| stream.buffer.descriptors());
        let mut waiter = Waiter::new(&descriptors.collect::<Vec<_>>(), stop.as_fd())?;
        if format == Format::Csv {
            for stream in &self.streams {
                let mut sheet = Sheet::new(&mut *out);
                sheet.heading(&stream.stream.columns)?;
                sheet.flush()?;
            }
        }
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if waiter.wait(left)? == Wake::Stop || left.is_some_and(|left| left.is_zero()) {
                return Ok(());
            }
            for stream in &mut self.streams {
                stream.drain(format, out)?;
            }
            out.flush()?;
        }
    }

    /// Shows what is left in the buffers of probes that send nothing more.
    ///
    /// # Errors
    /// The output can't be written.
    pub fn show_rest(&mut self, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
        for stream in &mut self.streams {
            while stream.drain(format, out)? >= BATCH {}
        }
        Ok(out.flush()?)
    }

    /// Whether records of a probe are shown.
    pub fn has_any(&self, probe: &str) -> bool {
        self.streams.iter().any(|stream| stream.probe == probe)
    }

    /// What was left out of a probe's records.
    pub fn losses(&self, probe: &str) -> Vec<Loss> {
        let streams = self.streams.iter().filter(|stream| stream.probe == probe);
        streams.flat_map(Shown::losses).collect()
    }
}

/// A filter that names what isn't there would only hide records.
fn names_are_known(filter: Option<&Filter>, stream: &EventStream) -> anyhow::Result<()> {
    let known = stream.columns.json_names();
    if let Some(name) = filter.and_then(|filter| filter.unknown(&known)) {
        bail!(
            "the filter names `{name}`, but records of `{}` have no such field; fields there are: {} \
             (--events names the maps whose records are shown)",
            stream.view.map,
            listed(known.iter().map(String::as_str), 32)
        );
    }
    Ok(())
}

impl<'a> Shown<'a> {
    fn new(
        probe: &str,
        stream: EventStream,
        buffer: Records,
        filter: Option<&'a Filter>,
    ) -> Shown<'a> {
        let (view, columns) = (&stream.view, &stream.columns);
        Shown {
            probe: probe.to_owned(),
            json: EventWriter::new(probe, &view.map, columns),
            filter,
            sample: Sample::new(view.sample),
            limit: Limit::new(view.limit, Instant::now()),
            unfit: 0,
            buffer,
            stream,
        }
    }

    /// Shows the records that are there, not more than a batch; how many there were.
    fn drain(&mut self, format: Format, out: &mut impl Write) -> anyhow::Result<usize> {
        match format {
            Format::Json => self.each(|stream, json, bytes, lookups| {
                Ok(json.write(out, &stream.columns, bytes, lookups)?)
            }),
            Format::Human => self.each(|stream, _, bytes, lookups| {
                let row = record(&stream.columns, bytes, lookups);
                Ok(writeln!(out, "{}", stream.line(&row))?)
            }),
            Format::Csv => {
                let mut sheet = Sheet::new(out);
                let count = self.each(|stream, _, bytes, lookups| {
                    let columns = &stream.columns;
                    Ok(sheet.row(columns, &record(columns, bytes, lookups))?)
                })?;
                sheet.flush()?;
                Ok(count)
            }
        }
    }

    /// Takes the records that are there, not more than a batch, and hands on those that are to be shown.
    fn each(
        &mut self,
        mut show: impl FnMut(&EventStream, &mut EventWriter, &[u8], &mut Lookups) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        let Shown { stream, buffer, json, filter, sample, limit, unfit, .. } = self;
        let mut lookups = Lookups::default();
        let mut result = Ok(());
        // One time for all of them: the clock is asked once a batch.
        let now = Instant::now();
        let count = buffer.drain(BATCH, |bytes| {
            if result.is_ok()
                && sample.takes()
                && passes(*filter, stream, bytes, &mut lookups, unfit)
                && limit.takes(now)
            {
                result = show(stream, json, bytes, &mut lookups);
            }
        });
        result.map(|()| count)
    }

    /// The records that were not shown, but for those that a filter was to leave out, and those that found no room.
    fn losses(&self) -> Vec<Loss> {
        let view = &self.stream.view;
        let most = view.limit.unwrap_or_default();
        let one_of = view.sample.unwrap_or(1);
        let losses = [
            ("lost_records", self.buffer.lost(), "records found their buffer full".to_owned()),
            (
                "sampled_out",
                self.sample.left_out(),
                format!("records were not shown: one of {one_of} is"),
            ),
            (
                "left_out",
                self.limit.left_out(),
                format!("records beyond {most} a second were not shown"),
            ),
            (
                "unfit_for_filter",
                self.unfit,
                "records were not shown because the filter can't be used on them".to_owned(),
            ),
        ];
        let losses = losses.into_iter().filter(|(_, count, _)| *count > 0);
        let loss = |(what, count, meaning): (&str, u64, String)| {
            let (what, place) = (what.to_owned(), view.map.clone());
            Loss { what, place, count, meaning }
        };
        losses.map(loss).collect()
    }
}

fn passes(
    filter: Option<&Filter>,
    stream: &EventStream,
    bytes: &[u8],
    lookups: &mut Lookups,
    unfit: &mut u64,
) -> bool {
    let Some(filter) = filter else { return true };
    stream.keeps(filter, bytes, lookups).unwrap_or_else(|_| {
        *unfit += 1;
        false
    })
}
