//! Reads an applied probe again and again.

use std::time::{Instant, SystemTime};

use crate::desired::{Sort, View};
use crate::kernel::{PinDir, observe};
use crate::live::Live;
use crate::read::sinks::drawings;
use crate::read::{Column, Lookups, Loss, Rates, Table};
use crate::readout::{self, Types, Wanted};
use crate::watch::sample::{Head, Row, Sample, Sheet, Stream, Total};
use crate::watch::state::{By, Wish};

/// Rows that are kept for the screen.
const ROWS: usize = 1000;
/// Entries of a map of which the rates are known: all keys of the reading before are kept for that.
const RATED: usize = 200_000;

/// What is read, and what the reading before was.
#[derive(Debug)]
pub struct Sampler {
    probe: String,
    /// A map that the probe's file doesn't show.
    extra: Option<View>,
    types: Types,
    rates: Rates,
    last: Option<Instant>,
}

impl Sampler {
    /// Of a probe's views and of one more map, if it has no view.
    pub fn new(probe: &str, map: Option<&str>) -> Sampler {
        Sampler {
            probe: probe.to_owned(),
            extra: map.map(View::plain),
            types: Types::default(),
            rates: Rates::default(),
            last: None,
        }
    }

    /// Reads everything as the wishes want it; `None` if the probe is gone.
    ///
    /// # Errors
    /// The kernel can't be asked what there is of the probe.
    pub fn sample(&mut self, wishes: &[Wish]) -> anyhow::Result<Option<(Sample, Live)>> {
        let Some(live) = observe::observe(&self.probe)? else { return Ok(None) };
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            self.rates.turn(now - last);
        }
        let pins = PinDir::persistent(&self.probe);
        let views = self.views(&live);
        let mut lookups = readout::lookups(&pins, &views, &live);
        let (mut sheets, mut losses) = (Vec::new(), Vec::new());
        for view in views.iter().filter(|view| !view.is_events()) {
            let wish = wishes.iter().find(|wish| wish.map == view.map);
            match self.read(&pins, view, wish, &mut lookups) {
                Ok((table, full)) if view.loss => {
                    losses.extend(Loss::from_table(&table).into_iter().chain(full));
                }
                Ok((mut table, full)) => {
                    losses.extend(full);
                    sheets.push(self.sheet(&mut table, wish, &mut lookups));
                }
                // The others can be read all the same.
                Err(error) => sheets.push(Sheet::unreadable(&view.map, format!("{error:#}"))),
            }
        }
        losses.extend(readout::losses(&live));
        let streams = views.iter().filter(|view| view.is_events());
        let streams = streams.filter_map(|view| {
            let map = live.maps.iter().find(|map| map.name == view.map)?;
            Some(Stream { map: view.map.clone(), id: map.id })
        });
        let sample = Sample {
            at: SystemTime::now(),
            state: String::new(),
            sheets,
            streams: streams.collect(),
            losses,
            health: None,
        };
        Ok(Some((sample, live)))
    }

    /// What is shown of a probe.
    pub fn views(&self, live: &Live) -> Vec<View> {
        let mut views =
            live.record.as_ref().map_or_else(Vec::new, |record| record.desired.views.clone());
        if let Some(extra) = &self.extra {
            match views.iter_mut().find(|view| view.map == extra.map) {
                // A map that is asked for by name is shown, even one of losses.
                Some(view) => view.loss = false,
                None => views.push(extra.clone()),
            }
        }
        views
    }

    fn read(
        &mut self,
        pins: &PinDir,
        view: &View,
        wish: Option<&Wish>,
        lookups: &mut Lookups,
    ) -> anyhow::Result<(Table, Option<Loss>)> {
        let sort = wish.and_then(|wish| match &wish.order.as_ref()?.by {
            By::Cell(name) => {
                Some(Sort { column: name.clone(), descending: wish.order.as_ref()?.descending })
            }
            By::Rate(_) => None,
        });
        // Looking takes nothing away, whatever the view says.
        let wanted = Wanted { sort: sort.as_ref(), keeps: true, ..Wanted::default() };
        let read = readout::read_view(pins, view, wanted, &mut self.types, lookups);
        match (read, sort) {
            // The map was replaced by one without this column.
            (Err(_), Some(_)) => {
                let wanted = Wanted { keeps: true, ..Wanted::default() };
                readout::read_view(pins, view, wanted, &mut self.types, lookups)
            }
            (read, _) => read,
        }
    }

    /// What the screen needs of a table.
    fn sheet(&mut self, table: &mut Table, wish: Option<&Wish>, lookups: &mut Lookups) -> Sheet {
        let mut remark = None;
        if table.len() <= RATED {
            // Before the filter: what it lets through later has grown since now, not from 0.
            self.rates.note(table);
        } else {
            remark = Some(format!("more than {RATED} entries: how fast they grow isn't known"));
        }
        if let Some(filter) = wish.and_then(|wish| wish.filter.as_ref())
            && let Err(error) = readout::keep(table, filter, lookups)
        {
            remark = Some(format!("{error:#}"));
        }
        let listed = table.columns.listed();
        let columns: Vec<(usize, Column)> =
            listed.map(|(position, column)| (position, column.clone())).collect();
        let rates = &self.rates;
        let rate = |column: &Column, entry| {
            column.is_counter().then(|| rates.of(&table.map, column, entry)).flatten()
        };
        let mut indices: Vec<usize> = (0..table.len()).collect();
        if let Some((name, descending)) = wish.and_then(Wish::by_rate)
            && let Some((_, column)) = columns.iter().find(|(_, column)| column.name == name)
        {
            let keys: Vec<f64> =
                table.entries().map(|entry| rate(column, entry).unwrap_or(0.0)).collect();
            indices.sort_by(|&left, &right| {
                let order = keys[left].total_cmp(&keys[right]);
                if descending { order.reverse() } else { order }
            });
        }
        let totals = columns.iter().map(|(_, column)| {
            column.is_counter().then(|| {
                let rated = rates.knows(&table.map);
                let number = |entry| column.number(entry).unwrap_or(0);
                Total {
                    sum: table.entries().map(number).fold(0, i128::saturating_add),
                    rate: rated
                        .then(|| table.entries().filter_map(|entry| rate(column, entry)).sum()),
                }
            })
        });
        let totals = totals.collect();
        let shown = indices.iter().take(ROWS);
        let rows = shown.filter_map(|&index| {
            let (entry, row) = table.row(index, lookups)?;
            let cells = || columns.iter().map(|(position, column)| (column, &row.cells[*position]));
            Some(Row {
                key: entry.key.into(),
                cells: cells().map(|(_, cell)| Some(cell.as_ref()?.shown().clone())).collect(),
                ranks: cells()
                    .map(|(column, cell)| {
                        let cell = cell.as_ref()?;
                        Some(if column.is_quantity() { &cell.raw } else { cell.shown() }.clone())
                    })
                    .collect(),
                rates: columns.iter().map(|(_, column)| rate(column, entry)).collect(),
            })
        });
        let rows: Vec<Row> = rows.collect();
        Sheet {
            map: table.map.clone(),
            heads: columns.iter().map(|(_, column)| Head::of(column)).collect(),
            names: table.columns.json_names(),
            more: table.len() - rows.len(),
            rows,
            totals,
            drawings: drawings(table, lookups),
            remark,
        }
    }
}

impl Head {
    fn of(column: &Column) -> Head {
        Head {
            name: column.name.clone(),
            is_quantity: column.is_quantity(),
            is_counter: column.is_counter(),
        }
    }
}

impl Sheet {
    /// A map of which nothing is known but why.
    fn unreadable(map: &str, why: String) -> Sheet {
        Sheet {
            map: map.to_owned(),
            heads: Vec::new(),
            names: Vec::new(),
            rows: Vec::new(),
            more: 0,
            totals: Vec::new(),
            drawings: Vec::new(),
            remark: Some(why),
        }
    }
}
