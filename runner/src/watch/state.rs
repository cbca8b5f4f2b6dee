//! What the screen shows, as it follows from keys and from what was read. No kernel, no terminal, no clock.

mod events;
mod health;
mod history;
mod order;
mod prompt;
mod table;

use std::rc::Rc;
use std::time::Duration;

use crate::text::template::Filter;
use crate::watch::key::Key;
use crate::watch::sample::{Sample, Taken};

pub use events::Events;
pub use health::Health;
pub use history::History;
pub use order::{By, Order};
pub use prompt::Prompt;
pub use table::{Shown, Table};

/// Times between two readings that `+` and `-` go through.
const PACES: [Duration; 9] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// Everything that the screen shows.
#[derive(Debug)]
pub struct State {
    /// The probe's name.
    pub probe: String,
    /// The time between two readings.
    pub every: Duration,
    /// What was read last.
    pub sample: Option<Sample>,
    /// What can be looked at.
    pub pages: Vec<Page>,
    /// Which of them is.
    pub current: usize,
    /// Whether nothing is read.
    pub paused: bool,
    /// Whether the keys are explained.
    pub helps: bool,
    /// What is being typed.
    pub prompt: Option<Prompt>,
    /// What is to be said once.
    pub message: Option<String>,
    /// How many lines a page has.
    lines: usize,
    /// The map whose page comes first.
    wanted: Option<String>,
}

/// Something to look at.
#[derive(Debug)]
pub enum Page {
    /// A map.
    Table(Table),
    /// Records as they come.
    Events(Events),
    /// What the kernel runs.
    Health(Health),
}

/// What a key asks of whoever holds the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing but to draw it.
    Draw,
    /// To read now.
    Sample,
    /// To draw every character anew.
    Redraw,
    /// To stop until somebody continues the process.
    Suspend,
    /// To end.
    Quit,
}

/// How a map is to be read.
#[derive(Clone)]
pub struct Wish {
    /// The map.
    pub map: String,
    /// Another order than the view's.
    pub order: Option<Order>,
    /// Only these rows.
    pub filter: Option<Rc<Filter>>,
}

impl Wish {
    /// The column by whose growth to sort, and whether the fastest comes first.
    pub fn by_rate(&self) -> Option<(&str, bool)> {
        match self.order.as_ref()? {
            Order { by: By::Rate(name), descending } => Some((name, *descending)),
            Order { by: By::Cell(_), .. } => None,
        }
    }
}

impl State {
    /// Before anything was read. `map` is the one to begin with.
    pub fn new(probe: &str, map: Option<&str>, every: Duration) -> State {
        State {
            probe: probe.to_owned(),
            every,
            sample: None,
            pages: Vec::new(),
            current: 0,
            paused: false,
            helps: false,
            prompt: None,
            message: None,
            lines: 1,
            wanted: map.map(str::to_owned),
        }
    }

    /// The page that is looked at.
    pub fn page(&self) -> Option<&Page> {
        self.pages.get(self.current)
    }

    /// How the maps are to be read.
    pub fn wishes(&self) -> Vec<Wish> {
        let tables = self.pages.iter().filter_map(|page| match page {
            Page::Table(table) => Some(table.wish()),
            Page::Events(_) | Page::Health(_) => None,
        });
        tables.collect()
    }

    /// Whether the probe's status is looked at.
    pub fn wants_health(&self) -> bool {
        matches!(self.page(), Some(Page::Health(_)))
    }

    /// Whether the kernel is to time the programs' runs.
    pub fn wants_times(&self) -> bool {
        self.pages.iter().any(|page| matches!(page, Page::Health(health) if health.measures))
    }

    /// The maps of which records are to be taken: those of the pages that were looked at.
    pub fn wants_records(&self) -> impl Iterator<Item = &str> {
        self.events().filter(|events| events.is_open).map(|events| events.map.as_str())
    }

    /// Which records of a map are to be shown.
    pub fn filter_of_records(&self, map: &str) -> Option<Rc<Filter>> {
        let events = self.events().find(|events| events.map == map)?;
        events.filter.as_ref().map(|(_, filter)| filter.clone())
    }

    fn events(&self) -> impl Iterator<Item = &Events> {
        self.pages.iter().filter_map(|page| match page {
            Page::Events(events) => Some(events),
            Page::Table(_) | Page::Health(_) => None,
        })
    }

    fn events_of(&mut self, map: &str) -> Option<&mut Events> {
        self.pages.iter_mut().find_map(|page| match page {
            Page::Events(events) if events.map == map => Some(events),
            _ => None,
        })
    }

    /// Takes a reading.
    pub fn take(&mut self, sample: Sample) {
        self.arrange_pages(&sample);
        // A key may have asked for this one before its time.
        let between = self.sample.as_ref().and_then(|last| sample.at.duration_since(last.at).ok());
        let between = between.filter(|between| !between.is_zero()).unwrap_or(self.every);
        for page in &mut self.pages {
            match page {
                Page::Table(table) => {
                    let sheet = sample.sheets.iter().find(|sheet| sheet.map == table.map);
                    if let Some(sheet) = sheet {
                        table.take(sheet.clone());
                    }
                }
                Page::Events(events) => events.tick(between),
                Page::Health(health) => {
                    if let Some(lines) = &sample.health {
                        health.lines.clone_from(lines);
                    }
                }
            }
        }
        self.sample = Some(sample);
    }

    /// Takes records of a map.
    pub fn take_records(&mut self, map: &str, taken: Taken) {
        if let Some(events) = self.events_of(map) {
            events.take(taken);
        }
    }

    /// Knows that records are taken now, and the names of their fields.
    pub fn opened_records(&mut self, map: &str, names: Vec<String>) {
        if let Some(events) = self.events_of(map) {
            events.names = names;
            events.remark = None;
        }
    }

    /// Says that records can't be taken.
    pub fn refuse_records(&mut self, map: &str, why: &str) {
        if let Some(events) = self.events_of(map) {
            events.is_open = false;
            events.remark = Some(why.to_owned());
        }
    }

    /// How many lines of a page there is room for.
    pub fn has_room(&mut self, lines: usize) {
        self.lines = lines.max(1);
    }

    /// Follows a key.
    pub fn press(&mut self, key: Key) -> Reaction {
        self.message = None;
        match key {
            Key::Interrupt => return Reaction::Quit,
            Key::Suspend => return Reaction::Suspend,
            Key::Redraw => return Reaction::Redraw,
            _ => {}
        }
        if self.prompt.is_some() {
            return self.type_in(key);
        }
        if self.helps {
            // Any key closes it, and those that end the program do.
            self.helps = false;
            return if key == Key::Char('q') { Reaction::Quit } else { Reaction::Draw };
        }
        match key {
            Key::Char('q') => Reaction::Quit,
            Key::Char('?' | 'h') => self.with(|state| state.helps = true),
            Key::Char(' ') => self.pause(),
            Key::Right | Key::Tab => self.turn(self.current + 1),
            Key::Left | Key::BackTab => self.turn(self.current + self.pages.len() - 1),
            Key::Char(digit @ '1'..='9') => {
                let page = digit as usize - '1' as usize;
                if page < self.pages.len() { self.turn(page) } else { Reaction::Draw }
            }
            Key::Char('+') => self.pace(1),
            Key::Char('-') => self.pace(-1),
            Key::Char('/') => self.open_prompt(),
            _ => self.press_on_page(key),
        }
    }

    fn with(&mut self, change: impl FnOnce(&mut State)) -> Reaction {
        change(self);
        Reaction::Draw
    }

    fn pause(&mut self) -> Reaction {
        self.paused = !self.paused;
        if self.paused { Reaction::Draw } else { Reaction::Sample }
    }

    fn turn(&mut self, page: usize) -> Reaction {
        let Some(page) = page.checked_rem(self.pages.len()) else { return Reaction::Draw };
        self.current = page;
        match &mut self.pages[page] {
            Page::Events(events) => {
                events.is_open = true;
                Reaction::Draw
            }
            // It isn't kept up to date while nobody looks.
            Page::Health(_) if !self.paused => Reaction::Sample,
            Page::Health(_) | Page::Table(_) => Reaction::Draw,
        }
    }

    fn pace(&mut self, step: isize) -> Reaction {
        let now = PACES.iter().position(|pace| *pace >= self.every).unwrap_or(PACES.len() - 1);
        // `-` makes it slower: there is less to see.
        let next = now.saturating_add_signed(-step).min(PACES.len() - 1);
        self.every = PACES[next];
        self.message = Some(format!("every {}", humantime::format_duration(self.every)));
        Reaction::Draw
    }

    fn press_on_page(&mut self, key: Key) -> Reaction {
        let (lines, paused) = (self.lines, self.paused);
        let reaction = match self.pages.get_mut(self.current) {
            Some(Page::Table(table)) => table.press(key, lines),
            Some(Page::Events(events)) => events.press(key, lines),
            Some(Page::Health(health)) => health.press(key, lines),
            None => Reaction::Draw,
        };
        // What was read is put in order here too.
        if paused && reaction == Reaction::Sample { Reaction::Draw } else { reaction }
    }

    fn open_prompt(&mut self) -> Reaction {
        let text = match self.page() {
            Some(Page::Table(table)) => table.filter_text(),
            Some(Page::Events(events)) => events.filter_text(),
            Some(Page::Health(_)) | None => {
                return self.with(|state| {
                    state.message = Some("there is nothing to filter here".to_owned());
                });
            }
        };
        self.prompt = Some(Prompt::new(text));
        Reaction::Draw
    }

    fn type_in(&mut self, key: Key) -> Reaction {
        let Some(prompt) = &mut self.prompt else { return Reaction::Draw };
        match key {
            Key::Escape => self.prompt = None,
            Key::Enter => return self.close_prompt(),
            key => prompt.press(key),
        }
        Reaction::Draw
    }

    /// Uses what was typed, if it can be used.
    fn close_prompt(&mut self) -> Reaction {
        let Some(prompt) = &mut self.prompt else { return Reaction::Draw };
        let known = match self.pages.get(self.current) {
            Some(Page::Table(table)) => table.names(),
            Some(Page::Events(events)) => &events.names,
            Some(Page::Health(_)) | None => &[],
        };
        let filter = match prompt.filter(known) {
            Ok(filter) => filter,
            Err(why) => {
                prompt.error = Some(why);
                return Reaction::Draw;
            }
        };
        self.prompt = None;
        match self.pages.get_mut(self.current) {
            Some(Page::Table(table)) => table.filter = filter,
            Some(Page::Events(events)) => events.filter = filter,
            Some(Page::Health(_)) | None => {}
        }
        if self.paused {
            self.message = Some("paused: the filter holds from the next reading on".to_owned());
            return Reaction::Draw;
        }
        Reaction::Sample
    }

    /// Pages for what is there now. A probe that was applied anew may have other maps.
    fn arrange_pages(&mut self, sample: &Sample) {
        let looked_at = self.page().map(|page| page.name().to_owned());
        let mut old = std::mem::take(&mut self.pages);
        let mut kept = |name: &str| {
            let position = old.iter().position(|page| page.name() == name)?;
            Some(old.swap_remove(position))
        };
        for sheet in &sample.sheets {
            let page = kept(&sheet.map).filter(|page| matches!(page, Page::Table(_)));
            self.pages.push(page.unwrap_or_else(|| Page::Table(Table::new(&sheet.map))));
        }
        for stream in &sample.streams {
            let page = kept(&stream.map).filter(|page| matches!(page, Page::Events(_)));
            let page = page.unwrap_or_else(|| Page::Events(Events::new(&stream.map)));
            self.pages.push(page);
        }
        self.pages.push(kept(Health::NAME).unwrap_or_else(|| Page::Health(Health::default())));
        let wanted = self.wanted.take().or(looked_at);
        let position = wanted.and_then(|name| self.pages.iter().position(|p| p.name() == name));
        self.current = position.unwrap_or(0);
        if let Some(Page::Events(events)) = self.pages.get_mut(self.current)
            && events.remark.is_none()
        {
            events.is_open = true;
        }
    }
}

impl Page {
    /// What its tab says.
    pub fn name(&self) -> &str {
        match self {
            Page::Table(table) => &table.map,
            Page::Events(events) => &events.map,
            // No map is called so: it has a space.
            Page::Health(_) => Health::NAME,
        }
    }
}

/// How far a page of so many lines can be scrolled, and where a key scrolls it.
fn scroll(now: usize, key: Key, page: usize, total: usize) -> usize {
    let last = total.saturating_sub(page);
    let now = now.min(last);
    let next = match key {
        Key::Up | Key::Char('k') => now.saturating_sub(1),
        Key::Down | Key::Char('j') => now + 1,
        Key::PageUp => now.saturating_sub(page.max(2) - 1),
        Key::PageDown => now + page.max(2) - 1,
        Key::Home | Key::Char('g') => 0,
        Key::End | Key::Char('G') => last,
        _ => now,
    };
    next.min(last)
}

#[cfg(test)]
mod tests;
