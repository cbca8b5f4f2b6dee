//! `probe-runner read`: what an applied probe's maps hold.

use crate::commands::{Outcome, applied, attached, report};
use crate::desired::View;
use crate::kernel::PinDir;
use crate::live::Live;
use crate::read::sinks::json::{Document, Style};
use crate::read::{Lookups, sinks};
use crate::readout;
use crate::text::suggest::listed;
use anyhow::bail;
use std::io::Write;

/// How the data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Reads the maps that the probe shows, or the one that is named.
///
/// # Errors
/// The probe isn't applied, the map isn't there, or it can't be read.
pub fn run(
    probe: &str,
    map: Option<&str>,
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let live = applied::find(probe)?;
    let views = views(&live, map)?;
    let pins = PinDir::persistent(probe);
    // Who asks for one map wants nothing else.
    let listings = || if map.is_none() { readout::listings(&pins) } else { Ok(Vec::new()) };
    match format {
        Format::Table => {
            let readout = readout::read(&pins, &views, &live)?;
            sinks::table::write(out, &readout.tables, &mut Lookups::default())?;
            sinks::listing::write(out, &listings()?, readout.tables.is_empty())?;
            out.flush()?;
            sinks::table::write_loss(&mut anstream::stderr(), &readout.loss)?;
            attached::warn(&live.probe, live.attachments());
        }
        Format::Json => {
            let mut document = Document::new(out, probe, Style::Lines)?;
            let remarks = readout::stream(&pins, &views, &live, &mut document)?;
            document.finish(&listings()?, &remarks.loss)?;
            for map in &remarks.unordered {
                let text =
                    "it is too large to be put in order: its rows come as the kernel has them";
                report::note(probe, &format!("{map}: {text}"));
            }
        }
    }
    Ok(Outcome::Done)
}

/// The probe's views; for one map its view, or the plain one.
fn views(live: &Live, map: Option<&str>) -> anyhow::Result<Vec<View>> {
    let known: &[View] = live.record.as_ref().map_or(&[], |record| &record.desired.views);
    let Some(map) = map else {
        return Ok(known.to_vec());
    };
    if !live.maps.iter().any(|known| known.name == map) {
        let names = live.maps.iter().map(|map| map.name.as_str());
        bail!("probe/{} has no map `{map}`; maps: {}", live.probe, listed(names, 16));
    }
    let view = known.iter().find(|view| view.map == map).cloned();
    if view.as_ref().is_some_and(|view| view.record.is_some()) {
        bail!("`{map}` is a stream of records: `probe-runner run` shows them as they come");
    }
    // A map that is asked for by name is shown, even one of losses.
    let view = View { loss: false, ..view.unwrap_or_else(|| View::plain(map)) };
    Ok(vec![view])
}
