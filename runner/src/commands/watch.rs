//! `probe-runner watch`: an applied probe in a terminal, while it runs.

mod open;

use crate::commands::stop::{Resizes, StopSignals};
use crate::commands::watch::open::Tails;
use crate::commands::{Outcome, applied, colours, duration, status};
use crate::kernel::Statistics;
use crate::kernel::waiter::{self, Waiter, Wake};
use crate::live::Live;
use crate::plan;
use crate::text::suggest::listed;
use crate::watch::{Pressed, Reaction, Sampler, Screen, State};
use anyhow::bail;
use nix::sys::signal::{Signal, raise};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Between two pictures, where nobody pressed a key.
const FRAME: Duration = Duration::from_millis(100);
/// Readings one after another that may fail: while a probe is replaced some of its pins change places.
const FAILURES: u32 = 3;
/// Times that the terminal may say that there is something to read, and there is nothing.
const SILENCES: u32 = 1000;

// What to watch.
#[expect(missing_docs, reason = "clap would say it instead of what it says of the command")]
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An applied probe
    probe: String,
    /// The map to begin with
    map: Option<String>,
    /// Time between two readings
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = pace)]
    every: Duration,
}

fn pace(text: &str) -> Result<Duration, String> {
    let every = duration::parse(text)?;
    if every < FRAME {
        return Err(format!("{} is the shortest", humantime::format_duration(FRAME)));
    }
    Ok(every)
}

/// Shows the probe until its user ends it.
///
/// # Errors
/// This is no terminal, the probe isn't applied or goes, or it can't be read.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let live = applied::find(&args.probe)?;
    let map = args.map.as_deref();
    known(&live, map)?;
    let stop = StopSignals::block()?;
    let resizes = Resizes::block()?;
    let mut watch = Watch {
        sampler: Sampler::new(&args.probe, map),
        state: State::new(&args.probe, map, args.every),
        tails: Tails::default(),
        statistics: None,
        before: None,
        failures: 0,
    };
    watch.sample()?;
    let mut screen = Screen::enter(colours())?;
    let mut next = Instant::now() + args.every;
    let mut drawn: Option<Instant> = None;
    let mut silences = 0;
    loop {
        let now = Instant::now();
        if !watch.state.paused && now >= next {
            watch.sample()?;
            // Reading may take long; keys get as much time as it took.
            next = Instant::now() + watch.state.every.max(now.elapsed());
            drawn = None;
        }
        if drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
            screen.draw(&mut watch.state)?;
            drawn = Some(Instant::now());
        }
        watch.tails.arrange(&mut watch.state);
        let mut sources = vec![screen.input(), resizes.as_fd()];
        sources.extend(watch.tails.descriptors(&watch.state));
        // Pages have buffers of their own, so the sources may be others each time.
        let mut waiter = Waiter::new(&sources, stop.as_fd())?;
        if waiter.wait(watch.patience(next, drawn))? == Wake::Stop {
            return Ok(Outcome::Done);
        }
        if resizes.take() {
            drawn = None;
        }
        watch.tails.take(&mut watch.state);
        let mut was_pressed = false;
        while let Some(pressed) = screen.pressed()? {
            (was_pressed, drawn) = (true, None);
            let Pressed::Key(key) = pressed else { continue };
            match watch.state.press(key) {
                Reaction::Draw => {}
                Reaction::Sample => next = Instant::now(),
                Reaction::Redraw => screen.forget()?,
                Reaction::Suspend => screen.aside(|| raise(Signal::SIGTSTP))??,
                Reaction::Quit => return Ok(Outcome::Done),
            }
        }
        silences =
            if was_pressed || !waiter::is_readable(screen.input())? { 0 } else { silences + 1 };
        if silences > SILENCES {
            bail!("the terminal is gone");
        }
    }
}

/// A map that isn't there is a mistake that is better told before the screen is taken.
fn known(live: &Live, map: Option<&str>) -> anyhow::Result<()> {
    let Some(map) = map else { return Ok(()) };
    if !live.maps.iter().any(|known| known.name == map) {
        let names = live.maps.iter().map(|map| map.name.as_str());
        bail!("probe/{} has no map `{map}`; maps: {}", live.probe, listed(names, 16));
    }
    Ok(())
}

/// A probe that is watched.
struct Watch {
    sampler: Sampler,
    state: State,
    tails: Tails,
    /// While the programs' runs are timed.
    statistics: Option<Statistics>,
    /// The reading before, to tell how the programs ran since.
    before: Option<(Instant, Live)>,
    failures: u32,
}

impl Watch {
    fn sample(&mut self) -> anyhow::Result<()> {
        self.switch_statistics();
        let (mut sample, live) = match self.sampler.sample(&self.state.wishes()) {
            Ok(Some(sampled)) => sampled,
            Ok(None) => {
                let probe = &self.state.probe;
                bail!(
                    "probe/{probe} was deleted while it was watched; apply its file to watch it again"
                );
            }
            Err(error) if self.failures < FAILURES => {
                self.failures += 1;
                self.state.message = Some(format!("not read: {error:#}"));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.failures = 0;
        sample.state = plan::state(&live).to_owned();
        let now = Instant::now();
        if self.state.wants_health() {
            let before = self.before.as_ref().filter(|_| self.statistics.is_some());
            let measured = before.map(|(then, before)| (now - *then, before));
            sample.health = Some(status::lines(&live, measured)?);
        }
        self.tails.know(self.sampler.views(&live));
        self.before = Some((now, live));
        self.state.take(sample);
        Ok(())
    }

    /// The kernel times programs while somebody wants to see it.
    fn switch_statistics(&mut self) {
        match (self.state.wants_times(), self.statistics.is_some()) {
            (true, false) => match Statistics::enable() {
                Ok(statistics) => {
                    self.statistics = Some(statistics);
                    self.before = None;
                }
                Err(error) => self.state.message = Some(error.to_string()),
            },
            (false, true) => self.statistics = None,
            _ => {}
        }
    }

    /// How long to wait for anything.
    fn patience(&self, next: Instant, drawn: Option<Instant>) -> Option<Duration> {
        let now = Instant::now();
        let reading = (!self.state.paused).then(|| next.saturating_duration_since(now));
        // Records that came are drawn when it is time for a picture.
        let picture = drawn.filter(|_| self.tails.are_undrawn()).map(|drawn| (drawn + FRAME) - now);
        reading.into_iter().chain(picture).min()
    }
}
