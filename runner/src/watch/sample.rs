//! What a probe was seen to hold at one time, as plain data.

use std::time::SystemTime;

use crate::read::sinks::Drawing;
use crate::read::{Loss, Value};

/// One reading of all that is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When it was.
    pub at: SystemTime,
    /// `attached`, or what is wrong.
    pub state: String,
    /// The maps, in the order of the probe's views.
    pub sheets: Vec<Sheet>,
    /// The maps that records come through.
    pub streams: Vec<Stream>,
    /// What makes the numbers short.
    pub losses: Vec<Loss>,
    /// The probe's status, a line each, where it was asked for.
    pub health: Option<Vec<String>>,
}

/// A map that records come through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The map's symbol.
    pub map: String,
    /// Its id: another map of this name may take its place.
    pub id: u32,
}

/// One map.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// The map's symbol.
    pub map: String,
    /// Its columns, without those that are drawn.
    pub heads: Vec<Head>,
    /// The names that a filter can use.
    pub names: Vec<String>,
    /// The first rows in the order that was asked for.
    pub rows: Vec<Row>,
    /// How many entries there are behind them that a filter let through.
    pub more: usize,
    /// What all counters of a column hold and how fast they grow, for each head.
    pub totals: Vec<Option<Total>>,
    /// What the view has drawn.
    pub drawings: Vec<Drawing>,
    /// What is to be said of this map, such as why it can't be read.
    pub remark: Option<String>,
}

/// A column's heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its name.
    pub name: String,
    /// Whether it holds amounts.
    pub is_quantity: bool,
    /// Whether its numbers only grow.
    pub is_counter: bool,
}

/// A column's sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Total {
    /// Of all entries that a filter let through.
    pub sum: i128,
    /// How much they grew a second; none at the first reading.
    pub rate: Option<f64>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its key's bytes, by which it is known again.
    pub key: Box<[u8]>,
    /// What is shown in each column.
    pub cells: Vec<Option<Value>>,
    /// What it is ordered by in each column: the raw value of amounts, else what is shown.
    pub ranks: Vec<Option<Value>>,
    /// How fast the counter in each column grows a second.
    pub rates: Vec<Option<f64>>,
}

/// Records that were taken out of a buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many there were.
    pub count: u64,
    /// The last of them, a line each, that a filter let through.
    pub lines: Vec<String>,
    /// How many the kernel had no room for, since the beginning; only perf buffers tell.
    pub lost: u64,
}
