//! The fields of a key and a value, nested ones included.

use crate::btf::{Field, Layout};
use crate::read::columns::{Column, Source};
use crate::read::decode::Place;

/// A column for each field, as its type says.
pub(super) fn all(key: Option<&Layout>, value: &Layout) -> Vec<Column> {
    let mut columns = Vec::new();
    if let Some(key) = key {
        part(Source::Key, key, &mut columns);
    }
    part(Source::Value, value, &mut columns);
    let in_both: Vec<String> = columns
        .iter()
        .filter(|column| column.source == Source::Key)
        .filter(|column| {
            let mut values = columns.iter().filter(|other| other.source == Source::Value);
            values.any(|other| other.field == column.field)
        })
        .map(|column| column.field.clone())
        .collect();
    for column in &mut columns {
        if in_both.contains(&column.field) {
            column.field = format!("{}.{}", column.source.name(), column.field);
        }
        column.name.clone_from(&column.field);
    }
    columns
}

/// The size of the CPU's number behind the key.
pub(super) const CPU_SIZE: u32 = 4;

/// The column of the CPU whose value a row has.
pub(super) fn cpu(key: &Layout, others: &[Column]) -> Column {
    let is_taken = others.iter().any(|column| column.field == "cpu");
    let name = if is_taken { "value.cpu" } else { "cpu" };
    Column {
        name: name.into(),
        bit_offset: 8 * u64::from(key.size()),
        ..Column::new(Source::Key, name.into(), Layout::untyped(CPU_SIZE))
    }
}

fn part(source: Source, layout: &Layout, columns: &mut Vec<Column>) {
    match layout {
        Layout::Struct { fields, .. } | Layout::Union { fields, .. } if !fields.is_empty() => {
            members(source, fields, 0, "", columns);
        }
        _ => columns.push(Column::new(source, source.name().into(), layout.clone())),
    }
}

/// `prefix` is empty or ends in a dot. Anonymous members add nothing to it, as in C.
fn members(source: Source, fields: &[Field], base: u64, prefix: &str, columns: &mut Vec<Column>) {
    for field in fields {
        let place = Place::of(field, base);
        match &field.layout {
            Layout::Struct { fields, .. } | Layout::Union { fields, .. } => {
                let prefix = match field.name.as_str() {
                    "" => prefix.to_owned(),
                    name => format!("{prefix}{name}."),
                };
                members(source, fields, place.bit_offset, &prefix, columns);
            }
            _ if field.name.is_empty() => {}
            layout => columns.push(Column {
                bit_offset: place.bit_offset,
                bit_width: place.bit_width,
                ..Column::new(source, format!("{prefix}{}", field.name), layout.clone())
            }),
        }
    }
}

impl Column {
    /// A column at the beginning of the key or the value, as its type says.
    fn new(source: Source, field: String, layout: Layout) -> Column {
        Column {
            name: String::new(),
            field,
            source,
            decoder: None,
            kind: None,
            description: None,
            process: None,
            bucket: None,
            layout,
            bit_offset: 0,
            bit_width: None,
        }
    }
}

impl Source {
    /// The field's name where the whole key or value is one.
    fn name(self) -> &'static str {
        match self {
            Source::Key => "key",
            Source::Value => "value",
        }
    }
}
