//! From pins to tables: a probe's maps and events, typed by the BTF that the kernel holds for them.
//!
//! The object file is not needed, so what is shown is what was loaded. Whatever makes the numbers
//! short is collected beside them.

use crate::btf::{Btf, Field, Kind, Layout, TypeId};
use crate::desired::{Column, Decoder, Sort, View, ViewLayout};
use crate::kernel::maps::{self, Map};
use crate::kernel::{Error, PinDir, iterators};
use crate::live::Live;
use crate::object::MapType;
use crate::read::sinks::{self, Sheets};
use crate::read::{Columns, Listing, Lookups, Loss, Row, Table, Zeros, record};
use crate::text::suggest::listed;
use crate::text::template::{Filter, Line};
use crate::text::terminal::escape;
use anyhow::{anyhow, bail};
use std::collections::HashMap;
use std::time::Instant;

/// How many bytes of entries are held to put them in order. What is more than that goes on as it comes, in parts.
const WHOLE: usize = 6 << 20;
const PART: usize = 256 << 10;

/// What a command asks for beyond what the views say.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Only these rows.
    pub filter: Option<&'a Filter>,
    /// Another order.
    pub sort: Option<&'a Sort>,
    /// How many rows a table shows.
    pub top: Option<usize>,
    /// Whether the entries stay in their maps even where views have `reset`.
    pub keeps: bool,
    /// When it has taken too long.
    pub until: Option<Instant>,
}

/// What a probe shows.
#[derive(Debug, Default)]
pub struct Readout {
    /// A table for each view that holds data.
    pub tables: Vec<Table>,
    /// What is missing from the tables.
    pub loss: Vec<Loss>,
    /// By what the rows are decoded.
    pub lookups: Lookups,
}

/// A ring buffer and the shape of its records.
pub struct EventStream {
    /// How they are shown.
    pub view: View,
    /// Their columns.
    pub columns: Columns,
    line: Option<Line>,
}

impl EventStream {
    /// A record's line for people. Nothing in it acts on a terminal.
    pub fn line(&self, row: &Row) -> String {
        let line = self
            .line
            .as_ref()
            .and_then(|line| line.render(&sinks::line::template_context(&self.columns, row)).ok());
        match line {
            Some(text) => escape(&text).into_owned(),
            // A record may lack fields; it is shown as it is rather than not at all.
            None => sinks::line::text(&self.columns, row),
        }
    }

    /// Whether a filter holds for a record.
    ///
    /// # Errors
    /// It can't be used on this record.
    pub fn keeps(
        &self,
        filter: &Filter,
        bytes: &[u8],
        lookups: &mut Lookups,
    ) -> anyhow::Result<bool> {
        holds(filter, &self.columns, &record(&self.columns, bytes, lookups))
    }
}

/// What is left to say after the tables of [`stream`] were written.
#[derive(Debug, Default)]
pub struct Remarks {
    /// What is missing from the tables.
    pub loss: Vec<Loss>,
    /// Maps that were too large to be put in order.
    pub unordered: Vec<String>,
    /// Hashes, and how many entries each has.
    pub entries: Vec<(String, u64)>,
}

/// Reads every map that the views show. `live` is the probe's state, for what the kernel skipped.
///
/// # Errors
/// A map can't be opened or read.
pub fn read(
    pins: &PinDir,
    views: &[View],
    live: &Live,
    wanted: Wanted<'_>,
) -> anyhow::Result<Readout> {
    let mut readout = Readout { lookups: lookups(pins, views, live), ..Readout::default() };
    let mut types = Types::default();
    for view in views.iter().filter(|view| !view.is_events()) {
        let (table, full) = read_view(pins, view, wanted, &mut types, &mut readout.lookups)?;
        readout.loss.extend(full);
        if view.loss {
            readout.loss.extend(Loss::from_table(&table));
        } else {
            readout.tables.push(table);
        }
    }
    readout.loss.extend(losses(live));
    Ok(readout)
}

/// Reads the map of one view; also says if it is full.
///
/// # Errors
/// The map can't be opened or read.
pub fn read_view(
    pins: &PinDir,
    view: &View,
    wanted: Wanted<'_>,
    types: &mut Types,
    lookups: &mut Lookups,
) -> anyhow::Result<(Table, Option<Loss>)> {
    let map = Map::open(pins, &view.map)?;
    let reading = Reading::new(&map, view, wanted);
    let mut table = reading.empty_table(types)?;
    let count = reading.scan(&mut table, usize::MAX, lookups, |_, _, _| Ok(()))?;
    let full = full_map(&map, count);
    Ok((table, full))
}

/// Reads every map that the views show and hands its rows on at once, in bounded memory.
///
/// # Errors
/// A map can't be opened or read, or the rows can't be written.
pub fn stream(
    pins: &PinDir,
    views: &[View],
    live: &Live,
    wanted: Wanted<'_>,
    sheets: &mut impl Sheets,
) -> anyhow::Result<Remarks> {
    let mut remarks = Remarks::default();
    let mut types = Types::default();
    let mut lookups = lookups(pins, views, live);
    for view in views.iter().filter(|view| !view.is_events()) {
        let map = Map::open(pins, &view.map)?;
        let reading = Reading::new(&map, view, wanted);
        let mut table = reading.empty_table(&mut types)?;
        if view.loss {
            reading.scan(&mut table, usize::MAX, &mut lookups, |_, _, _| Ok(()))?;
            remarks.loss.extend(Loss::from_table(&table));
            sheets.losses(&table)?;
            continue;
        }
        sheets.begin(map.name(), &table.columns)?;
        let mut parts = 0;
        let limit = if table.is_divisible() { WHOLE } else { usize::MAX };
        let count = reading.scan(&mut table, limit, &mut lookups, |news, table, lookups| {
            match news {
                News::Settled => sheets.ahead(table, lookups)?,
                News::Part => {
                    parts += 1;
                    sheets.part(table, lookups)?;
                }
            }
            Ok(())
        })?;
        if parts > 0 {
            remarks.unordered.push(map.name().to_owned());
        }
        sheets.part(&table, &mut lookups)?;
        sheets.end()?;
        remarks.loss.extend(full_map(&map, count));
        if map.map_type().has_fill_level() {
            remarks.entries.push((view.map.clone(), count as u64));
        }
    }
    remarks.loss.extend(losses(live));
    Ok(remarks)
}

/// Runs every iterator of a probe.
///
/// # Errors
/// One can't be run.
pub fn listings(pins: &PinDir) -> Result<Vec<Listing>, Error> {
    let outputs = iterators::run(pins)?.into_iter();
    Ok(outputs
        .map(|(program, bytes)| Listing {
            program,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
        .collect())
}

/// What the kernel itself says is missing.
pub fn losses(live: &Live) -> Vec<Loss> {
    let misses = live.misses().into_iter();
    misses
        .map(|miss| Loss {
            what: miss.what.to_owned(),
            place: miss.place,
            count: miss.count,
            meaning: miss.meaning.to_owned(),
        })
        .collect()
}

/// The ring buffers that the views show.
///
/// # Errors
/// The programs' type information can't be read, or has no such structure.
pub fn event_streams(pins: &PinDir, views: &[View]) -> Result<Vec<EventStream>, Error> {
    let mut streams = Vec::new();
    for view in views {
        let layout = match (&view.layout, &view.record) {
            (Some(ViewLayout::Records(layout)), _) => layout.clone(),
            (_, Some(tag)) => record_layout(pins, tag)?.unwrap_or(Layout::Opaque { size: 0 }),
            (_, None) => continue,
        };
        let columns = columns(None, &layout, view);
        // The rules saw to it that it can be parsed.
        let line = view.line.as_deref().and_then(|line| Line::parse(line).ok());
        streams.push(EventStream { view: view.clone(), columns, line });
    }
    Ok(streams)
}

/// What decodes the rows: ids of stack traces are looked up in the probe's first map of them.
pub fn lookups(pins: &PinDir, views: &[View], live: &Live) -> Lookups {
    let mut lookups = Lookups::default();
    let has_stacks =
        |column: &Column| matches!(column.decoder, Some(Decoder::Kstack | Decoder::Ustack));
    if !views.iter().flat_map(|view| &view.columns).any(has_stacks) {
        return lookups;
    }
    let opened = live.maps.iter().filter_map(|map| Map::open(pins, &map.name).ok());
    let stacks = opened.into_iter().find(|map| map.map_type() == MapType::STACK_TRACE);
    if let Some(stacks) = stacks {
        lookups.set_stacks(Box::new(move |id| {
            let bytes = stacks.lookup(&id.to_ne_bytes()).ok()??;
            let words = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok());
            Some(words.map(u64::from_ne_bytes).collect())
        }));
    }
    lookups
}

/// What there is of a table that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// More entries that will stay as they are.
    Settled,
    /// A part, after which another one follows.
    Part,
}

/// A map that is being read for a view.
struct Reading<'a> {
    map: &'a Map,
    view: &'a View,
    wanted: Wanted<'a>,
}

impl<'a> Reading<'a> {
    fn new(map: &'a Map, view: &'a View, wanted: Wanted<'a>) -> Reading<'a> {
        Reading { map, view, wanted }
    }

    /// The table that the map's entries go into.
    fn empty_table(&self, types: &mut Types) -> anyhow::Result<Table> {
        let map = self.map;
        let (key, value) = match (&self.view.layout, map.map_type().holds_maps()) {
            (Some(ViewLayout::Entries(key, value)), _) => {
                (key.clone().unwrap_or(Layout::untyped(0)), value.clone())
            }
            (_, true) => types.of_inner(map)?,
            (_, false) => types.of(map)?,
        };
        let is_array = matches!(map.map_type(), MapType::ARRAY | MapType::PERCPU_ARRAY);
        let mut view = self.view.clone();
        if is_array && map.info().max_entries == 1 && !view.columns.iter().any(|c| c.field == "key")
        {
            // The only index says nothing.
            let field = "key".to_owned();
            view.columns.push(Column { field, hide: true, ..Column::default() });
        }
        let zeros = if is_array { Zeros::LeftOut } else { Zeros::Kept };
        // Queues and stacks have no keys.
        let key = Some(&key).filter(|key| key.size() > 0);
        let columns = columns(key, &value, &view);
        self.names_are_known(&columns)?;
        let columns = columns.arranged(self.wanted.sort, self.wanted.top)?;
        Ok(Table::new(map.name(), columns, zeros))
    }

    /// A filter that names what isn't there would only hide rows.
    fn names_are_known(&self, columns: &Columns) -> anyhow::Result<()> {
        let Some(filter) = self.wanted.filter else { return Ok(()) };
        let known = columns.json_names();
        if let Some(name) = filter.unknown(&known) {
            bail!(
                "the filter names `{name}`, but `{}` has no such column; columns there are: {} \
                 (a map that is named behind the probe is read alone)",
                self.map.name(),
                listed(known.iter().map(String::as_str), 32)
            );
        }
        Ok(())
    }

    /// Reads the map into a table. What the table has at the end is in order, unless it got larger than `limit` bytes:
    /// then it is emptied in parts. What there is before is `told`. Returns how many entries the map had.
    fn scan(
        &self,
        table: &mut Table,
        limit: usize,
        lookups: &mut Lookups,
        mut told: impl FnMut(News, &Table, &mut Lookups) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        let mut count = 0;
        let mut settled = 0;
        let mut limit = limit;
        table.expect(self.map.info().max_entries as usize);
        let holds_maps = self.map.map_type().holds_maps();
        let visit = |key: &[u8], value: &[u8]| {
            self.is_in_time(count)?;
            if table.size() > limit {
                limit = PART;
                table.give_up_order();
                self.arrange(table, lookups)?;
                told(News::Part, table, lookups)?;
                table.clear();
                settled = 0;
            }
            count += 1;
            if holds_maps {
                table.push(key, [value]);
            } else {
                table.push(key, self.map.values(value));
            }
            // What a filter leaves out would be looked at in vain.
            if table.settled() > settled && self.wanted.filter.is_none() {
                settled = table.settled();
                told(News::Settled, table, lookups)?;
            }
            anyhow::Ok(())
        };
        if holds_maps {
            self.scan_inner(visit)?;
        } else if self.view.reset && !self.wanted.keeps {
            self.map.take(visit)?;
        } else {
            self.map.scan(visit)?;
        }
        self.arrange(table, lookups)?;
        Ok(count)
    }

    /// Looks at the clock once in a while.
    fn is_in_time(&self, count: usize) -> anyhow::Result<()> {
        let Some(until) = self.wanted.until else { return Ok(()) };
        if count.is_multiple_of(1024) && Instant::now() > until {
            bail!(
                "it took too long: after {count} entries of `{}` the time was over",
                self.map.name()
            );
        }
        Ok(())
    }

    /// Visits the entries of the maps that this one holds, the outer key before the inner one.
    fn scan_inner(
        &self,
        mut visit: impl FnMut(&[u8], &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.map.scan(|outer, id| {
            let Some(inner) = inner(self.map, id)? else { return Ok(()) };
            inner.scan(|key, value| {
                // What an array has from its beginning says nothing.
                let is_blank = inner.map_type() == MapType::ARRAY && value.iter().all(|&b| b == 0);
                if is_blank { Ok(()) } else { visit(&[outer, key].concat(), value) }
            })
        })
    }

    fn arrange(&self, table: &mut Table, lookups: &mut Lookups) -> anyhow::Result<()> {
        table.arrange(lookups);
        self.wanted.filter.map_or(Ok(()), |filter| keep(table, filter, lookups))
    }
}

/// Leaves out the rows for which a filter doesn't hold.
///
/// # Errors
/// It can't be used on a row: it compares what can't be compared, or names what isn't there.
pub fn keep(table: &mut Table, filter: &Filter, lookups: &mut Lookups) -> anyhow::Result<()> {
    table.retain(lookups, |columns, row| holds(filter, columns, row))
}

fn holds(filter: &Filter, columns: &Columns, row: &Row) -> anyhow::Result<bool> {
    let row = sinks::json::pairs(columns, row)
        .map(|(name, value)| (name.into_owned(), value.to_json()))
        .collect();
    filter
        .keeps(&serde_json::Value::Object(row))
        .map_err(|error| anyhow!("the filter can't be used: {}", error.message))
}

/// A map by its id as a map of maps holds it; `None` if it is gone.
fn inner(map: &Map, id: &[u8]) -> Result<Option<Map>, Error> {
    let id = id.try_into().map(u32::from_ne_bytes).unwrap_or_default();
    Map::open_id(id, map.name())
}

/// The columns of a view; all of them as they are where the view doesn't fit what is loaded, which
/// happens when the kernel took no type information.
fn columns(key: Option<&Layout>, value: &Layout, view: &View) -> Columns {
    Columns::new(key, value, Some(view)).unwrap_or_else(|_| Columns::plain_instead(key, value))
}

/// A full hash takes no new keys, whoever counts that.
fn full_map(map: &Map, entries: usize) -> Option<Loss> {
    let takes_no_more = matches!(map.map_type(), MapType::HASH | MapType::PERCPU_HASH);
    let entries = u64::try_from(entries).unwrap_or(u64::MAX);
    if !takes_no_more || entries < u64::from(map.info().max_entries) {
        return None;
    }
    Some(Loss {
        what: "full_map".to_owned(),
        place: map.name().to_owned(),
        count: entries,
        meaning: "entries, as many as the map can hold: new keys are not counted".to_owned(),
    })
}

/// The kernel's type information, parsed once for all maps of an object.
#[derive(Debug, Default)]
pub struct Types {
    parsed: HashMap<u32, Option<Btf>>,
}

impl Types {
    /// The types of a map's key and value.
    fn of(&mut self, map: &Map) -> Result<(Layout, Layout), Error> {
        let info = map.info();
        if info.btf_id != 0 && !self.parsed.contains_key(&info.btf_id) {
            let btf = map.btf()?.and_then(|bytes| Btf::parse(bytes).ok());
            self.parsed.insert(info.btf_id, btf);
        }
        let btf = self.parsed.get(&info.btf_id).and_then(Option::as_ref);
        let layout = |id: u32, size: u32| match btf {
            Some(btf) if id != 0 => Layout::of(btf, TypeId(id)),
            _ => Layout::untyped(size),
        };
        if map.map_type() == MapType::STACK_TRACE {
            // The kernel takes no types for it, since it has one of its own.
            let stack =
                Layout::Array { element: Box::new(Layout::Pointer), len: info.value_size / 8 };
            return Ok((Layout::untyped(info.key_size), stack));
        }
        Ok((
            layout(info.btf_key_type_id, info.key_size),
            layout(info.btf_value_type_id, info.value_size),
        ))
    }

    /// The types of the entries of the maps that a map holds: the outer key as `map`, the inner one as
    /// `key` or by its fields. All of them are alike.
    fn of_inner(&mut self, map: &Map) -> Result<(Layout, Layout), Error> {
        let (outer, _) = self.of(map)?;
        let mut first = None;
        map.scan(|_, id| {
            if first.is_none() {
                first = inner(map, id)?;
            }
            Ok::<(), Error>(())
        })?;
        let (key, value) = match &first {
            Some(first) => self.of(first)?,
            None => (Layout::untyped(0), Layout::untyped(0)),
        };
        let is_one = !matches!(key, Layout::Struct { .. } | Layout::Union { .. });
        let name = if is_one { "key".to_owned() } else { String::new() };
        let size = outer.size() + key.size();
        let bit_offset = 8 * outer.size();
        let fields = vec![
            Field { name: "map".to_owned(), bit_offset: 0, bit_width: None, layout: outer },
            Field { name, bit_offset, bit_width: None, layout: key },
        ];
        Ok((Layout::Struct { name: String::new(), size, fields }, value))
    }
}

/// The structure of a tag in the type information of the probe's programs.
fn record_layout(pins: &PinDir, tag: &str) -> Result<Option<Layout>, Error> {
    for name in pins.names(&pins.programs())? {
        let Some(bytes) = maps::program_btf(&pins.programs().join(name))? else { continue };
        let Ok(btf) = Btf::parse(bytes) else { continue };
        if let Some(id) = btf.find(tag, Kind::Struct) {
            return Ok(Some(Layout::of(&btf, id)));
        }
    }
    Ok(None)
}
