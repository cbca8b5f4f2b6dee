//! Tests that nothing in a layout, a view or bytes makes the readout panic: objects come from
//! anywhere, and so do the records that their programs write.

use crate::btf::{Field, Layout, Scalar, ScalarKind};
use crate::desired::Decoder;
use crate::read::decoders::Context;
use crate::read::sample::{column, view};
use crate::read::sinks::Sheets;
use crate::read::sinks::json::{self, Document};
use crate::read::sinks::table::Style;
use crate::read::{Columns, Lookups, Zeros, decode, decoders, sinks, table};

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32 % limit
    }

    /// Mostly small, sometimes absurd.
    fn size(&mut self) -> u32 {
        match self.below(12) {
            0 => u32::MAX - self.below(9),
            1 => self.below(1 << 20),
            _ => self.below(24),
        }
    }

    fn layout(&mut self, depth: u32) -> Layout {
        let kinds = if depth == 0 { 3 } else { 6 };
        match self.below(kinds) {
            0 => Layout::Scalar(Scalar {
                name: String::new(),
                size: self.size(),
                signed: self.below(2) == 0,
                kind: match self.below(5) {
                    0 => ScalarKind::Char,
                    1 => ScalarKind::Bool,
                    2 => ScalarKind::Float,
                    3 => ScalarKind::Enum(vec![("ONE".into(), 1), ("MIN".into(), i128::MIN)]),
                    _ => ScalarKind::Integer,
                },
            }),
            1 => Layout::Pointer,
            2 => Layout::Opaque { size: self.size() },
            3 => Layout::Array { element: Box::new(self.layout(depth - 1)), len: self.size() },
            4 => Layout::Struct {
                name: String::new(),
                size: self.size(),
                fields: self.fields(depth),
            },
            _ => {
                Layout::Union { name: String::new(), size: self.size(), fields: self.fields(depth) }
            }
        }
    }

    fn fields(&mut self, depth: u32) -> Vec<Field> {
        let names = ["", "a", "b", "key", "value"];
        (0..self.below(5))
            .map(|_| Field {
                name: names[self.below(5) as usize].into(),
                bit_offset: match self.below(4) {
                    0 => self.size(),
                    _ => 8 * self.below(24),
                },
                bit_width: (self.below(4) == 0).then(|| self.size()),
                layout: self.layout(depth - 1),
            })
            .collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(64)).map(|_| self.below(256) as u8).collect()
    }
}

#[test]
fn no_layout_and_no_bytes_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut decoded = 0;
    let mut cells = 0;
    for _ in 0..4_000 {
        let (key, value) = (random.layout(3), random.layout(3));
        decoded += u32::from(decode(&value, &random.bytes()).is_some());
        let Ok(columns) = Columns::new(Some(&key), &value, None) else {
            continue;
        };
        let entries: Vec<_> =
            (0..3).map(|_| (random.bytes(), [random.bytes(), random.bytes()])).collect();
        let table = table("any", columns, Zeros::LeftOut, entries, &mut Lookups::default());
        let mut lookups = Lookups::default();
        let rows = table.rows(&mut lookups);
        cells += rows.map(|row| row.cells.iter().flatten().count()).sum::<usize>();
        let mut out = Vec::new();
        sinks::table::write(&mut out, std::slice::from_ref(&table), Style::PLAIN, &mut lookups)
            .expect("memory takes everything");
        let mut document = Document::new(&mut out, "any", json::Style::Line).expect("memory");
        document.begin("any", &table.columns).expect("memory takes everything");
        document.part(&table, &mut lookups).expect("memory takes everything");
        document.end().expect("memory takes everything");
        document.finish(&[], &[]).expect("memory takes everything");
        let line = out.split(|&byte| byte == b'\n').rev().nth(1).expect("it ends in a line");
        serde_json::from_slice::<serde_json::Value>(line).expect("what is written is JSON");
    }
    // Most of them hold something, or this test would show little.
    assert!(decoded > 1_000 && cells > 4_000, "{decoded} decoded, {cells} cells");
}

#[test]
fn no_bytes_panic_a_decoder() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut all: Vec<Decoder> = Decoder::plain().collect();
    all.push(Decoder::Static(vec![(1, "one".into())]));
    let mut shown = 0;
    for round in 0..4_000 {
        let layout = random.layout(1);
        let decoder = &all[round % all.len()];
        let mut view = view("any");
        view.columns = vec![column("value", None, Some(decoder.clone()))];
        // A decoder is asked even where it doesn't fit.
        let mut lookups = Lookups::default();
        let any =
            decoders::apply(decoder, &layout, &random.bytes(), Context::default(), &mut lookups);
        shown += u32::from(any.is_some());
        let Ok(columns) = Columns::new(None, &layout, Some(&view)) else {
            continue;
        };
        let entries = [(Vec::new(), [random.bytes()])];
        table("any", columns, Zeros::Kept, entries, &mut lookups);
    }
    assert!(shown > 500, "{shown} shown");
}
