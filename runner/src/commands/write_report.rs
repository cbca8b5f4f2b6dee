//! `probe-runner report`: what an applied probe's maps hold, as a page by itself.

use crate::commands::{Outcome, applied, attached, status};
use crate::desired::View;
use crate::kernel::PinDir;
use crate::live::Live;
use crate::read::sinks::html::{self, About, Content};
use crate::readout::{self, Wanted};
use crate::text::terminal::escape;
use anyhow::{Context, anyhow, bail};
use std::fs;
use std::io::{IsTerminal, Write, stdout};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A page of HTML that needs no other file and no network.
    Html,
}

// What to report and where.
#[expect(missing_docs, reason = "clap would say it instead of what it says of the command")]
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An applied probe
    probe: String,
    /// How it is written
    #[arg(short = 'o', id = "format", value_enum, default_value = "html")]
    format: Format,
    /// The file; standard output without
    #[arg(long = "output", value_name = "FILE")]
    file: Option<PathBuf>,
    /// How many rows of a table are shown at most, where the probe's file doesn't say
    #[arg(long, value_name = "ROWS", default_value_t = 1000)]
    top: usize,
}

/// Reads the probe and writes the page. Entries stay in their maps, whatever views say.
///
/// # Errors
/// The probe isn't applied, can't be read, or the page can't be written.
pub fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<Outcome> {
    let Format::Html = args.format;
    if args.file.as_ref().is_some_and(|file| file.as_os_str() == "html") {
        bail!(
            "here --output takes the file to write; the form goes by -o: `-o html --output FILE`"
        );
    }
    if args.file.is_none() && stdout().is_terminal() {
        bail!("a page is for a browser: write it to a file, with `--output FILE` or `> FILE`");
    }
    let live = applied::find(&args.probe)?;
    let views: &[View] = live.record.as_ref().map_or(&[], |record| &record.desired.views);
    let pins = PinDir::persistent(&live.probe);
    let wanted = Wanted { keeps: true, ..Wanted::default() };
    let mut readout = readout::read(&pins, views, &live, wanted)?;
    let listings = readout::listings(&pins)?;
    let about = about(&live)?;
    let content = Content {
        about: &about,
        tables: &readout.tables,
        losses: &readout.loss,
        listings: &listings,
        rows: args.top,
    };
    let page = html::write(content, &mut readout.lookups)
        .map_err(|error| anyhow!("the page can't be written: {}", error.message))?;
    match &args.file {
        Some(file) => fs::write(file, page)
            .with_context(|| format!("can't write {}", escape(&file.display().to_string())))?,
        None => out.write_all(page.as_bytes())?,
    }
    Ok(Outcome::Done)
}

fn about(live: &Live) -> anyhow::Result<About> {
    let system = nix::sys::utsname::uname()?;
    let host = escape(&system.nodename().to_string_lossy()).into_owned();
    let kernel = format!("Linux {} {}", system.release().display(), system.machine().display());
    let taken = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let mut facts = vec![("taken".to_owned(), taken.clone())];
    if let Some(record) = &live.record {
        let applied = UNIX_EPOCH.checked_add(Duration::from_secs(record.applied_at));
        let applied = applied.map(|time| humantime::format_rfc3339_seconds(time).to_string());
        facts.extend(applied.map(|time| ("applied".to_owned(), time)));
        facts.push(("file".to_owned(), escape(&record.desired.file).into_owned()));
    }
    facts.push(("host".to_owned(), host.clone()));
    facts.push(("kernel".to_owned(), escape(&kernel).into_owned()));
    let lines = live.attachments().iter().filter_map(attached::line);
    facts.extend(lines.map(|line| ("attached to".to_owned(), escape(&line).into_owned())));
    let description = live.record.as_ref().and_then(|record| record.desired.description.as_ref());
    Ok(About {
        probe: live.probe.clone(),
        description: description.map(|text| escape(text).into_owned()),
        host,
        taken,
        facts,
        state: status::lines(live, None)?.join("\n"),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
