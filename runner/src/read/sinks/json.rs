//! Tables and event records for programs.
//!
//! Written as they come: a document needs no more memory than its largest part.

mod ahead;
mod rows;

use std::io;

use serde::Serialize;

use crate::read::columns::{Columns, Entry};
use crate::read::decoders::Lookups;
use crate::read::loss::Loss;
use crate::read::sinks::Sheets;
use crate::read::sinks::listing::Listing;
use crate::read::table::Table;

pub use rows::pairs;

use ahead::Ahead;
use rows::RowWriter;

/// How much is gathered before it is written.
const CHUNK: usize = 1 << 16;

/// How a document is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A line for each row.
    Lines,
    /// All on one line, with a member `"type":"read"` that tells it from others of a stream.
    Line,
}

/// What a probe's maps hold, as `read` and the end of `run` give it, while it is written.
///
/// Every row of a table is there, whatever its view says for people. A decoded column `x` has its
/// raw value beside it as `x_raw`.
pub struct Document<'w, W> {
    out: &'w mut W,
    style: Style,
    buffer: Vec<u8>,
    views: usize,
    writer: RowWriter,
    ahead: Ahead,
    rows: usize,
}

impl<'w, W: io::Write> Document<'w, W> {
    /// Begins a document.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(out: &'w mut W, probe: &str, style: Style) -> io::Result<Document<'w, W>> {
        let mut document = Document {
            out,
            style,
            buffer: b"{".to_vec(),
            views: 0,
            writer: RowWriter::default(),
            ahead: Ahead::default(),
            rows: 0,
        };
        if style == Style::Line {
            document.buffer.extend_from_slice(br#""type":"read","#);
        }
        document.member(1, "schema_version", &1)?;
        document.buffer.push(b',');
        document.member(1, "probe", probe)?;
        document.buffer.push(b',');
        document.name(1, "views")?;
        document.buffer.push(b'[');
        Ok(document)
    }

    fn begin_view(&mut self, map: &str, columns: &Columns) -> io::Result<()> {
        if self.views > 0 {
            self.buffer.push(b',');
        }
        self.views += 1;
        self.rows = 0;
        let between = match self.style {
            Style::Lines => ",\n        ",
            Style::Line => ",",
        };
        self.writer = RowWriter::new(between, columns);
        self.ahead.clear();
        self.line(2);
        self.buffer.push(b'{');
        self.member(3, "map", map)?;
        self.buffer.push(b',');
        let names: Vec<&str> = columns.shown.iter().map(|column| column.name.as_str()).collect();
        self.member(3, "columns", &names)?;
        self.buffer.push(b',');
        self.name(3, "rows")?;
        self.buffer.push(b'[');
        Ok(())
    }

    fn rows(&mut self, table: &Table, lookups: &mut Lookups) -> io::Result<()> {
        for place in table.places() {
            let begin = self.buffer.len();
            match self.ahead.get(table, place) {
                Some(row) => self.buffer.extend_from_slice(row),
                None => {
                    let entry = table.entry(place);
                    self.writer.write(&table.columns, entry, lookups, &mut self.buffer)?;
                }
            }
            if self.rows == 0 {
                // Nothing stands before the first row's line.
                self.buffer.remove(begin);
            }
            self.rows += 1;
            if self.buffer.len() >= CHUNK {
                self.out.write_all(&self.buffer)?;
                self.buffer.clear();
            }
        }
        self.ahead.clear();
        Ok(())
    }

    fn end_view(&mut self) {
        if self.rows > 0 {
            self.line(3);
        }
        self.buffer.push(b']');
        self.line(2);
        self.buffer.push(b'}');
    }

    /// Ends the document: what its iterators wrote, and what is missing from its tables.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self, listings: &[Listing], loss: &[Loss]) -> io::Result<()> {
        if self.views > 0 {
            self.line(1);
        }
        self.buffer.extend_from_slice(b"],");
        if !listings.is_empty() {
            self.member(1, "listings", listings)?;
            self.buffer.push(b',');
        }
        self.member(1, "loss", loss)?;
        self.line(0);
        self.buffer.extend_from_slice(b"}\n");
        self.out.write_all(&self.buffer)
    }

    fn member(
        &mut self,
        depth: usize,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> io::Result<()> {
        self.name(depth, name)?;
        Ok(serde_json::to_writer(&mut self.buffer, value)?)
    }

    fn name(&mut self, depth: usize, name: &str) -> io::Result<()> {
        self.line(depth);
        serde_json::to_writer(&mut self.buffer, name)?;
        let colon = if self.style == Style::Lines { &b": "[..] } else { b":" };
        self.buffer.extend_from_slice(colon);
        Ok(())
    }

    /// Begins a line, where the style has lines.
    fn line(&mut self, depth: usize) {
        if self.style == Style::Lines {
            self.buffer.push(b'\n');
            self.buffer.resize(self.buffer.len() + 2 * depth, b' ');
        }
    }
}

impl<W: io::Write> Sheets for Document<'_, W> {
    fn begin(&mut self, map: &str, columns: &Columns) -> io::Result<()> {
        self.begin_view(map, columns)
    }

    fn ahead(&mut self, table: &Table, lookups: &mut Lookups) -> io::Result<()> {
        self.ahead.write(&self.writer, table, lookups)
    }

    fn part(&mut self, table: &Table, lookups: &mut Lookups) -> io::Result<()> {
        self.rows(table, lookups)
    }

    fn end(&mut self) -> io::Result<()> {
        self.end_view();
        Ok(())
    }
}

/// Writes records on lines, as `{"type":"event",…}`.
pub struct EventWriter {
    rows: RowWriter,
    line: Vec<u8>,
}

impl EventWriter {
    /// For the records that come through a map of a probe.
    pub fn new(probe: &str, map: &str, columns: &Columns) -> EventWriter {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let (probe, map) = (quoted(probe), quoted(map));
        let begin = format!(r#"{{"type":"event","probe":{probe},"map":{map},"row":"#);
        EventWriter { rows: RowWriter::new(&begin, columns), line: Vec::new() }
    }

    /// Writes one.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(
        &mut self,
        out: &mut impl io::Write,
        columns: &Columns,
        bytes: &[u8],
        lookups: &mut Lookups,
    ) -> io::Result<()> {
        self.line.clear();
        let entry = Entry { key: &[], value: bytes };
        self.rows.write(columns, entry, lookups, &mut self.line)?;
        self.line.extend_from_slice(b"}\n");
        out.write_all(&self.line)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use crate::desired::Decoder;
    use crate::read::sample::{column, event, event_record, of_key, rps_key, unsigned, view};
    use crate::read::sinks::json::{Document, EventWriter, Style};
    use crate::read::{Columns, Lookups, Loss, Table, Zeros, table};

    fn rps() -> Table {
        let mut view = view("rps_record");
        let devices = Decoder::Static(vec![(1, "lo".into())]);
        view.columns = vec![
            column("ifindex", Some("device"), Some(devices)),
            column("value", Some("packets"), None),
        ];
        view.top = Some(1);
        let columns = Columns::new(Some(&rps_key()), &unsigned(8), Some(&view)).expect("it fits");
        let entries = [([1, 0, 0, 1], u64::MAX), ([7, 0, 1, -1], 2)]
            .map(|(key, count)| (of_key(key), [count.to_le_bytes()]));
        table("rps_record", columns, Zeros::Kept, entries, &mut Lookups::default())
    }

    fn document(style: Style, tables: &[Table], loss: &[Loss]) -> String {
        let mut out = Vec::new();
        let mut document = Document::new(&mut out, "rps", style).expect("memory");
        for table in tables {
            document.begin_view(&table.map, &table.columns).expect("memory");
            document.rows(table, &mut Lookups::default()).expect("memory");
            document.end_view();
        }
        document.finish(&[], loss).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    const ROWS: [&str; 2] = [
        concat!(
            r#"{"device":"lo","device_raw":1,"curr_node_id":0,"curr_cpu":0,"targ_cpu":1,"#,
            r#""packets":18446744073709551615}"#
        ),
        concat!(
            r#"{"device":7,"device_raw":7,"curr_node_id":0,"curr_cpu":1,"targ_cpu":-1,"#,
            r#""packets":2}"#
        ),
    ];

    #[test]
    fn every_row_is_there_with_raw_values_beside_decoded_ones() {
        let loss = [Loss {
            what: "recursion_misses".into(),
            place: "dispatch".into(),
            count: 12,
            meaning: "events that the kernel skipped".into(),
        }];
        let columns = r#"["device","curr_node_id","curr_cpu","targ_cpu","packets"]"#;
        let missing = concat!(
            r#"{"what":"recursion_misses","where":"dispatch","count":12,"#,
            r#""meaning":"events that the kernel skipped"}"#
        );
        let rows = ROWS.join(",");
        assert_eq!(
            document(Style::Line, &[rps()], &loss),
            format!(
                r#"{{"type":"read","schema_version":1,"probe":"rps","views":[{{"map":"rps_record","columns":{columns},"rows":[{rows}]}}],"loss":[{missing}]}}"#
            ) + "\n"
        );
        let [first, second] = ROWS;
        assert_eq!(
            document(Style::Lines, &[rps()], &loss),
            format!(
                r#"{{
  "schema_version": 1,
  "probe": "rps",
  "views": [
    {{
      "map": "rps_record",
      "columns": {columns},
      "rows": [
        {first},
        {second}
      ]
    }}
  ],
  "loss": [{missing}]
}}
"#
            )
        );
    }

    #[test]
    fn a_document_without_anything() {
        assert_eq!(
            document(Style::Lines, &[], &[]),
            "{\n  \"schema_version\": 1,\n  \"probe\": \"rps\",\n  \"views\": [],\n  \"loss\": []\n}\n"
        );
    }

    #[test]
    fn an_event_is_a_line_and_its_text_is_exact() {
        let columns = Columns::new(None, &event(), None).expect("no view");
        let bytes = event_record(59, "a\nb", None);
        let mut writer = EventWriter::new("syscalls", "events", &columns);
        let mut out = Vec::new();
        for _ in 0..2 {
            out.clear();
            writer
                .write(&mut out, &columns, &bytes, &mut Lookups::default())
                .expect("memory takes everything");
        }
        assert_eq!(
            String::from_utf8(out).expect("text"),
            concat!(
                r#"{"type":"event","probe":"syscalls","map":"events","row":"#,
                r#"{"nr":59,"comm":"a\nb","time_ns":1500000000}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_closed_pipe_stays_one() {
        struct Closed;
        impl io::Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut closed = Closed;
        let document = Document::new(&mut closed, "rps", Style::Lines).expect("nothing yet");
        let error = document.finish(&[], &[]).expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
