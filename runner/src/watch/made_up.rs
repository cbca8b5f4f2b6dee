//! Samples made by hand, for tests.

use std::time::{Duration, UNIX_EPOCH};

use crate::desired::{Decoder, Scale};
use crate::read::sinks::{Drawing, Heatmap, Histogram};
use crate::read::{Loss, Value};
use crate::watch::sample::{Head, Row, Sample, Sheet, Stream, Total};

/// The RPS probe after so many seconds in which each pair of CPUs got its own number of packets a second.
pub fn rps(seconds: u64) -> Sample {
    let pairs = [(0, 1, 1200), (1, 0, 300), (0, -1, 7), (2, 3, 90_000), (3, 2, 1), (3, 3, 0)];
    let rows = pairs.map(|(cpu, target, each): (u64, i64, u64)| {
        let device = Value::Text(if cpu < 2 { "eth0" } else { "lo" }.to_owned());
        let cells = vec![
            Some(device),
            Some(Value::Unsigned(u128::from(cpu))),
            Some(Value::Signed(i128::from(target))),
            Some(Value::Unsigned(u128::from(each * seconds))),
        ];
        let rate = (seconds > 1).then_some((each * (seconds % 7)) as f64);
        Row {
            key: Box::from([cpu as u8, target as u8]),
            ranks: cells.clone(),
            cells,
            rates: vec![None, None, None, rate],
        }
    });
    let cells = pairs.map(|(cpu, target, each)| {
        ((i128::from(target), i128::from(cpu)), u128::from(each * seconds))
    });
    let names = ["target", "cpu", "packets"].map(str::to_owned);
    let sum = pairs.iter().map(|(_, _, each)| i128::from(each * seconds)).sum();
    let rate = (seconds > 1).then_some((91_508 * (seconds % 7)) as f64);
    Sample {
        sheets: vec![Sheet {
            map: "rps_record".to_owned(),
            heads: vec![
                head("device", false, false),
                head("cpu", true, false),
                head("target", true, false),
                head("packets", true, true),
            ],
            names: ["device", "device_raw", "cpu", "target", "packets"].map(str::to_owned).into(),
            rows: rows.into(),
            more: 0,
            totals: vec![None, None, None, Some(Total { sum, rate })],
            drawings: vec![Drawing::Heatmap(Heatmap { names, cells: cells.into() })],
            remark: None,
        }],
        ..empty(seconds)
    }
}

/// A probe that says everything that somebody who wants to do harm could have it say.
pub fn hostile() -> Sample {
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}txt\u{200b}\r\n\t";
    let text = || Some(Value::Text(evil.to_owned()));
    let histogram = Histogram {
        title: "took".to_owned(),
        buckets: vec![(9, 1), (10, 40), (12, 3)],
        scale: Scale::Log2,
        unit: Some(Decoder::Duration),
    };
    let row =
        Row { key: Box::from([1]), cells: vec![text()], ranks: vec![text()], rates: vec![None] };
    Sample {
        state: evil.to_owned(),
        sheets: vec![Sheet {
            map: evil.to_owned(),
            heads: vec![head(evil, false, false)],
            names: vec![evil.to_owned()],
            rows: vec![row],
            more: 3,
            totals: vec![Some(Total { sum: 1, rate: None })],
            drawings: vec![Drawing::Histogram(histogram)],
            remark: Some(evil.to_owned()),
        }],
        streams: vec![Stream { map: "events\u{1b}[2J".to_owned(), id: 7 }],
        losses: vec![Loss {
            what: evil.to_owned(),
            place: evil.to_owned(),
            count: 3,
            meaning: evil.to_owned(),
        }],
        health: Some(vec![evil.to_owned(), "wide 日本語 ".repeat(20)]),
        ..empty(1)
    }
}

/// System calls with records.
pub fn calls(seconds: u64) -> Sample {
    let call = |nr: u8, name: &str, process: &str, each: u64| {
        let cells = vec![
            Some(Value::Text(name.to_owned())),
            Some(Value::Text(process.to_owned())),
            Some(Value::Unsigned(u128::from(each * seconds))),
        ];
        let rate = (seconds > 1).then_some(each as f64);
        Row { key: Box::from([nr]), ranks: cells.clone(), cells, rates: vec![None, None, rate] }
    };
    let rate = (seconds > 1).then_some(14.0);
    Sample {
        sheets: vec![Sheet {
            map: "counts".to_owned(),
            heads: vec![
                head("call", false, false),
                head("process", false, false),
                head("calls", true, true),
            ],
            names: ["call", "call_raw", "process", "calls"].map(str::to_owned).into(),
            rows: vec![
                call(59, "execve", "bash[71]", 3),
                call(
                    222,
                    "timer_create",
                    "a process with a name that is long enough to be cut, and longer[4194304]",
                    10,
                ),
                call(223, "timer_settime", "[12]", 1),
            ],
            more: 0,
            totals: vec![None, None, Some(Total { sum: i128::from(14 * seconds), rate })],
            drawings: Vec::new(),
            remark: None,
        }],
        streams: vec![Stream { map: "events".to_owned(), id: 7 }],
        losses: vec![
            Loss {
                what: "recursion_misses".to_owned(),
                place: "dispatch".to_owned(),
                count: 31,
                meaning: "events that the kernel skipped".to_owned(),
            },
            Loss {
                what: "paths".to_owned(),
                place: "losses".to_owned(),
                count: 2,
                meaning: "what the probe itself counted as missing from its data".to_owned(),
            },
        ],
        ..empty(seconds)
    }
}

fn empty(seconds: u64) -> Sample {
    Sample {
        at: UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds),
        state: "attached".to_owned(),
        sheets: Vec::new(),
        streams: Vec::new(),
        losses: Vec::new(),
        health: None,
    }
}

fn head(name: &str, is_quantity: bool, is_counter: bool) -> Head {
    Head { name: name.to_owned(), is_quantity, is_counter }
}
