//! Event records for people, a line each.

use std::io;

use crate::desired::Decoder;
use crate::read::columns::Columns;
use crate::read::rows::{Cell, Row};
use crate::read::sinks::json::pairs;
use crate::read::sinks::terminal::plain;
use crate::text::terminal::escape;

/// Writes a record as `name=value` pairs in the order of the columns. A column that is decoded as a
/// time comes first and without its name; fields that the record doesn't have are left out.
///
/// # Errors
/// The writer's.
pub fn write(out: &mut impl io::Write, columns: &Columns, row: &Row) -> io::Result<()> {
    writeln!(out, "{}", text(columns, row))
}

/// The line that [`write`] writes, without its end.
pub fn text(columns: &Columns, row: &Row) -> String {
    let mut parts = Vec::new();
    for (column, cell) in columns.shown.iter().zip(&row.cells) {
        let Some(cell) = cell else {
            continue;
        };
        match column.decoder {
            Some(Decoder::Time) => parts.insert(0, plain(cell.shown())),
            _ => parts.push(format!("{}={}", escape(&column.name), unambiguous(cell))),
        }
    }
    parts.join(" ")
}

/// The record for a template that makes a line of it: as in JSON, but with text that is safe on a
/// terminal, since a template's result goes there as it is.
pub fn template_context(columns: &Columns, row: &Row) -> serde_json::Value {
    serde_json::Value::Object(
        pairs(columns, row)
            .map(|(name, value)| (name.into_owned(), escaped(value.to_json())))
            .collect(),
    )
}

/// Text that could be taken for more than one word or for none is quoted.
fn unambiguous(cell: &Cell) -> String {
    let text = plain(cell.shown());
    let quoted = text.is_empty() || text.contains([' ', '"', '=']);
    if quoted { format!("\"{}\"", text.replace('"', "\\\"")) } else { text }
}

fn escaped(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(escape(&text).into_owned()),
        Value::Array(values) => values.into_iter().map(escaped).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, escaped(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::desired::Decoder;
    use crate::read::sample::{column, event, event_record, view};
    use crate::read::sinks::line::{template_context, write};
    use crate::read::{Columns, Lookups, Row, record};

    fn row(columns: &Columns, comm: &str, path: Option<&str>) -> Row {
        record(columns, &event_record(59, comm, path), &mut Lookups::default())
    }

    fn line(columns: &Columns, row: &Row) -> String {
        let mut out = Vec::new();
        write(&mut out, columns, row).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn pairs_in_the_order_of_the_columns() {
        let columns = Columns::new(None, &event(), None).expect("no view");
        assert_eq!(
            line(&columns, &row(&columns, "bash", Some("/usr/bin/ls"))),
            "nr=59 comm=bash time_ns=1500000000 path=/usr/bin/ls\n"
        );
        assert_eq!(
            line(&columns, &row(&columns, "bash", None)),
            "nr=59 comm=bash time_ns=1500000000\n"
        );
    }

    #[test]
    fn a_time_comes_first_and_odd_text_is_quoted_and_escaped() {
        let mut view = view("events");
        view.columns = vec![
            column("time_ns", None, Some(Decoder::Time)),
            column("nr", Some("call"), Some(Decoder::Static(vec![(59, "execve".into())]))),
        ];
        let columns = Columns::new(None, &event(), Some(&view)).expect("it fits");
        let line = line(&columns, &row(&columns, "Web Content", Some("/tmp/\"a\n")));
        let (time, rest) = line.split_once(' ').expect("several words");
        humantime::parse_rfc3339(time).expect("a time");
        assert_eq!(rest, "call=execve comm=\"Web Content\" path=\"/tmp/\\\"a\\n\"\n");
    }

    #[test]
    fn a_template_gets_safe_text_and_raw_values() {
        let mut view = view("events");
        view.columns =
            vec![column("nr", Some("call"), Some(Decoder::Static(vec![(59, "execve".into())])))];
        let columns = Columns::new(None, &event(), Some(&view)).expect("it fits");
        assert_eq!(
            template_context(&columns, &row(&columns, "a\x1b]0;b", None)),
            json!({"call": "execve", "call_raw": 59, "comm": "a\\u{1b}]0;b", "time_ns": 1_500_000_000})
        );
    }
}
