//! What a probe's own tests expect: fields by name, values as the types of maps say.

use crate::btf::Layout;
use crate::desired::{self, Decoder};
use crate::model::{Expectations, ExpectedField, ExpectedRows, MapId, View, ViewLayout};
use crate::object::{Map, MapType};
use crate::read::{Column, Columns, Value, decode, decoders};
use crate::resolve::binder::Binder;
use crate::resolve::encode::{Codes, Place, Texts, encode, texts};
use crate::resolve::number;
use crate::spec::probe_test::{ExpectSpec, RowSpec};
use crate::spec::values::{Entries, Scalar};
use crate::syscall_table;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::At;
use crate::text::suggest::{listed, nearest};

/// How many names a message lists.
const LISTED: usize = 16;

/// Binds `expect`. `views` are what `read` says.
pub fn bind(spec: &ExpectSpec, views: &[View], binder: &mut Binder<'_>) -> Expectations {
    let returns = spec.returns.as_ref().and_then(|text| returned(text, binder));
    let mut maps = Vec::new();
    for (name, rows) in &spec.maps.0 {
        if let Some(map) = binder.map(name)
            && let Some(columns) = entry_columns(&name.with(map), views, binder)
        {
            maps.push(bind_rows(name.with(map), columns, &rows.value, binder));
        }
    }
    let mut events = Vec::new();
    for (name, rows) in &spec.events.0 {
        if let Some(map) = binder.map(name)
            && let Some(columns) = record_columns(&name.with(map), views, binder)
        {
            events.push(bind_rows(name.with(map), columns, &rows.value, binder));
        }
    }
    Expectations { returns, maps, events }
}

/// What a program returns is 32 bits, which C programs take for a signed number.
fn returned(text: &At<Scalar>, binder: &mut Binder<'_>) -> Option<At<u32>> {
    let rendered = binder.text(text)?;
    let number = number::parse(&rendered.value).and_then(|number| match number {
        ..0 => i32::try_from(number).ok().map(i32::cast_unsigned),
        _ => u32::try_from(number).ok(),
    });
    if number.is_none() {
        binder.findings.push(
            Diagnostic::error(
                Code::InvalidValue,
                text.span,
                format!("a program can't return `{}`", rendered.value),
            )
            .label("must be a whole number of 32 bits, of either sign"),
        );
    }
    number.map(|number| text.with(number))
}

fn map_of<'a>(id: MapId, binder: &Binder<'a>) -> &'a Map {
    &binder.objects[id.object].file.inventory.maps[id.map]
}

/// The columns of a map's entries.
fn entry_columns(id: &At<MapId>, views: &[View], binder: &mut Binder<'_>) -> Option<Columns> {
    let map = map_of(id.value, binder);
    let is_stream = is_ring(map);
    if is_stream || !map.has_entries() {
        let diagnostic = Diagnostic::error(
            Code::TestMap,
            id.span,
            format!("`{}` holds no entries that a test could look at", map.name),
        )
        .label(format!("a {} map", map.map_type));
        binder.findings.push(match is_stream {
            true => diagnostic.help("look at its records, under `events`"),
            false => diagnostic.help("look at a map of data, or at what the program returns"),
        });
        return None;
    }
    let view = view_of(id.value, map, views, binder);
    let written = match view.and_then(|view| view.layout.as_ref()) {
        Some(ViewLayout::Entries { key: Some(key), value }) => Some((&key.value, &value.value)),
        _ => None,
    };
    let (key, value) = match written {
        Some((key, value)) => (key.clone(), value.clone()),
        None => (
            map.key.clone().unwrap_or_else(|| Layout::untyped(map.key_size)),
            map.value.clone().unwrap_or_else(|| Layout::untyped(map.value_size)),
        ),
    };
    Some(columns(Some(&key), &value, view, &map.name))
}

/// The columns of a ring buffer's records.
fn record_columns(id: &At<MapId>, views: &[View], binder: &mut Binder<'_>) -> Option<Columns> {
    let map = map_of(id.value, binder);
    if !is_ring(map) {
        let diagnostic = Diagnostic::error(
            Code::TestMap,
            id.span,
            format!("a test can't look at records of `{}`", map.name),
        )
        .label(format!("a {} map", map.map_type));
        binder.findings.push(match map.has_entries() {
            true => diagnostic.help("look at its entries, under `maps`"),
            false => diagnostic.help("only ring buffers (RINGBUF) can be looked at here"),
        });
        return None;
    }
    let view = view_of(id.value, map, views, binder);
    if let Some(ViewLayout::Records(record)) = view.and_then(|view| view.layout.as_ref()) {
        return Some(columns(None, &record.value, view, &map.name));
    }
    let Some(tag) = view.and_then(|view| view.record.as_ref()) else {
        binder.findings.push(
            Diagnostic::error(
                Code::TestMap,
                id.span,
                format!("the type of `{}`'s records is not given", map.name),
            )
            .help(format!(
                "name the structure that the programs write: `read: {{ {}: {{ type: my_event }} }}`",
                map.name
            )),
        );
        return None;
    };
    let mut structs = binder.objects.iter().flat_map(|object| &object.file.inventory.structs);
    // A tag that no object has is reported where it was written.
    let (_, record) = structs.find(|(name, _)| *name == tag.value)?;
    Some(columns(None, record, view, &map.name))
}

fn is_ring(map: &Map) -> bool {
    map.map_type == MapType::RINGBUF
}

/// What `read` says about a map.
fn view_of<'v>(id: MapId, map: &Map, views: &'v [View], binder: &Binder<'_>) -> Option<&'v View> {
    views
        .iter()
        .find(|view| view.map.value == id || map_of(view.map.value, binder).name == map.name)
}

/// Every field under its own name, decoded as the view says.
fn columns(key: Option<&Layout>, value: &Layout, view: Option<&View>, map: &str) -> Columns {
    let decoded = view.map(|view| desired::View {
        columns: view
            .columns
            .iter()
            .filter(|column| column.decoder.is_some())
            .map(|column| desired::Column {
                field: column.field.value.clone(),
                decoder: column.decoder.as_ref().map(|decoder| decoder.value.clone()),
                ..desired::Column::default()
            })
            .collect(),
        ..desired::View::plain(map)
    });
    // A view that doesn't fit is reported by the rules.
    Columns::new(key, value, decoded.as_ref()).unwrap_or_else(|_| Columns::plain(key, value))
}

fn bind_rows(
    map: At<MapId>,
    columns: Columns,
    rows: &[At<RowSpec>],
    binder: &mut Binder<'_>,
) -> ExpectedRows {
    let name = &map_of(map.value, binder).name;
    let rows =
        rows.iter().map(|row| row.with(bind_row(&row.value, &columns, name, binder))).collect();
    ExpectedRows { map, columns, rows }
}

fn bind_row(
    row: &RowSpec,
    columns: &Columns,
    map: &str,
    binder: &mut Binder<'_>,
) -> Vec<ExpectedField> {
    let Entries(fields) = row;
    let mut bound = Vec::new();
    for (field, value) in fields {
        let Some(column) = columns.shown.iter().find(|column| column.field == field.value) else {
            let names = || columns.shown.iter().map(|column| column.field.as_str());
            binder.findings.push(
                Diagnostic::error(
                    Code::UnknownColumn,
                    field.span,
                    format!("`{map}` has no field `{}`", field.value),
                )
                .did_you_mean(nearest(&field.value, names()))
                .help(format!("fields there are: {}", listed(names(), LISTED))),
            );
            continue;
        };
        let Some(texts) = texts(value, binder) else { continue };
        match expected(column, map, &texts) {
            Ok(value) => bound.push(ExpectedField {
                field: field.value.clone(),
                value,
                written: written(&texts),
            }),
            Err(diagnostic) => binder.findings.push(*diagnostic),
        }
    }
    bound
}

/// The value that a field must have: by its decoder's name for it, or as its type says.
fn expected(column: &Column, map: &str, texts: &Texts) -> Result<Value, Box<Diagnostic>> {
    let layout = column.layout();
    let place = Place {
        name: &column.field,
        layout: Some(layout),
        size: layout.size(),
        described: format!("in the object: `{}` of `{map}`, {layout}", column.field),
        codes: Codes { mistyped: Code::TestValue, out_of_range: Code::TestValue },
    };
    let named = match (texts, &column.decoder) {
        (Texts::One(text), Some(decoder)) => decoders::number_of(decoder, &text.value)
            .map(|number| Texts::One(text.with(number.to_string()))),
        _ => None,
    };
    let texts = named.as_ref().unwrap_or(texts);
    let (Texts::One(At { span, .. }) | Texts::Many(span, _)) = texts;
    let unfit = || {
        Box::new(
            Diagnostic::error(
                Code::TestValue,
                *span,
                format!("`{}` can't be compared with this", column.field),
            )
            .label("must be a number")
            .note(place.described.clone()),
        )
    };
    match encode(&place, texts).map_err(|wrong| named_in_vain(column, texts, wrong))? {
        desired::Value::Bytes(bytes) => decode(layout, &bytes).ok_or_else(unfit),
        // A device has another index on each machine.
        desired::Value::InterfaceIndex { .. } => Err(unfit()),
    }
}

/// Where the field's decoder has names for numbers, one of them may have been meant.
fn named_in_vain(column: &Column, texts: &Texts, wrong: Box<Diagnostic>) -> Box<Diagnostic> {
    let Texts::One(text) = texts else { return wrong };
    if number::parse(&text.value).is_some() {
        return wrong;
    }
    let meant = match &column.decoder {
        Some(Decoder::Syscall) => nearest(&text.value, syscall_table::all().map(|(_, name)| name)),
        Some(Decoder::Static(names)) => {
            nearest(&text.value, names.iter().map(|(_, name)| name.as_str()))
        }
        _ => None,
    };
    Box::new(wrong.did_you_mean(meant))
}

fn written(texts: &Texts) -> String {
    match texts {
        Texts::One(text) => text.value.clone(),
        Texts::Many(_, elements) => {
            let elements: Vec<&str> = elements.iter().map(|one| one.value.as_str()).collect();
            format!("[{}]", elements.join(", "))
        }
    }
}
