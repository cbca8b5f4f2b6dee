//! Tables and event records for programs.

use std::borrow::Cow;
use std::io;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::read::columns::Columns;
use crate::read::loss::Loss;
use crate::read::rows::{Row, Table};
use crate::read::sinks::listing::Listing;

/// What a probe's maps hold, as `read` and the end of `run` give it.
///
/// Every row of a table is there, whatever its view says for people. A decoded column `x` has its
/// raw value beside it as `x_raw`.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// The probe's name.
    pub probe: &'a str,
    /// Its maps.
    pub tables: &'a [Table],
    /// What is missing from them.
    pub loss: &'a [Loss],
    /// What its iterators wrote.
    pub listings: &'a [Listing],
}

/// An event record, as `run` streams it.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The probe's name.
    pub probe: &'a str,
    /// The map that the record came through.
    pub map: &'a str,
    /// The record's columns.
    pub columns: &'a Columns,
    /// The record.
    pub row: &'a Row,
}

/// Writes the document as `read -o json` does: indented, with its schema's version.
///
/// # Errors
/// The writer's.
pub fn write(out: &mut impl io::Write, document: &Document<'_>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &document.shape(None))?;
    writeln!(out)
}

/// Writes the document on one line among the others of a stream, as `{"type":"read",…}`.
///
/// # Errors
/// The writer's.
pub fn write_line(out: &mut impl io::Write, document: &Document<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &document.shape(Some("read")))?;
    writeln!(out)
}

/// Writes a record on one line, as `{"type":"event",…}`.
///
/// # Errors
/// The writer's.
pub fn write_event(out: &mut impl io::Write, event: &Event<'_>) -> io::Result<()> {
    let line = EventShape {
        kind: "event",
        probe: event.probe,
        map: event.map,
        row: Object { columns: event.columns, row: event.row },
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}

/// A row's names and values in the order of the columns, without the fields that it doesn't have.
pub(super) fn pairs<'a>(
    columns: &'a Columns,
    row: &'a Row,
) -> impl Iterator<Item = (Cow<'a, str>, serde_json::Value)> {
    columns.shown.iter().zip(&row.cells).flat_map(|(column, cell)| {
        let shown =
            cell.as_ref().map(|cell| (Cow::Borrowed(column.name.as_str()), cell.shown().to_json()));
        let raw = cell
            .as_ref()
            .filter(|_| column.decoder.is_some())
            .map(|cell| (Cow::Owned(column.raw_name()), cell.raw.to_json()));
        shown.into_iter().chain(raw)
    })
}

#[derive(Serialize)]
struct DocumentShape<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    schema_version: u32,
    probe: &'a str,
    views: Vec<View<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    listings: &'a [Listing],
    loss: &'a [Loss],
}

#[derive(Serialize)]
struct View<'a> {
    map: &'a str,
    columns: Vec<&'a str>,
    rows: Vec<Object<'a>>,
}

#[derive(Serialize)]
struct EventShape<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    probe: &'a str,
    map: &'a str,
    row: Object<'a>,
}

/// A row as an object whose members keep the order of the columns.
struct Object<'a> {
    columns: &'a Columns,
    row: &'a Row,
}

impl<'a> Document<'a> {
    fn shape(&self, kind: Option<&'static str>) -> DocumentShape<'a> {
        let view = |table: &'a Table| View {
            map: &table.map,
            columns: table.columns.shown.iter().map(|column| column.name.as_str()).collect(),
            rows: table.rows.iter().map(|row| Object { columns: &table.columns, row }).collect(),
        };
        DocumentShape {
            kind,
            schema_version: 1,
            probe: self.probe,
            views: self.tables.iter().map(view).collect(),
            listings: self.listings,
            loss: self.loss,
        }
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (name, value) in pairs(self.columns, self.row) {
            object.serialize_entry(&name, &value)?;
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use crate::desired::Decoder;
    use crate::read::sample::{column, event, event_record, of_key, rps_key, unsigned, view};
    use crate::read::sinks::json::{Document, Event, write, write_event, write_line};
    use crate::read::{Columns, Lookups, Loss, Table, Zeros, record, table};

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

    const ROWS: &str = concat!(
        r#"{"device":"lo","device_raw":1,"curr_node_id":0,"curr_cpu":0,"targ_cpu":1,"#,
        r#""packets":18446744073709551615},"#,
        r#"{"device":7,"device_raw":7,"curr_node_id":0,"curr_cpu":1,"targ_cpu":-1,"packets":2}"#
    );

    #[test]
    fn every_row_is_there_with_raw_values_beside_decoded_ones() {
        let tables = [rps()];
        let loss = [Loss {
            what: "recursion_misses".into(),
            place: "dispatch".into(),
            count: 12,
            meaning: "events that the kernel skipped".into(),
        }];
        let document = Document { probe: "rps", tables: &tables, loss: &loss, listings: &[] };
        let mut out = Vec::new();
        write_line(&mut out, &document).expect("memory takes everything");
        let columns = r#"["device","curr_node_id","curr_cpu","targ_cpu","packets"]"#;
        let missing = concat!(
            r#"{"what":"recursion_misses","where":"dispatch","count":12,"#,
            r#""meaning":"events that the kernel skipped"}"#
        );
        assert_eq!(
            String::from_utf8(out).expect("text"),
            format!(
                r#"{{"type":"read","schema_version":1,"probe":"rps","views":[{{"map":"rps_record","columns":{columns},"rows":[{ROWS}]}}],"loss":[{missing}]}}"#
            ) + "\n"
        );
    }

    #[test]
    fn a_document_of_its_own_has_no_type() {
        let document = Document { probe: "rps", tables: &[], loss: &[], listings: &[] };
        let mut out = Vec::new();
        write(&mut out, &document).expect("memory takes everything");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "{\n  \"schema_version\": 1,\n  \"probe\": \"rps\",\n  \"views\": [],\n  \"loss\": []\n}\n"
        );
    }

    #[test]
    fn an_event_is_a_line_and_its_text_is_exact() {
        let columns = Columns::new(None, &event(), None).expect("no view");
        let bytes = event_record(59, "a\nb", None);
        let row = record(&columns, &bytes, &mut Lookups::default());
        let event = Event { probe: "syscalls", map: "events", columns: &columns, row: &row };
        let mut out = Vec::new();
        write_event(&mut out, &event).expect("memory takes everything");
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
        let document = Document { probe: "rps", tables: &[], loss: &[], listings: &[] };
        let error = write(&mut Closed, &document).expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
