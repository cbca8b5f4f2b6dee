//! How long the product's own exchange of a slot takes, from within: the raw figures, for whoever asked.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use probe_runner::kernel::{Exchanges, PinDir};

/// Which slot of an applied probe.
#[derive(clap::Args)]
pub struct Args {
    /// The probe
    probe: String,
    /// Its PROG_ARRAY
    map: String,
    /// The slot's index
    slot: u32,
    /// Names of the pins of the programs that take turns in it
    #[arg(required = true)]
    programs: Vec<String>,
    /// How often
    #[arg(long, default_value_t = 10_000)]
    count: usize,
}

/// Writes a line for each exchange: its nanoseconds. Each opens the array and the program, and keeps what was there, as `swap` does.
///
/// # Errors
/// The probe isn't applied, or has no such slot or program.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<()> {
    let pins = PinDir::persistent(&args.probe);
    let programs: Vec<_> = args.programs.iter().map(|name| pins.programs().join(name)).collect();
    let mut times = Vec::with_capacity(args.count);
    for program in programs.iter().cycle().take(args.count) {
        let begin = Instant::now();
        let mut exchanges = Exchanges::default();
        exchanges.exchange(&pins, &args.map, args.slot, Some(program)).with_context(|| {
            format!("cannot put {} into {}[{}]", program.display(), args.map, args.slot)
        })?;
        times.push(begin.elapsed());
    }
    ensure!(!times.is_empty(), "nothing was measured");
    for time in times {
        writeln!(out, "{}", time.as_nanos())?;
    }
    Ok(())
}
