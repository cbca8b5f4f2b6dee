//! `probe-runner read`: what an applied probe's maps hold.

use crate::commands::{Outcome, applied, attached};
use crate::desired::View;
use crate::kernel::PinDir;
use crate::live::Live;
use crate::read::sinks;
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
    let readout = readout::read(&pins, &views, &live)?;
    // Who asks for one map wants nothing else.
    let listings = if map.is_none() { readout::listings(&pins)? } else { Vec::new() };
    match format {
        Format::Table => {
            sinks::table::write(out, &readout.tables)?;
            sinks::listing::write(out, &listings, readout.tables.is_empty())?;
            out.flush()?;
            sinks::table::write_loss(&mut anstream::stderr(), &readout.loss)?;
            attached::warn(&live.probe, live.attachments());
        }
        Format::Json => {
            let (tables, loss) = (&readout.tables[..], &readout.loss[..]);
            sinks::json::write(
                out,
                &sinks::json::Document { probe, tables, loss, listings: &listings },
            )?;
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
