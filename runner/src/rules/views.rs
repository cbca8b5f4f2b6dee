//! Whether maps can be shown as the probe file wants them.

use crate::btf::Layout;
use crate::model::{ColumnView, Model, View, ViewLayout};
use crate::object::{Map, MapType};
use crate::read::{ColumnError, Columns};
use crate::rules::checked::view_of;
use crate::text::codes::Code;
use crate::text::diagnostic::{Diagnostic, Findings};
use crate::text::source::Span;
use crate::text::suggest::{listed, nearest};

/// How many names a message lists.
const LISTED: usize = 16;

/// Applies this family's rules.
pub fn check(model: &Model, findings: &mut Findings) {
    for view in &model.views {
        let map = model.map(view.map.value);
        if matches!(map.map_type, MapType::PROG_ARRAY) {
            findings.push(
                Diagnostic::error(
                    Code::RecordType,
                    view.map.span,
                    format!("`{}` holds programs, not data", map.name),
                )
                .help("`probe-runner status` shows its slots"),
            );
            continue;
        }
        record_type_is_known(model, view, map, findings);
        layout_fits(view, map, findings);
        if let Some((key, value)) = types(model, view, map) {
            columns_fit(model, view, map, key, value, findings);
        }
    }
}

/// The types of a map's key and value, or of its records. None where the object doesn't say: such
/// maps are shown in hexadecimal.
pub fn types<'a>(
    model: &'a Model,
    view: &'a View,
    map: &'a Map,
) -> Option<(Option<&'a Layout>, &'a Layout)> {
    match (&view.layout, &view.record) {
        (Some(ViewLayout::Entries { key, value }), _) => {
            Some((key.as_ref().map(|key| &key.value), &value.value))
        }
        (Some(ViewLayout::Records(record)), _) => Some((None, &record.value)),
        (None, Some(record)) => Some((None, find_struct(model, &record.value)?)),
        // The entries of the maps in it are shown, whose types are found when it is read.
        (None, None) if map.map_type.holds_maps() => None,
        (None, None) => Some((map.key.as_ref(), map.value.as_ref()?)),
    }
}

fn find_struct<'a>(model: &'a Model, tag: &str) -> Option<&'a Layout> {
    structs(model).find(|(name, _)| name == tag).map(|(_, layout)| layout)
}

fn structs(model: &Model) -> impl Iterator<Item = &(String, Layout)> {
    model.objects.iter().flat_map(|object| &object.file.inventory.structs)
}

/// A ring buffer's records have no type of their own: the view names it.
fn record_type_is_known(model: &Model, view: &View, map: &Map, findings: &mut Findings) {
    let is_events = map.map_type.holds_records();
    match &view.record {
        Some(record) if !is_events => findings.push(
            Diagnostic::error(
                Code::RecordType,
                record.span,
                format!("`{}` is not a map of records", map.name),
            )
            .label(format!(
                "`{}` is a {} map: its definition names its types",
                map.name, map.map_type
            ))
            .help("leave `type` out"),
        ),
        Some(record) if find_struct(model, &record.value).is_none() => {
            let names = || structs(model).map(|(name, _)| name.as_str());
            findings.push(
                Diagnostic::error(
                    Code::RecordType,
                    record.span,
                    format!("no object has a `struct {}`", record.value),
                )
                .did_you_mean(nearest(&record.value, names()))
                .help(format!("structures there are: {}", listed(names(), LISTED))),
            );
        }
        None if is_events && view.layout.is_none() => findings.push(
            Diagnostic::error(
                Code::RecordType,
                view.map.span,
                format!("the type of `{}`'s records is not given", map.name),
            )
            .label(format!("a {} map", map.map_type))
            .help("name the structure that the programs write: `type: my_event`"),
        ),
        _ => {}
    }
}

/// Types that the file gives have the sizes that the map has.
fn layout_fits(view: &View, map: &Map, findings: &mut Findings) {
    let is_events = map.map_type.holds_records();
    let (key, value) = match &view.layout {
        None => return,
        Some(ViewLayout::Records(record)) => {
            if !is_events {
                findings.push(wrong_layout(record.span, map).help("write `key` and `value`"));
            } else if let Some(tag) = &view.record {
                findings
                    .push(wrong_layout(record.span, map).other(tag.span, "its type is named here"));
            }
            return;
        }
        Some(ViewLayout::Entries { value, .. }) if is_events => {
            findings.push(wrong_layout(value.span, map).help("write `record`"));
            return;
        }
        Some(ViewLayout::Entries { key, value }) => (key, value),
    };
    if map.map_type.holds_maps() {
        findings.push(
            wrong_layout(value.span, map)
                .help("the maps in it have types of their own; leave it out"),
        );
        return;
    }
    let sizes = [
        ("key", key.as_ref().map(|key| (key.span, key.value.size())), map.key_size),
        ("value", Some((value.span, value.value.size())), map.value_size),
    ];
    for (what, written, size) in sizes {
        match written {
            Some((span, written)) if written != size => findings.push(
                Diagnostic::error(
                    Code::LayoutSize,
                    span,
                    format!("`{}` has a {what} of {size} bytes", map.name),
                )
                .label(format!("this is {written} bytes long"))
                .help(
                    "fields begin at multiples of their sizes, as in C; with `packed: true` they \
                     follow each other without gaps",
                ),
            ),
            None if size > 0 => findings.push(
                Diagnostic::error(
                    Code::LayoutSize,
                    value.span,
                    format!("`{}` has a {what} of {size} bytes", map.name),
                )
                .label("only the value's type is written")
                .help("write its type too: `key: u32`"),
            ),
            _ => {}
        }
    }
}

fn wrong_layout(span: Span, map: &Map) -> Diagnostic {
    let message = format!("`{}` can't have this layout", map.name);
    Diagnostic::error(Code::LayoutSize, span, message)
        .label(format!("it is a {} map", map.map_type))
}

fn columns_fit(
    model: &Model,
    view: &View,
    map: &Map,
    key: Option<&Layout>,
    value: &Layout,
    findings: &mut Findings,
) {
    let Err(errors) = Columns::new(key, value, Some(&view_of(model, view))) else { return };
    for error in errors {
        findings.push(column_error(view, map, error));
    }
}

fn column_error(view: &View, map: &Map, error: ColumnError) -> Diagnostic {
    let whole = view.map.span;
    let span_of = |field: &str| {
        let column = view.columns.iter().rfind(|column| column.field.value == field);
        column.map_or(whole, |column| column.field.span)
    };
    match error {
        ColumnError::UnknownField { field, known } => {
            let names = || known.iter().map(String::as_str);
            Diagnostic::error(
                Code::UnknownColumn,
                span_of(&field),
                format!("`{}` has no field `{field}`", map.name),
            )
            .did_you_mean(nearest(&field, names()))
            .help(format!("fields there are: {}", listed(names(), LISTED)))
        }
        ColumnError::FieldTwice { field } => Diagnostic::error(
            Code::DuplicateKey,
            span_of(&field),
            format!("the field `{field}` stands twice"),
        ),
        ColumnError::Unfit { field, reason, .. } => {
            let decoder = view.columns.iter().find(|column| column.field.value == field);
            let span = decoder
                .and_then(|c| c.decoder.as_ref())
                .map_or_else(|| span_of(&field), |d| d.span);
            Diagnostic::error(
                Code::DecoderMismatch,
                span,
                format!("the decoder doesn't fit `{field}`"),
            )
            .label(reason)
        }
        ColumnError::NameTwice { name } => {
            let mut places = view.columns.iter().rev().filter(|column| is_called(column, &name));
            let span = places.next().map_or(whole, |column| column.field.span);
            let message = format!("two columns are called `{name}`");
            let mut diagnostic = Diagnostic::error(Code::DuplicateKey, span, message);
            if let Some(other) = places.next() {
                diagnostic = diagnostic.other(other.field.span, "the other one");
            }
            diagnostic.help("give one of them another `name`, or `hide` it")
        }
        ColumnError::UnknownGroup { field, known } => {
            let names = || known.iter().map(String::as_str);
            let written = view.group.iter().find(|one| one.value == field);
            Diagnostic::error(
                Code::UnknownColumn,
                written.map_or(whole, |field| field.span),
                format!("the key of `{}` has no field `{field}` to group by", map.name),
            )
            .did_you_mean(nearest(&field, names()))
            .help(format!("fields of the key: {}", listed(names(), LISTED)))
        }
        ColumnError::UnknownPlot { column, known } => {
            let names = || known.iter().map(String::as_str);
            Diagnostic::error(
                Code::UnknownColumn,
                view.plot.as_ref().map_or(whole, |plot| plot.span),
                format!("there is no column `{column}` of whole numbers to draw"),
            )
            .did_you_mean(nearest(&column, names()))
            .help(format!("columns that can be drawn: {}", listed(names(), LISTED)))
        }
        ColumnError::NotOfKind { field, kind } => {
            let column = view.columns.iter().find(|column| column.field.value == field);
            let span =
                column.and_then(|c| c.kind.as_ref()).map_or_else(|| span_of(&field), |k| k.span);
            Diagnostic::error(
                Code::DecoderMismatch,
                span,
                format!("`{field}` is no {}", kind.name()),
            )
            .label(format!("it takes {}", kind.takes()))
        }
        ColumnError::NoProcess { field } => Diagnostic::error(
            Code::DecoderMismatch,
            span_of(&field),
            format!("nothing says of which process `{field}` is the stack"),
        )
        .label("`ustack` needs a field `tgid` or `pid` beside it")
        .help("store the process's id in the key, the value or the record"),
        ColumnError::UnknownSort { column, known } => {
            let names = || known.iter().map(String::as_str);
            let span = view.sort.as_ref().map_or(whole, |sort| sort.span);
            let diagnostic = Diagnostic::error(
                Code::UnknownColumn,
                span,
                format!("there is no column `{column}` to sort by"),
            );
            let field = view.columns.iter().find(|one| one.field.value == column);
            let diagnostic = match field {
                Some(field) if field.hide => diagnostic
                    .other(field.field.span, "it is hidden here")
                    .help("sort by a column that is shown, or show this one"),
                Some(field) => diagnostic
                    .other(field.field.span, "it has another name here")
                    .did_you_mean(field.name.as_deref()),
                None => diagnostic.did_you_mean(nearest(&column, names())),
            };
            diagnostic.help(format!("columns that are shown: {}", listed(names(), LISTED)))
        }
    }
}

/// Whether a column of the view has a name, given or its own.
fn is_called(column: &ColumnView, name: &str) -> bool {
    !column.hide && column.name.as_deref().unwrap_or(&column.field.value) == name
}
