//! Comma-separated values, as RFC 4180 has them: for spreadsheets and other programs.

use std::io;

use csv::{Writer, WriterBuilder};

use crate::read::columns::Columns;
use crate::read::decoders::Lookups;
use crate::read::rows::Row;
use crate::read::sinks::Sheets;
use crate::read::sinks::json::pairs;
use crate::read::table::Table;
use crate::read::value::Value;

/// Writes the rows of one map, or of maps one after another with an empty line between. The first line of each
/// names the columns as JSON does; a decoded column `x` has its raw value beside it as `x_raw`.
pub struct Sheet<W: io::Write> {
    writer: Writer<W>,
    sheets: usize,
}

impl<W: io::Write> Sheet<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Sheet<W> {
        Sheet { writer: WriterBuilder::new().flexible(true).from_writer(out), sheets: 0 }
    }

    /// Writes the names of the columns.
    ///
    /// # Errors
    /// The writer's.
    pub fn heading(&mut self, columns: &Columns) -> io::Result<()> {
        Ok(self.writer.write_record(columns.json_names())?)
    }

    /// Writes a row; what a record doesn't have is empty.
    ///
    /// # Errors
    /// The writer's.
    pub fn row(&mut self, columns: &Columns, row: &Row) -> io::Result<()> {
        let mut values: Vec<_> = pairs(columns, row).collect();
        let cells = columns.json_names().into_iter().map(|name| {
            let position = values.iter().position(|(found, _)| *found == name);
            position.map_or_else(String::new, |position| text(values.swap_remove(position).1))
        });
        Ok(self.writer.write_record(cells)?)
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The writer's.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl<W: io::Write> Sheets for Sheet<W> {
    fn begin(&mut self, _: &str, columns: &Columns) -> io::Result<()> {
        if self.sheets > 0 {
            self.writer.flush()?;
            self.writer.write_record([""])?;
        }
        self.sheets += 1;
        self.heading(columns)
    }

    fn part(&mut self, table: &Table, lookups: &mut Lookups) -> io::Result<()> {
        for row in table.rows(lookups) {
            self.row(&table.columns, &row)?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Text as it is, everything else as in JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Enum { name: Some(name), .. } => name.clone(),
        other => match other.to_json() {
            serde_json::Value::String(text) => text,
            json => json.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::desired::Decoder;
    use crate::read::sample::{column, event, event_record, view};
    use crate::read::sinks::csv::Sheet;
    use crate::read::{Columns, Lookups, record};

    #[test]
    fn names_raw_values_and_quotes() {
        let mut view = view("events");
        view.columns =
            vec![column("nr", Some("call"), Some(Decoder::Static(vec![(59, "execve".into())])))];
        let columns = Columns::new(None, &event(), Some(&view)).expect("it fits");
        let mut out = Vec::new();
        let mut sheet = Sheet::new(&mut out);
        sheet.heading(&columns).expect("memory takes everything");
        for (comm, path) in [("bash", Some("/bin/\"ls\",x")), ("a\nb", None)] {
            let bytes = event_record(59, comm, path);
            let row = record(&columns, &bytes, &mut Lookups::default());
            sheet.row(&columns, &row).expect("memory takes everything");
        }
        drop(sheet);
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "call,call_raw,comm,time_ns,path\n\
             execve,59,bash,1500000000,\"/bin/\"\"ls\"\",x\"\n\
             execve,59,\"a\nb\",1500000000,\n"
        );
    }
}
