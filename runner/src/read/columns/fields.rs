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

fn part(source: Source, layout: &Layout, columns: &mut Vec<Column>) {
    match layout {
        Layout::Struct { fields, .. } | Layout::Union { fields, .. } if !fields.is_empty() => {
            members(source, fields, 0, "", columns);
        }
        _ => columns.push(Column {
            name: String::new(),
            field: source.name().into(),
            source,
            decoder: None,
            layout: layout.clone(),
            bit_offset: 0,
            bit_width: None,
        }),
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
                name: String::new(),
                field: format!("{prefix}{}", field.name),
                source,
                decoder: None,
                layout: layout.clone(),
                bit_offset: place.bit_offset,
                bit_width: place.bit_width,
            }),
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
